"""Captions in place, for a person at a terminal: what was said beside its translations, and how far the audio is.

While it runs, the last utterances are shown and written over as words come; at the end the whole table stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from cli.events import Event, Interrupted, Postponed, Returned
from cli.lines import complaint, described, waiting
from cli.summary import Summary
from wire.protocol import (
    ErrorTold,
    QueueStatus,
    SessionReady,
    SpeechFinished,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)

ERRORS_SHOWN = 3

_DENSE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
"""Letters of scripts that put no space between words."""


@dataclass
class Row:
    """One utterance as it stands."""

    source: Text = field(default_factory=Text)
    targets: dict[str, Text] = field(default_factory=dict)


class LiveCaptions:
    def __init__(self, console: Console, seconds: float | None) -> None:
        self._console = console
        self._rows: dict[int, Row] = {}
        self._targets: Sequence[str] = ()
        self._source = "auto"
        self._errors: list[str] = []
        self._progress = Progress(
            TextColumn("{task.completed:.0f} s"), BarColumn(None), TextColumn("{task.description}"), console=console
        )
        self._bar = self._progress.add_task("connecting", total=seconds)
        self._live = Live(console=console, get_renderable=self._shown, refresh_per_second=8, transient=True)
        self._live.start()

    def sent(self, seconds: float) -> None:
        self._progress.update(self._bar, completed=seconds)

    def heard(self, event: Event, t: float) -> None:
        match event:
            case SessionReady():
                self._targets, self._source = event.targets, event.source
                self._progress.update(self._bar, description="speaking")
            case TranscriptPartial():
                self._row(event.utterance).source = _so_far(event)
            case TranslationPartial():
                self._row(event.utterance).targets[event.target] = _so_far(event)
            case TranscriptFinal():
                self._row(event.utterance).source = Text.assemble((f"{event.language} ", "dim"), event.text)
            case UtteranceEmpty():
                self._row(event.utterance).source = Text(f"({event.reason})", "dim")
            case TranslationFinal():
                self._row(event.utterance).targets[event.target] = Text(event.text, "bold")
            case SpeechFinished():
                self._row(event.utterance).targets.setdefault(event.target, Text()).append(" ♪", "green")
            case ErrorTold():
                self._tell(event)
            case QueueStatus() | Postponed():
                self._progress.update(self._bar, description=waiting(event))
            case Interrupted():
                self._progress.update(self._bar, description="connection lost: coming back")
            case Returned():
                self._progress.update(self._bar, description="speaking")

    def ended(self, summary: Summary) -> None:
        self._live.stop()
        if self._rows:
            self._console.print(self._table(len(self._rows)))
        for error in self._errors:
            self._console.print(Text(error, "red"))
        self._console.print(Text(described(summary), "red" if summary.lost else "green"))

    def _tell(self, error: ErrorTold) -> None:
        self._errors.append(complaint(error))
        if error.utterance is not None:
            row, mark = self._row(error.utterance), Text("failed", "red")
            if error.target is None:
                row.source = mark
            else:
                row.targets.setdefault(error.target, Text()).append_text(mark)

    def _row(self, utterance: int) -> Row:
        return self._rows.setdefault(utterance, Row())

    def _shown(self) -> RenderableType:
        errors = [Text(error, "red") for error in self._errors[-ERRORS_SHOWN:]]
        return Group(self._table(max(2, (self._console.height - 8) // 3)), *errors, self._progress)

    def _table(self, count: int) -> Table:
        """The newest `count` utterances."""
        table = Table(expand=True, pad_edge=False, show_edge=False)
        table.add_column("", width=3, justify="right", style="dim")
        table.add_column(self._source, ratio=1)
        for target in self._targets:
            table.add_column(target, ratio=1)
        for utterance in sorted(self._rows)[-count:] if count else []:
            row = self._rows[utterance]
            table.add_row(str(utterance), row.source, *(row.targets.get(target, Text()) for target in self._targets))
        return table


def _so_far(partial: TranscriptPartial | TranslationPartial) -> Text:
    """What stays as it is, then what may change, dim."""
    both = partial.committed and partial.tentative
    space = " " if both and not _DENSE.match(partial.tentative) else ""
    return Text.assemble(partial.committed, space, (partial.tentative, "dim italic"))

"""`dragoman plan`: how large a fleet must be for so many streams, with each formula and the numbers in it.

    dragoman plan --streams 500 --rtf 0.1 --speech-share 0.6 --targets 3

It asks no server anything. Exit codes: 0 done, 2 unusable arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cli.figures import FIGURES
from cli.planning import Asked, Plan, plan
from wire import process

PROGRAM = "dragoman plan"

FLAGS: tuple[tuple[str, float | None, float, str], ...] = (
    ("streams", None, 1, "sessions at the same time"),
    ("rtf", 0.1, 0, "seconds of engine time to transcribe a second of speech (`nodes` in the dashboard have it)"),
    ("rtf-translate", None, 0, "the same to translate it into one target; default: a third of --rtf"),
    ("rtf-speech", None, 0, "the same to speak it in one target; default: half of --rtf"),
    ("speech-share", 0.6, 0, "how much of a session is speech, 0 to 1"),
    ("utterance-s", 4.0, 0.1, "seconds of an utterance"),
    ("targets", 1, 0, "languages that a session is put into"),
    ("spoken", None, 0, "how many of them are spoken; default: all"),
    ("slots", 1, 1, "slots of a node"),
    ("utilization", 0.8, 0.01, "how busy slots may be on average (`target_utilization` of schedulers), 0 to 1"),
    ("spare", 1, 0, "nodes more than are needed, so that one may fail"),
    ("captions", 1.0, 0, "share of sessions that ask for live captions, 0 to 1"),
    ("recordings-h", 0.0, 0, "hours of recordings that are brought each day"),
    ("history-days", 7.0, 0, "days for which transcripts are kept"),
    ("hours", 8.0, 0, "hours of a day in which so much is spoken"),
    ("replicas", 1, 1, "how often NATS keeps each stream: 3 in a cluster"),
    ("core-share", 0.7, 0.01, "how much of a core a scheduler or an ingress may use, 0 to 1"),
    ("model-mb", 0.0, 0, "memory of a node's models"),
)
"""Name, default, least, help. Shares are 1 at most."""
SHARES = {"speech_share", "utilization", "captions", "core_share"}


def main(argv: Sequence[str] | None = None) -> int:
    parser = process.Parser(prog=PROGRAM, description="Say how large a fleet must be, and how that is reckoned.")
    for name, default, least, purpose in FLAGS:
        shown = "" if default is None else f" (default: {default:g})"
        parser.add_argument(f"--{name}", type=_number(name, least), default=default, metavar="…", help=purpose + shown)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    given = vars(parser.parse_args(argv))
    json = given.pop("json")
    if given["streams"] is None:
        parser.error("--streams is missing: how many sessions at the same time?")
    asked = _asked(given)
    found = plan(asked)
    if json:
        figures = {name: figure._asdict() for name, figure in FIGURES.items()}
        told = {"asked": asked, "plan": found.lines, "warnings": found.warnings, "figures": figures}
        print(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
    else:
        print("\n".join(text(asked, found)))
    return 0


def _number(name: str, least: float) -> Any:
    key = name.replace("-", "_")
    whole = Asked.__annotations__[key] == "int"

    def read(given: str) -> float:
        try:
            value: float = int(given) if whole else float(given)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{given!r} is no {'whole ' if whole else ''}number") from error
        if not least <= value < 1e12 or (key in SHARES and value > 1):
            raise argparse.ArgumentTypeError(f"{given} is not {least:g}{' to 1' if key in SHARES else ' or more'}")
        return value

    return read


def _asked(given: dict[str, Any]) -> Asked:
    if given["rtf_translate"] is None:
        given["rtf_translate"] = given["rtf"] / 3
    if given["rtf_speech"] is None:
        given["rtf_speech"] = given["rtf"] / 2
    if given["spoken"] is None:
        given["spoken"] = given["targets"]
    return Asked(**given)


def text(asked: Asked, found: Plan) -> Iterator[str]:
    yield (
        f"{asked.streams} streams, {asked.speech_share:.0%} of them speech, in utterances of {asked.utterance_s:g} s, "
        f"into {asked.targets} languages, {asked.spoken} of them spoken:"
    )
    yield ""
    for line in found.lines:
        yield f"  {line.what:<40} {amount(line.value):>9} {line.unit}".rstrip()
        yield f"      = {line.formula}"
    for warning in found.warnings:
        yield ""
        yield f"  ! {warning}"
    yield ""
    yield "Measured on 2 cores of an AMD EPYC, where nothing else is said; --json names the source of each figure."


def amount(value: float) -> str:
    """Three digits that count; whole numbers whole."""
    if value == round(value) or value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())

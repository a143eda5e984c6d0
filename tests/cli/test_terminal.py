from __future__ import annotations

import io

from cli.terminal import CLEAR_LINE, Terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def test_lines_stand_behind_their_names() -> None:
    out = io.StringIO()
    terminal = Terminal(out)
    terminal.line("scheduler", "one")
    terminal.line("nats", "two")
    terminal.say("three")
    assert out.getvalue() == "scheduler | one\nnats      | two\nthree\n"


def test_without_a_terminal_a_status_is_a_line_when_it_changes() -> None:
    out = io.StringIO()
    terminal = Terminal(out)
    for text in ("waiting", "waiting", "still waiting", ""):
        terminal.status(text)
    assert out.getvalue() == "waiting\nstill waiting\n"


def test_on_a_terminal_the_status_stays_below_and_names_have_colours() -> None:
    out = Screen()
    terminal = Terminal(out)
    terminal.status("waiting")
    terminal.line("a", "one")
    terminal.line("b", "two")
    terminal.status("")
    last = out.getvalue().split(CLEAR_LINE)
    assert last[2] == "\x1b[36ma |\x1b[0m one\n\x1b[2mwaiting\x1b[0m"
    assert last[3] == "\x1b[35mb |\x1b[0m two\n\x1b[2mwaiting\x1b[0m"
    assert last[4] == ""


def test_a_reader_that_has_gone_is_told_once() -> None:
    told: list[bool] = []
    terminal = Terminal(Closed(), gone=lambda: told.append(True))
    terminal.say("one")
    terminal.say("two")
    assert told == [True]

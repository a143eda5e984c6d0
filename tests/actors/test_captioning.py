"""Partials in stories of whole sessions: when they are asked for, and what is shown of their answers."""

from __future__ import annotations

from actors.commands import TellLive
from tests.actors.life import Teller
from tests.actors.test_utterances import CAPTIONS, commands_of, heard, partials, shown
from wire.messages import FinalizeRequested
from wire.options import Endpointing, Options
from wire.protocol import TranslationPartial


def test_partials_are_asked_for_while_somebody_speaks() -> None:
    teller = Teller(targets=(), options=CAPTIONS, frames=1).quiet(0.5).voice(0.56)
    assert partials(teller.story) == []
    first = partials(teller.voice(0.1).story)
    assert [(job.utterance, job.generation, job.whole) for job in first] == [(1, 1, False)]
    assert abs(len(first[0].pcm) / 32_000 - 0.9) < 0.05, "0.6 s of voice and 0.3 s of pre-roll"
    assert len(partials(teller.voice(2).story)) == 1, "one at a time"
    teller.say(heard(teller.story, "bonjour"))
    second = partials(teller.voice(0.1).story)[1]
    assert abs(len(second.pcm) / 32_000 - 3.0) < 0.1
    teller.say(heard(teller.story, "bonjour à tous"))
    assert shown(teller.story) == [("", "bonjour"), ("bonjour", "à tous")]


def test_none_is_asked_for_in_a_pause_or_where_nobody_wants_captions() -> None:
    assert partials(Teller(targets=(), frames=1).voice(3).story) == []
    teller = Teller(targets=(), options=CAPTIONS, frames=1).voice(0.4).quiet(0.35)
    assert partials(teller.story) == []


def test_none_is_asked_for_while_a_final_is_waited_for() -> None:
    teller = Teller(targets=(), options=CAPTIONS, frames=1).voice(0.4).quiet(0.7)
    before = len(partials(teller.story))
    assert len(partials(teller.voice(2).story)) == before


def test_live_translations_are_told_likewise() -> None:
    teller = Teller(targets=("en",), options=Options(captions=True, live=["en"]), frames=1).voice(0.7)
    assert partials(teller.story)[-1].live == ["en"]
    teller.say(heard(teller.story, "bonjour", en="hello")).voice(0.7)
    teller.say(heard(teller.story, "bonjour à tous", en="hello everybody"))
    told = [
        command.event
        for command in commands_of(teller.story)
        if isinstance(command, TellLive) and isinstance(command.event, TranslationPartial)
    ]
    assert [(each.target, each.committed, each.tentative) for each in told] == [
        ("en", "", "hello"),
        ("en", "hello", "everybody"),
    ]


def test_none_is_asked_for_in_a_recording() -> None:
    teller = Teller(targets=(), options=Options(captions=True, recorded=True), frames=1)
    assert partials(teller.voice(3).quiet(1).story) == []


def test_where_the_client_ends_utterances_no_silence_is_taken_for_the_end() -> None:
    options = Options(captions=True, endpointing=Endpointing(manual=True))
    teller = Teller(targets=(), options=options, frames=1).quiet(1)
    assert partials(teller.story) == []
    assert [job.whole for job in partials(teller.voice(0.7).story)] == [False]
    teller.say(heard(teller.story, "bonjour")).quiet(3).say(FinalizeRequested(after=-1))
    assert len(partials(teller.story)) == 1
    assert shown(teller.story) == [("", "bonjour")]

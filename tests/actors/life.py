"""A session's life as a list of (time, mail), lived three ways that must issue the same commands.

Plainly; with each message sent twice; and with a snapshot and a restore between any two messages, with the audio read
back from the mail, as a scheduler that takes over does it.
"""

from __future__ import annotations

import msgspec

from actors.commands import BuryJob, Command, EndSession, RunJob, TellClient, TellLive, WidenJob, WithdrawJob
from actors.session import Session
from actors.state import SessionState
from wire.audio import FRAME_BYTES, FRAME_SECONDS
from wire.env import SchedulerSettings
from wire.messages import AudioChunk, ClientMail, ClientReturned, Mail, SessionOpened, Transcribed
from wire.options import Options
from wire.protocol import (
    ClientEvent,
    TranscriptFinal,
    TranscriptPartial,
    UtteranceDropped,
    UtteranceEnded,
    UtteranceStarted,
)

Story = list[tuple[float, Mail]]

T0 = 1_700_000_000.0
VOICE, QUIET = 240, 3
PLAIN = Options()


class Teller:
    """Writes a story: audio chunks in real time, and what else happens in between."""

    def __init__(
        self,
        source: str = "fr",
        targets: tuple[str, ...] = ("en",),
        speech: bool = False,
        frames: int = 3,
        options: Options = PLAIN,
    ) -> None:
        self.now = T0
        self.chunk = 0
        self.connection = ""
        self.frames = frames
        opened = SessionOpened(
            session="s1", ingress="i1", source=source, targets=list(targets), speech=speech, options=options
        )
        self.story: Story = [(T0, opened)]

    def say(self, mail: Mail, after: float = 0.001) -> Teller:
        if isinstance(mail, ClientReturned):
            self.connection = mail.connection
        self.now += after
        self.story.append((self.now, mail))
        return self

    def audio(self, seconds: float, probability: int) -> Teller:
        left = round(seconds / FRAME_SECONDS)
        while left > 0:
            count = min(left, self.frames)
            marked = bytes((self.chunk % 256,)) * (count * FRAME_BYTES)
            self.now += count * FRAME_SECONDS
            self.story.append(
                (
                    self.now,
                    AudioChunk(
                        first=self.chunk,
                        last=self.chunk,
                        pcm=marked,
                        speech=bytes((probability,)) * count,
                        connection=self.connection,
                    ),
                )
            )
            self.chunk += 1
            left -= count
        return self

    def voice(self, seconds: float) -> Teller:
        return self.audio(seconds, VOICE)

    def quiet(self, seconds: float) -> Teller:
        return self.audio(seconds, QUIET)

    def wait(self, seconds: float) -> Teller:
        self.now += seconds
        return self


def transcribed(utterance: int, text: str = "bonjour", attempt: int = 1, language: str = "fr") -> Transcribed:
    return Transcribed(
        job=f"s1.{utterance}",
        utterance=utterance,
        attempt=attempt,
        node="n1",
        text=text,
        language=language,
        confidence=0.9,
    )


def live(story: Story, *, settings: SchedulerSettings, doubled: bool, restored: bool, until: float) -> list[Command]:
    session = Session("s1", settings)
    commands: list[Command] = []
    mailbox: list[tuple[int, Mail]] = []

    def fire(before: float) -> None:
        for _ in range(10_000):
            due = session.deadline()
            if due is None or due >= before:
                return
            commands.extend(session.on_deadline(due))
        raise AssertionError("deadlines never end")

    sequence = 0
    for now, mail in story:
        for _ in range(2 if doubled else 1):
            sequence += 1
            mailbox.append((sequence, mail))
            fire(now)
            commands.extend(session.handle(mail, sequence, now))
            if restored:
                state = msgspec.json.decode(msgspec.json.encode(session.snapshot()), type=SessionState)
                session = Session("s1", settings, state)
                if (first := state.buffer.sequence) > 0:
                    held = mailbox[first - 1 : state.sequence]
                    session.refill((place, old) for place, old in held if isinstance(old, ClientMail))
                for number in session.lacking():
                    queued = [each.job for each in jobs(commands) if each.job.utterance == number and each.job.pcm]
                    session.give(number, queued[-1].pcm)
    fire(until)
    return commands


def outcome(story: Story, settings: SchedulerSettings | None = None, *, wait: float = 600.0) -> list[Command]:
    """The jobs, events and end that come of it; all three lives must agree."""
    settings = settings or SchedulerSettings()
    until = story[-1][0] + wait
    lives = []
    for doubled, restored in ((False, False), (True, False), (False, True), (True, True)):
        commands = live(story, settings=settings, doubled=doubled, restored=restored, until=until)
        hold_to_captions(commands)
        hold_to_boundaries(commands)
        lives.append([command for command in commands if _lasting(command)])
    for other in lives[1:]:
        assert other == lives[0]
    return lives[0]


def hold_to_captions(commands: list[Command]) -> None:
    """What is committed only grows, and the final begins with it or says what it had to correct."""
    committed: dict[int, str] = {}
    for command in commands:
        match command:
            case TellLive(TranscriptPartial(utterance=number, committed=now)):
                assert now.startswith(committed.get(number, "")), "what is committed stays"
                committed[number] = now
            case TellLive(UtteranceDropped(utterance=number)):
                committed.pop(number, None)
            case TellClient(TranscriptFinal(utterance=number, text=text, corrected=corrected)):
                assert text.startswith(committed.get(number, "")) or corrected, "no silent correction"


def hold_to_boundaries(commands: list[Command]) -> None:
    """Nothing that was started is started again, and what ends or is dropped is what was started."""
    running, last = 0, 0
    for event in boundaries(commands):
        match event:
            case UtteranceStarted(utterance=number):
                assert not running
                assert number > last
                running = number
            case UtteranceEnded(utterance=number):
                assert running == number
                running, last = 0, number
            case UtteranceDropped(utterance=number):
                assert running == number
                running = 0


Told = UtteranceStarted | UtteranceEnded | UtteranceDropped


def boundaries(commands: list[Command]) -> list[Told]:
    return [each.event for each in commands if isinstance(each, TellLive) and isinstance(each.event, Told)]


def _lasting(command: Command) -> bool:
    kinds = RunJob | WidenJob | WithdrawJob | BuryJob | TellClient | EndSession
    return isinstance(command, kinds) or bool(boundaries([command]))


def jobs(commands: list[Command]) -> list[RunJob]:
    return [command for command in commands if isinstance(command, RunJob)]


def events(commands: list[Command]) -> list[ClientEvent]:
    told = [command.event for command in commands if isinstance(command, TellClient)]
    assert [event.n for event in told] == list(range(1, len(told) + 1)), "events are numbered without gap or repeat"
    return told


def kinds(commands: list[Command]) -> list[str]:
    return [str(event.__struct_config__.tag) for event in events(commands)]

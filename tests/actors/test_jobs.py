from __future__ import annotations

from actors.attempts import Work
from actors.audio import AudioBuffer
from actors.captions import Ask
from actors.endpointing import Endpointer
from actors.jobs import binding_of, dead_of, job_of, lacks_audio, partial_of
from actors.outcomes import Failure, Utterance
from actors.state import SessionState
from wire.messages import JobStarted, Transcribed, Translated

STATE = SessionState(session="s1", tenant="t", pool="p")
PCM = b"\1" * 32_000


def utterance() -> Utterance:
    work = Work(first=16_000, end=32_000, source="fr", pool="p", prompt="avant", sent_at=0)
    return Utterance(number=3, start=1.2, end=1.9, targets=["en", "de"], speak=["en"], work=work, deadline=9, latest=9)


def test_a_first_attempt_asks_for_everything() -> None:
    job = job_of(STATE, utterance(), PCM)
    assert (job.job, job.attempt, job.tenant, job.prompt, job.start) == ("s1.3", 1, "t", "avant", 1.0)
    assert (job.targets, job.speak, job.transcript) == (["en", "de"], ["en"], "")
    assert job.pcm == PCM


def test_a_later_attempt_asks_for_what_is_open_and_brings_what_is_known() -> None:
    spoken = utterance()
    spoken.fold(Transcribed(job="s1.3", utterance=3, attempt=1, node="n", text="oui", language="fr"))
    spoken.fold(Translated(job="s1.3", utterance=3, attempt=1, node="n", target="en", text="yes"))
    spoken.translations["de"] = Failure("translation_failed", "no", False)
    job = job_of(STATE, spoken, PCM)
    assert (job.transcript, job.transcript_language, job.translations) == ("oui", "fr", {"en": "yes"})
    assert (job.targets, job.speak, job.pcm) == (["en"], ["en"], PCM)


def test_without_its_audio_nobody_can_hear_a_piece_nor_put_it_into_english() -> None:
    piece = utterance()
    piece.work.recorded = True
    assert not lacks_audio(job_of(STATE, piece, PCM))
    assert lacks_audio(job_of(STATE, piece, b""))
    piece.fold(Transcribed(job="s1.3", utterance=3, attempt=1, node="n", text="oui", language="fr"))
    assert lacks_audio(job_of(STATE, piece, b""))
    for target in ("en", "de"):
        piece.fold(Translated(job="s1.3", utterance=3, attempt=1, node="n", target=target, text="yes"))
    assert not lacks_audio(job_of(STATE, piece, b""))  # what is left is to be spoken


def test_a_partial_says_how_much_of_it_is_voice_as_its_final_will() -> None:
    state = SessionState(session="s1", endpointer=Endpointer(voiced_from=10, voiced_to=60))
    ask = Ask(generation=1, start=0, end=32_000, prompt="", whole=True, timed=False)
    assert partial_of(state, ask, AudioBuffer()).voiced == 1.6


def test_the_binding_bounds_the_audio() -> None:
    spoken = utterance()
    binding = binding_of(job_of(STATE, spoken, PCM), spoken)
    assert (binding.start, binding.end, binding.state, binding.attempt) == (1.0, 2.0, "sent", 1)


def test_a_death_notice_has_every_fault() -> None:
    spoken = utterance()
    spoken.work.sign(JobStarted(job="s1.1", utterance=1, attempt=1, node="n1"), 1)
    spoken.work.fault("crashed")
    spoken.work.again(2, elsewhere=True)
    spoken.work.fault("gave no sign")
    dead = dead_of(job_of(STATE, spoken, PCM), spoken)
    assert dead.history == ["attempt 1 on n1: crashed", "attempt 2 on no node: gave no sign"]
    assert (dead.reason, dead.attempts, dead.seconds) == (dead.history[-1], 2, 1.0)

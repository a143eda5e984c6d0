"""An utterance's work as the structs that others read: jobs for nodes, the binding, the death notice. PURE."""

from __future__ import annotations

from actors.audio import AudioBuffer
from actors.captions import Ask
from actors.outcomes import Utterance
from actors.state import SessionState
from wire import subjects
from wire.audio import FRAME_SECONDS, seconds
from wire.jobs import Job, PartialJob
from wire.messages import StageFailed
from wire.records import BindingRecord, DeadJob


def job_of(state: SessionState, utterance: Utterance, pcm: bytes) -> Job:
    """What is still to be done for this utterance, with what is known already. `pcm` is its audio, where that is
    needed."""
    work = utterance.work
    open_targets = {*utterance.untranslated, *utterance.unspoken}
    return Job(
        job=subjects.job_id(state.session, utterance.number),
        session=state.session,
        utterance=utterance.number,
        attempt=work.attempt,
        pool=work.pool,
        source=work.source,
        pcm=pcm,
        start=round(seconds(work.first), 3),
        targets=[target for target in utterance.targets if target in open_targets],
        speak=utterance.unspoken,
        prompt=work.prompt,
        transcript=utterance.text or "",
        transcript_language=utterance.language,
        translations={target: text for target, text in utterance.translations.items() if isinstance(text, str)},
        tenant=state.tenant,
        expected=state.language,
        between=state.options.between if utterance.between else [],
        voiced=round(utterance.end - utterance.start, 3),
        words=state.options.words,
        glossary=state.options.glossary,
        recorded=work.recorded,
        pace=state.options.pace,
    )


def lacks_audio(job: Job) -> bool:
    """Whether its audio is gone and nobody can do without. Where it is known what was said in a piece of a recording,
    it is still wanted for a translation that is open: an ear makes its English from the audio."""
    if job.pcm or not job.transcript:
        return not job.pcm
    known = {job.transcript_language, *job.translations}
    return job.recorded and job.voiced > 0 and any(target not in known for target in job.targets)


def partial_of(state: SessionState, ask: Ask, buffer: AudioBuffer) -> PartialJob:
    return PartialJob(
        session=state.session,
        utterance=state.next_utterance,
        generation=ask.generation,
        pool=state.pool,
        source=state.source,
        pcm=buffer.cut(ask.start, ask.end),
        start=round(seconds(ask.start), 3),
        prompt=ask.prompt,
        whole=ask.whole,
        timed=ask.timed,
        live=state.options.live,
        expected=state.language,
        between=state.options.between,
        voiced=round((state.endpointer.voiced_to - state.endpointer.voiced_from) * FRAME_SECONDS, 3),
        glossary=state.options.glossary,
        tenant=state.tenant,
    )


def binding_of(job: Job, utterance: Utterance) -> BindingRecord:
    return BindingRecord(
        job=job.job,
        session=job.session,
        utterance=job.utterance,
        attempt=job.attempt,
        pool=job.pool,
        start=job.start,
        end=round(seconds(utterance.work.end), 3),
        state="sent",
    )


def refusal(job: Job, code: str, message: str) -> StageFailed:
    """This attempt at the job cannot be made, nor another."""
    return StageFailed(
        job=job.job, utterance=job.utterance, attempt=job.attempt, node="scheduler", stage="asr", code=code,
        message=message, retryable=False,
    )  # fmt: skip


def dead_of(job: Job, utterance: Utterance, *, kept: bool = False) -> DeadJob:
    """`kept`: the job itself is kept beside it."""
    work = utterance.work
    return DeadJob(
        job=job.job,
        session=job.session,
        utterance=job.utterance,
        pool=job.pool,
        attempts=work.attempt,
        node=work.node,
        reason=work.faults[-1],
        seconds=round(seconds(work.end - work.first), 3),
        history=list(work.faults),
        tenant=job.tenant,
        kept=kept,
    )

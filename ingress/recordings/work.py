"""One recording, from beginning to end: its sound goes into a session, what comes of it to disk, and then into a zip.

    upload or address -> a file -> ingress.media (a process) -> pieces of sound -> a session (ingress.recital)
                                                                                     |
        result <- packing (a process) <- spool <- gathering  <-  what a client would be told

Nothing of it is in memory but what is under way. What is found out along the way is told to those who watch, and the
record says about once a second how far it is.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from ingress.access.caller import Caller
from ingress.delivery import SpeechFrame
from ingress.media.decoding import Audio, opened
from ingress.media.limits import Limits
from ingress.recital import Recital, reciting
from ingress.recordings import fetching, packing
from ingress.recordings.gathering import Finished, Gathering
from ingress.recordings.kept import Kept, Telling
from ingress.recordings.pace import Pace
from ingress.recordings.register import RENEW_S, Hold, Lost
from ingress.recordings.spool import Spool, Whole
from ingress.shared import Ingress
from ingress.wishes import Wishes
from wire.audio import SAMPLE_RATE, seconds
from wire.errors import (
    LanguageUnsupported,
    NatsUnavailable,
    QueueFull,
    Stale,
    Unavailable,
    each_of,
    first_of,
)  # fmt: skip
from wire.jobs import SpeechChunk
from wire.log import get
from wire.protocol import ErrorTold, SessionClosed, SpeechFinished, SpeechMissing

log = get(__name__)

SAVE_S = 1.0
WELL_ENDED = "client"
"""The reason of a session that ended because it was closed."""
PATIENT_ATTEMPTS = 3
"""So many attempts end with the first piece that is lost. What a later one loses is missing in its result."""


class PieceLost(Unavailable):
    """Nothing came of a piece, and of another attempt it may: its audio went with a scheduler, nobody had time, or its
    session failed. The attempt counts: it may be the recording's fault."""


class Work:
    """`folder` is empty, and this work's own. `do` it once.

    Raises Lost where it is somebody else's now; ClientError for what is wrong with the recording; OverLimit; QueueFull
    where the result has no room; Unavailable where another time may be better, PieceLost likewise, but not for ever.
    """

    def __init__(self, ingress: Ingress, kept: Kept, hold: Hold, folder: Path) -> None:
        self._ingress = ingress
        self._kept = kept
        self._hold = hold
        self._folder = folder
        self._uploaded = hold.record.uploaded
        self._decoded = 0  # samples
        self._duration = hold.record.duration
        self._pace = Pace()
        self._saved: dict[str, Any] = {}
        self._saved_at = time.monotonic()
        self._gathering = Gathering([], [], [])
        self._over = asyncio.Event()

    async def do(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._save_now_and_then())
                try:
                    name = await self._kept.keep_result(self._hold.record, await self._made())
                finally:
                    self._over.set()
        except BaseExceptionGroup as errors:
            raise _told(errors) from None
        await self._hand_over(name)

    async def _made(self) -> Path:
        record = self._hold.record
        asked = await self._kept.asked(record.id)
        wishes, path = asked.wishes(), self._folder / "upload"
        self._check_served(wishes)
        if asked.url:
            await self._fetch(asked.url, path)
        else:
            self._uploaded = await self._kept.fetch_upload(record.id, path)
        spoken = wishes.options.spoken or []
        self._gathering = Gathering(wishes.targets, spoken, wishes.options.between)
        spool = Spool(self._folder, spoken)
        try:
            await self._recite(path, wishes, spool)
            whole = Whole(asked, wishes.targets, spoken, round(self._duration, 3))
            await asyncio.to_thread(spool.finish, whole)
        finally:
            spool.close()
        await asyncio.to_thread(path.unlink)
        return await packing.packed(self._folder)

    def _check_served(self, wishes: Wishes) -> None:
        """Before anything is fetched for nothing. Raises LanguageUnsupported."""
        pool, between = self._ingress.settings.pool, wishes.options.between
        if refusal := self._ingress.fleet.refusal(pool, wishes.source, wishes.targets, between):
            raise LanguageUnsupported(refusal)

    async def _hand_over(self, name: str) -> None:
        """The one moment in which a recording is done. `name` is that of its result."""
        record, whole, reached = self._hold.record, round(self._duration, 3), self._gathering.reached()
        ended = {
            "heard": whole, "translated": dict.fromkeys(reached.translated, whole),
            "voiced": dict.fromkeys(reached.spoken, whole), "seconds_left": 0.0, "finished": time.time(),
        }  # fmt: skip
        try:
            await self._hold.save(**self._progress() | ended, state="done", owner="", result=name)
        except Lost:
            await self._kept.drop_result(name)
            raise
        await self._kept.drop_uploads(record.id)

    # --- the recording ---

    async def _fetch(self, url: str, path: Path) -> None:
        """Counted as if it had been brought."""
        caller, fresh = self._caller, not self._uploaded
        self._uploaded = 0
        with await asyncio.to_thread(path.open, "wb") as file:
            async for piece in fetching.fetched(url, self._ingress.settings.max_upload_mb):
                if fresh:
                    self._ingress.meter.bytes(caller, len(piece))
                await asyncio.to_thread(file.write, piece)
                self._uploaded += len(piece)

    @property
    def _caller(self) -> Caller:
        return Caller(self._hold.record.tenant)

    async def _recite(self, path: Path, wishes: Wishes, spool: Spool) -> None:
        limits = Limits(max_seconds=3600 * self._ingress.settings.max_recording_hours)
        async with (
            opened(path, limits) as audio,
            reciting(self._ingress, wishes, self._hold.record.tenant) as recital,
            asyncio.TaskGroup() as group,
        ):
            self._duration = audio.duration or self._duration
            group.create_task(self._bring(audio, recital))
            await self._gather(recital, spool)

    async def _bring(self, audio: Audio, recital: Recital) -> None:
        metered = self._hold.record.metered
        async for stretch in audio:
            await recital.feed(stretch.pcm, stretch.speech)
            self._decoded += len(stretch.pcm) // 2
            decoded = self._decoded / SAMPLE_RATE
            if decoded > metered:
                self._ingress.meter.audio(self._caller, decoded - metered)
                metered = decoded
            if audio.done > 0.02 and not audio.duration:
                self._duration = decoded / audio.done
        self._duration = seconds(self._decoded)
        await recital.close()

    # --- what comes of it ---

    async def _gather(self, recital: Recital, spool: Spool) -> None:
        speech: dict[tuple[int, str], list[SpeechChunk]] = {}
        record = self._hold.record
        telling = Telling(self._ingress.bus, record)
        async for piece in recital:
            match piece:
                case SpeechFrame(utterance=utterance, target=target, chunk=chunk):
                    speech.setdefault((utterance, target), []).append(chunk)
                case SpeechFinished(utterance=utterance, target=target):
                    start = self._gathering.start(utterance)
                    if chunks := speech.pop((utterance, target), []):
                        pcm = b"".join(each.pcm for each in chunks)
                        await asyncio.to_thread(spool.speak, utterance, target, start, pcm, chunks[0].sample_rate)
                case SpeechMissing(utterance=utterance, target=target):
                    speech.pop((utterance, target), None)
                case ErrorTold() if _is_passing(piece) and record.attempt <= PATIENT_ATTEMPTS:
                    raise PieceLost(piece.message, code=piece.code)
                case ErrorTold(utterance=int(utterance), target=str(target)):
                    speech.pop((utterance, target), None)
                case SessionClosed(reason="internal_error"):
                    raise PieceLost("the session of the recording failed", code="internal")
                case SessionClosed(reason=reason) if reason != WELL_ENDED:
                    raise Unavailable(f"the session of the recording was ended: {reason}")
            for found in self._gathering.take(piece):
                spool.keep(found)
                if isinstance(found, Finished) and not found.empty:
                    await telling.tell(found.told)

    # --- how far it is ---

    async def _save_now_and_then(self) -> None:
        while not self._over.is_set():
            try:
                async with asyncio.timeout(SAVE_S):
                    await self._over.wait()
            except TimeoutError:
                await self._save(self._progress())

    async def _save(self, progress: dict[str, Any]) -> None:
        """Where something has changed, or others would think that nobody is here."""
        now = time.monotonic()
        if progress == self._saved and now - self._saved_at < RENEW_S:
            return
        try:
            await self._hold.save(**progress)
        except (NatsUnavailable, QueueFull):
            log.info("the progress of a recording could not be told: later", recording=self._hold.record.id)
            return
        self._saved, self._saved_at = progress, now

    def _progress(self) -> dict[str, Any]:
        reached = self._gathering.reached()
        whole = max(self._duration, seconds(self._decoded))
        stages = [reached.heard, *reached.translated.values(), *reached.spoken.values()]
        left = self._pace.left(time.monotonic(), min(1.0, min(stages) / whole)) if whole else -1.0
        decoded = seconds(self._decoded)
        return {
            "duration": round(whole, 3), "decoded": round(decoded, 3), "heard": round(reached.heard, 3),
            "translated": _rounded(reached.translated), "voiced": _rounded(reached.spoken), "seconds_left": left,
            "utterances": self._gathering.finished, "failures": self._gathering.failures,
            "uploaded": self._uploaded, "metered": max(round(decoded, 3), self._hold.record.metered),
        }  # fmt: skip


def _rounded(reached: dict[str, float]) -> dict[str, float]:
    return {target: round(each, 3) for target, each in reached.items()}


def _told(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """What matters most of all that went wrong, without the group."""
    if any(isinstance(each, Stale | Lost) for each in each_of(errors)):
        return Lost("another ingress works on this recording")
    return first_of(errors)


def _is_passing(told: ErrorTold) -> bool:
    """Whether another time may be better. For somebody who speaks, a full queue is the end of an utterance: they will
    have gone on; a recording waits."""
    return told.retryable or told.code == QueueFull.code

"""A whole node on a real nats-server: from a job on the pool's lane to the session's mailbox and speech."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import jiwer
import numpy as np
import psutil
import pytest
import soxr

from node_runtime import catalog
from node_runtime.engines import scripted
from node_runtime.engines.base import Ask, Heard
from node_runtime.engines.whisper import Whisper
from node_runtime.main import serve
from node_runtime.slots import Slots
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import PATIENCE_S, hearing, job, node, post
from wire import subjects, topology
from wire.bus import Bus
from wire.env import NodeSettings
from wire.errors import ModelMissing, NatsUnavailable, SettingsError
from wire.kv import Bucket
from wire.messages import (
    FoundEmpty,
    JobDone,
    JobProgressed,
    JobStarted,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)
from wire.records import NodeRecord

SOUND = sounds.pcm(sounds.white(1.0))


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def engines() -> list[psutil.Process]:
    """The engines' processes of this process's nodes."""
    return [each for each in psutil.Process().children() if "node_runtime.child" in each.cmdline()]


# --- with the real models -------------------------------------------------------------------------------------------


@pytest.mark.models
async def test_speech_becomes_text_in_its_language_and_in_english(server: NatsServer, bus: Bus, cache: Path) -> None:
    text = "Could you please tell me how to get to the nearest train station from here?"
    async with node(server, engine="models", cache_dir=str(cache)), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, sounds.pcm(sounds.said(text)), targets=["en", "de"], speak=["en"]))
        await post(bus, job("s", 2, sounds.pcm(sounds.pink(4.0)), targets=["en"], speak=["en"]))
        await heard.until_one(StageFailed, 1)
        await heard.until_done(2)
        record = await Bucket(bus, subjects.NODES_KV, NodeRecord).get("n1")
    (transcribed,) = heard.of(Transcribed)
    assert jiwer.wer(words(text), words(transcribed.text)) <= 0.1
    assert transcribed.language == "en"
    assert 0.5 < transcribed.confidence <= 1
    assert heard.of(Translated)[0].text == transcribed.text
    assert heard.of(SpeechUnavailable)[0].reason == "the original is in this language already"
    assert [type(each).__name__ for each in heard.mail if each.utterance == 2][-2:] == ["FoundEmpty", "JobDone"]
    assert set(heard.of(JobDone, 2)[0].seconds) == {"asr"}
    assert [(each.target, each.code) for each in heard.of(StageFailed)] == [("de", "language_unsupported")]
    assert record is not None
    assert (record.models, record.targets, record.voices) == (
        ["base", "en_US-joe-medium"], {"en": ["*"]}, {"en": "en_US-joe-medium"},
    )  # fmt: skip
    assert {"fr", "en", "zh"} <= set(record.sources)


@pytest.mark.models
async def test_french_is_read_in_english_and_heard_in_english(
    server: NatsServer, bus: Bus, cache: Path, recordings: Path
) -> None:
    audio = sounds.recorded(recordings / "fr_intro.mp3")[int(1.8 * 16_000) : int(5.2 * 16_000)]
    async with node(server, engine="models", cache_dir=str(cache)), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, sounds.pcm(audio), targets=["en"], speak=["en"]))
        await heard.until_done(1)
    assert words(heard.of(Transcribed)[0].text) == "aujourd hui nous allons parler de traduction automatique"
    english = heard.of(Translated)[0].text
    assert "automatic translation" in english
    rate, ended = heard.of(SpeechStarted)[0].sample_rate, heard.of(SpeechEnded)[0]
    assert [chunk.sequence for _, chunk in heard.speech] == list(range(ended.chunks))
    pcm = b"".join(chunk.pcm for _, chunk in heard.speech)
    assert len(pcm) / 2 / rate == pytest.approx(ended.seconds, abs=0.01)
    spoken = soxr.resample(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768, rate, 16_000)
    again = Whisper(catalog.asr("tiny.en", cache), "cpu", 2, 1).listen(spoken).transcribe(Ask(source="en"))
    assert isinstance(again, Heard)
    assert jiwer.wer(words(english), words(again.text)) <= 0.1


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"asr_model": "no-such-model"}, "no-such-model"),
        ({"asr_model": "{broken}"}, "broken"),
        ({"asr_model": "tiny.en", "nmt_models": ["/nowhere/nllb"]}, "/nowhere/nllb"),
        ({"asr_model": "tiny.en", "voices": ["fr_FR-nobody"]}, "fr_FR-nobody"),
    ],
)
@pytest.mark.models
async def test_a_missing_or_broken_model_is_an_error_at_start(
    server: NatsServer, tmp_path: Path, settings: dict[str, str | list[str]], named: str
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "model.bin").write_bytes(b"nothing")
    filled = {key: str(broken) if value == "{broken}" else value for key, value in settings.items()}
    loaded = NodeSettings(nats_url=server.url, node="n1", cache_dir=str(tmp_path), **filled)  # type: ignore[arg-type]
    with pytest.raises(ModelMissing, match=named):
        await asyncio.wait_for(serve(loaded, asyncio.Event()), PATIENCE_S)


# --- with scripted engines: the same node, faster -------------------------------------------------------------------


async def test_results_are_stored_in_order_under_ids_that_name_the_attempt(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr", targets=["en"], speak=["en"]))
        await heard.until_done(1)
        again = await bus.store(
            subjects.mailbox("s", "node"), heard.of(JobDone)[0], id=subjects.result_message_id("s.1", 1, "done")
        )
    assert again.duplicate
    stored = [type(each) for each in heard.mail if not isinstance(each, JobProgressed)]
    assert stored == [JobStarted, Transcribed, Translated, SpeechStarted, SpeechEnded, JobDone]
    assert heard.of(Transcribed)[0].text == scripted.transcript(1.0)
    assert {each.node for each in heard.mail} == {"n1"}
    assert [target for target, _ in heard.speech] == ["en"] * heard.of(SpeechEnded)[0].chunks


async def test_progress_is_told_each_second(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, sounds.pcm(sounds.white(5.0)), source="fr", prompt="slow"))  # 2.5 s of work
        await heard.until_done(1)
    assert len(heard.of(JobProgressed)) == 2
    assert heard.of(JobProgressed)[0].stage == "asr"


async def test_a_job_longer_than_the_queues_patience_is_delivered_once(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, sounds.pcm(sounds.white(13.0)), source="fr", prompt="slow"))  # 6.5 s of work
        await heard.until_done(1)
    assert len(heard.of(JobStarted)) == 1


async def test_a_node_is_ready_only_after_its_warm_up(server: NatsServer, bus: Bus) -> None:
    records: list[NodeRecord] = []
    nodes = Bucket(bus, subjects.NODES_KV, NodeRecord)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(nodes.follow(lambda _, record: records.append(record) if record else None))
        async with node(server, scripted_rtf=1.0):
            ready = await nodes.get("n1")
            while ready is None or not ready.ready:  # the heartbeat follows at once
                ready = await nodes.get("n1")
        watching.cancel()
    assert not records[0].ready
    assert ready.device == "cpu"
    assert ready.slots == 1
    assert ready.targets["en"] == ["*"]
    assert await nodes.get("n1") is None  # it said that it leaves


async def test_a_node_that_starts_while_nats_elects_a_leader_waits(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear = Slots.clear
    refused: list[Slots] = []

    async def clear_later(self: Slots) -> None:
        if not refused:
            refused.append(self)
            raise NatsUnavailable("nobody leads")
        await clear(self)

    monkeypatch.setattr(Slots, "clear", clear_later)
    async with node(server):  # it is ready
        assert refused


async def test_the_lane_of_a_node_that_dies_goes_by_itself(server: NatsServer, bus: Bus) -> None:
    async with node(server):
        lane = await bus._js.consumer_info(subjects.JOBS, subjects.node_consumer("n1"))
        pool = await bus._js.consumer_info(subjects.JOBS, subjects.pool_consumer("default"))
    assert lane.config.inactive_threshold == topology.LANE_IDLE_S
    assert not pool.config.inactive_threshold


async def test_without_a_warm_up_no_job_is_taken(server: NatsServer, bus: Bus) -> None:
    """The slots wait for the engines, not the jobs for a slot."""
    durable = subjects.pool_consumer("default")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("default"), 10)
    await post(bus, job("s", 1, SOUND, source="fr"))
    async with node(server) as running, hearing(bus, "s") as heard:
        await heard.until_done(1)
        assert running.births == 1
    assert len(heard.of(JobStarted)) == 1


async def test_stop_lets_running_jobs_end_and_takes_no_more(server: NatsServer, bus: Bus) -> None:
    nodes = Bucket(bus, subjects.NODES_KV, NodeRecord)
    drained = asyncio.Event()

    def watch(_: str, record: NodeRecord | None) -> None:
        if record is not None and record.draining:
            drained.set()

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(nodes.follow(watch))
        async with node(server) as running, hearing(bus, "s") as heard:
            await post(bus, job("s", 1, sounds.pcm(sounds.white(4.0)), source="fr", prompt="slow"))
            await heard.until(lambda: heard.of(JobStarted))
            await post(bus, job("s", 2, SOUND, source="fr"))
            running.stop.set()
            await asyncio.wait_for(drained.wait(), 5)
            await heard.until_done(1)
            assert running.task is not None
            await asyncio.wait_for(running.task, 5)
        watching.cancel()
    assert [each.utterance for each in heard.of(JobStarted)] == [1]
    assert await bus.waiting(subjects.JOBS, subjects.pool_consumer("default")) == 1
    assert await nodes.get("n1") is None


async def test_the_engines_end_with_the_node(server: NatsServer) -> None:
    async with node(server):
        (child,) = engines()
    assert not child.is_running()


async def test_two_slots_work_at_the_same_time(server: NatsServer, bus: Bus) -> None:
    async with node(server, slots=2), hearing(bus, "s") as heard:
        for utterance in (1, 2):
            await post(bus, job("s", utterance, sounds.pcm(sounds.white(2.0)), source="fr", prompt="slow"))
        await heard.until_done(1)
        await heard.until_done(2)
    order = [type(each) for each in heard.mail if not isinstance(each, JobProgressed | Transcribed)]
    assert order == [JobStarted, JobStarted, JobDone, JobDone]


async def test_every_pool_of_the_node_is_served(server: NatsServer, bus: Bus) -> None:
    async with node(server, pools=["default", "gold"]), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr", pool="gold"))
        await post(bus, job("s", 2, sounds.pcm(sounds.silence(1.0)), source="fr"))
        await heard.until_done(1)
        await heard.until_done(2)
    assert len(heard.of(FoundEmpty, 2)) == 1


async def test_results_wait_while_nats_is_away(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, sounds.pcm(sounds.white(2.0)), source="fr", prompt="slow", targets=["en"]))
        await heard.until(lambda: heard.of(JobStarted))
        server.kill()
        gone = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(2.0, gone.set_result, None)
        await gone
        server.start()
        await heard.until_done(1)
    assert {each.text for each in heard.of(Transcribed)} == {scripted.transcript(2.0)}


async def test_a_name_that_is_no_name_is_refused(server: NatsServer) -> None:
    with pytest.raises(SettingsError, match="a node"):
        await serve(NodeSettings(nats_url=server.url, node="a node"), asyncio.Event())
    with pytest.raises(SettingsError, match="pools"):
        await serve(NodeSettings(nats_url=server.url, pools=[]), asyncio.Event())


def test_the_daemon_says_what_is_missing_and_exits_with_2(server: NatsServer) -> None:
    command = [sys.executable, "-m", "node_runtime", "--nats-url", server.url, "--asr-model", "/nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.rstrip().splitlines()[-1].startswith("node-runtime: there is no ASR model '/nowhere'")


def test_the_daemon_stops_at_sigterm_with_0(server: NatsServer) -> None:
    command = [sys.executable, "-m", "node_runtime", "--nats-url", server.url, "--engine", "scripted"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "the node is ready" in line:
                break
        process.terminate()
        assert process.wait(10) == 0

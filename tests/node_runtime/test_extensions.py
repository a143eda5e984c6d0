"""Custom engines, installed as a package is: the example of docs/engines.md, and some that are no good."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path

import pytest

from node_runtime import extensions
from node_runtime.engines import scripted
from node_runtime.engines.base import Extension, Surroundings
from node_runtime.loading import load
from node_runtime.main import serve
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import PATIENCE_S, hearing, job, node, post, until_at_rest
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.env import NodeSettings
from wire.errors import EngineError, ModelMissing, SettingsError
from wire.kv import Bucket
from wire.messages import SpeechEnded, SpeechStarted, Transcribed, Translated
from wire.records import NodeRecord

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "engines.md"
SOUND = sounds.pcm(sounds.white(1.0))
HERE = Surroundings("cpu", 1, 1, Path())

OTHERS = """
from node_runtime.engines.base import Extension, Heard
from wire.errors import EngineError, ModelMissing


class Ear:
    languages = ["fr"]
    translates = False

    def listen(self, audio):
        return Hearing(len(audio))


class Hearing:
    def __init__(self, samples):
        self.samples = samples

    def prepare(self):
        pass

    def sketch(self, ask):
        return self.transcribe(ask)

    def transcribe(self, ask):
        return Heard(f"{self.samples} samples, by an ear of our own", "fr", 1.0, 1.0)


class Listener(Extension):
    def __init__(self, surroundings):
        super().__init__(ear=Ear(), tags=["emotion", "speaker_identification"], models=[f"on {surroundings.device}"])


class Mute:
    name, language = "mute", "eo"

    def speak(self, text):
        raise EngineError("cannot speak")


def mute(surroundings):
    return Extension(voices=[Mute()])


def nothing(surroundings):
    return None


def broken(surroundings):
    raise ValueError("the wrong GPU")


def lacking(surroundings):
    raise ModelMissing("there is no model in /my/models: run my-download")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two packages, as pip lays them: a module and its .dist-info. Child processes see them too."""
    example = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    points = re.search(r'\[project.entry-points."dragoman.engines"\]\n(.*?)```', DOCUMENT.read_text(), re.DOTALL)
    assert example is not None
    assert points is not None
    install(tmp_path, "shouting", example[1], points[1].replace('"', ""))
    names = ("mute", "nothing", "broken", "lacking", "absent")
    install(
        tmp_path, "others", OTHERS, "\n".join(f"{name} = others:{name}" for name in names) + "\near=others:Listener"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)


def install(site: Path, package: str, source: str, points: str) -> None:
    (site / f"{package}.py").write_text(textwrap.dedent(source))
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{extensions.GROUP}]\n{points}")


@pytest.mark.usefixtures("installed")
async def test_the_documented_example_translates_and_speaks(server: NatsServer, bus: Bus) -> None:
    async with node(server, custom_engines=["shouting"], tags=["studio"]), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr", targets=["eo", "en"], speak=["eo"]))
        await heard.until_done(1)
        records = Bucket(bus, subjects.NODES_KV, NodeRecord)
        await until(lambda: _ready(records))
        record = await records.get("n1")
        await until_at_rest(bus)
    assert {each.target: each.text for each in heard.of(Translated)} == {
        "eo": scripted.transcript(1.0).upper(),
        "en": scripted.translation(scripted.transcript(1.0), "en"),
    }
    assert heard.of(SpeechStarted)[0].sample_rate == 16_000
    assert heard.of(SpeechEnded)[0].seconds == pytest.approx(0.1 * len(scripted.transcript(1.0).split()), abs=0.01)
    assert record is not None
    assert record.tags == ["persona", "studio"]
    assert record.models == ["shouting", "scripted"]
    assert (record.targets["eo"], record.voices["eo"]) == (["en", "fr"], "beep")


async def _ready(records: Bucket[NodeRecord]) -> bool:
    record = await records.get("n1")
    return record is not None and record.ready


@pytest.mark.usefixtures("installed")
async def test_an_ear_of_ones_own_replaces_the_packaged_one(server: NatsServer, bus: Bus) -> None:
    """No Whisper is loaded: there is none under this name."""
    settings = {"engine": "models", "device": "cpu", "asr_model": "/nowhere", "voices": [], "custom_engines": ["ear"]}
    async with node(server, **settings), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr"))
        await heard.until_done(1)
        record = await Bucket(bus, subjects.NODES_KV, NodeRecord).get("n1")
    assert heard.of(Transcribed)[0].text == "16000 samples, by an ear of our own"
    assert record is not None
    assert (record.models, record.sources, record.targets) == (["on cpu"], ["fr"], {})
    assert record.tags == ["emotion", "speaker_identification"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("shoutin", SettingsError, "no installed package brings it; there are: absent, broken, ear"),
        ("nothing", SettingsError, "others:nothing gives NoneType, not an Extension"),
        ("broken", SettingsError, "others:broken cannot be loaded: ValueError: the wrong GPU"),
        ("absent", SettingsError, "others:absent cannot be loaded: AttributeError"),
        ("lacking", ModelMissing, "run my-download"),
    ],
)
def test_one_that_is_no_good_is_named(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        load(NodeSettings(engine="scripted", custom_engines=[name]))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("name", "error"), [("broken", SettingsError), ("mute", EngineError)])
async def test_a_node_with_one_that_is_no_good_does_not_start(
    server: NatsServer, name: str, error: type[Exception]
) -> None:
    """Neither one that cannot be loaded nor one that fails the first time that it is asked."""
    settings = NodeSettings(nats_url=server.url, node="n1", engine="scripted", custom_engines=[name])
    with pytest.raises(error):
        await asyncio.wait_for(serve(settings, asyncio.Event()), PATIENCE_S)


@pytest.mark.usefixtures("installed")
def test_what_is_not_named_is_not_loaded() -> None:
    engines = load(NodeSettings(engine="scripted"))
    assert (engines.tags, engines.models) == ([], ["scripted"])


@pytest.mark.usefixtures("installed")
def test_an_engine_that_does_not_say_which_it_is_makes_nothing_that_is_kept() -> None:
    plain = load(NodeSettings(engine="scripted"))
    assert (plain.ear_identity, plain.translation_identity) == ("scripted", "scripted scripted")
    shouting = load(NodeSettings(engine="scripted", custom_engines=["shouting"]))
    assert (shouting.ear_identity, shouting.translation_identity) == ("scripted", "")


def test_those_named_first_come_first() -> None:
    one, two = (scripted.ScriptedVoice("fr") for _ in range(2))
    ears = [scripted.ScriptedEar(0.1) for _ in range(2)]
    brought = [
        Extension(voices=[one], tags=["b"]), Extension(ear=ears[0], voices=[two], tags=["a"]), Extension(ear=ears[1]),
    ]  # fmt: skip
    base = scripted.engines(0.1)
    given: list[object] = []
    made = extensions.extended(brought, lambda ear: given.append(ear) or base)  # type: ignore[func-returns-value]
    assert given == [ears[0]]
    assert made.voice("fr") is one
    assert made.voice("de") in base.voices
    assert made.tags == ["a", "b"]
    assert extensions.load([], HERE) == []

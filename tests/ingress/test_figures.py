from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ingress import figures
from ingress.recordings.register import Seen
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from tests.wire.test_matching import NODE
from wire import metrics
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView
from wire.readings import Reading
from wire.records import RecordingRecord


def values(found: Iterable[Reading]) -> dict[tuple[str, ...], float]:
    return {(reading.family.name, *reading.labels): reading.value for reading in found}


async def test_an_ingress_tells_who_is_here_and_what_recordings_there_are(bus: Bus, model: SpeechModel) -> None:
    ingress = Ingress(IngressSettings(), bus, FleetView(), model)
    role = figures.role(ingress)
    before = values(role.read())
    for id, state in (("a", "running"), ("b", "done"), ("c", "done")):
        record = RecordingRecord(id=id, tenant="t", state=state, created=0.0)  # type: ignore[arg-type]
        ingress.recordings.seen[id] = Seen(record, 0.0, 0.0)
    metrics.AUDIO_IN.chunks += 2
    metrics.AUDIO_IN.bytes += 640
    found = values(role.read())
    assert found[metrics.AUDIO_CHUNKS.name,] - before[metrics.AUDIO_CHUNKS.name,] == 2
    assert found[metrics.AUDIO_BYTES.name,] - before[metrics.AUDIO_BYTES.name,] == 640
    assert (found[metrics.SESSIONS_CONNECTED.name,], found[metrics.CONNECTIONS.name,]) == (0, 0)
    states = {key[1]: value for key, value in found.items() if key[0] == metrics.RECORDINGS.name}
    assert states == {"receiving": 0, "waiting": 0, "running": 1, "done": 2, "failed": 0, "cancelled": 0}


async def test_it_is_ready_while_somebody_can_be_served(bus: Bus, model: SpeechModel) -> None:
    ingress = Ingress(IngressSettings(), bus, FleetView(), model)
    role = figures.role(ingress)
    assert role.unready() == "no node is ready to transcribe: try again when one is"
    ingress.fleet.apply("n", msgspec.structs.replace(NODE, pools=["default"], ready=True))
    assert role.unready() is None
    ingress.stopping = True
    assert role.unready() == "this server is going away: connect again"

"""How much a pool can do, and what a session costs there. PURE.

Both are measured. A node tells its real-time factors: the seconds of engine time that one second of an utterance's
audio takes it, in each stage. Schedulers see how much of a session is speech. So

    capacity = slots of the nodes that may work x target utilisation        in slots
    price of a session        = speech share x factor of asr                slots that it keeps busy
    price of a target         = speech share x factor of translate          as many for each
    price of a spoken target  = speech share x factor of speech             and for each of these
    streams  = capacity / price of a session of the usual kind

A factor is the mean over nodes, each counted by its slots; a node that has not run a stage yet is taken to be like the
others. Where none has, it is PRIOR: no measurement, but about what two cores of a CPU need. Until sessions have been
seen for a while, SPEECH_SHARE of their time is taken to be speech.

However slow a pool is, it lets in a session of the usual kind for each of its slots: otherwise nobody could ever speak
there. They then hear of it when it is late.

Measurements waver. New prices are taken only when one has moved by more than DRIFT, so that limits stay still.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wire import matching
from wire.line import load
from wire.matching import Rules
from wire.records import Held, NodeRecord, PoolUse, Prices

PRIOR = {"asr": 0.3, "translate": 0.1, "speech": 0.15}
SPEECH_SHARE = 0.6
LEAST_SHARE = 0.05
"""A crowd that is silent now may begin to speak."""
LEAST_PRICE = 1e-4
DRIFT = 0.05


def able(nodes: Iterable[NodeRecord], rules: Rules) -> list[NodeRecord]:
    """Those that may take jobs."""
    return [node for node in nodes if matching.unfit(node, rules) is None]


def factor(stage: str, nodes: Sequence[NodeRecord]) -> float:
    """Seconds of engine time for a second of audio."""
    measured = [(_of(stage, node), node.slots) for node in nodes]
    known = [(value, slots) for value, slots in measured if value is not None]
    return sum(value * slots for value, slots in known) / sum(slots for _, slots in known) if known else PRIOR[stage]


def _of(stage: str, node: NodeRecord) -> float | None:
    """Of all models that do this at the node."""
    values = [value for key, value in node.rtf.items() if key.split("/", 1)[0] == stage]
    return sum(values) / len(values) if values else None


def share(uses: Iterable[PoolUse]) -> float:
    """How much of a session's time is speech; schedulers that have seen too little do not count."""
    known = [use for use in uses if use.speech_share > 0 and use.sessions]
    sessions = sum(use.sessions for use in known)
    return max(LEAST_SHARE, sum(use.speech_share * use.sessions for use in known) / sessions) if known else SPEECH_SHARE


def prices(nodes: Sequence[NodeRecord], uses: Iterable[PoolUse], before: Prices | None) -> Prices:
    """By what `able` nodes measured; without any, what it was `before`."""
    if before is not None and not nodes:
        return before
    speech = share(uses)
    found = Prices(
        session=max(LEAST_PRICE, speech * factor("asr", nodes)),
        target=speech * factor("translate", nodes),
        spoken=speech * factor("speech", nodes),
    )
    return found if before is None or _moved(before, found) else before


def _moved(before: Prices, found: Prices) -> bool:
    pairs = (before.session, found.session), (before.target, found.target), (before.spoken, found.spoken)
    return any(abs(was - now) > DRIFT * was for was, now in pairs)


def usual(held: Held, at: Prices) -> float:
    """The price of a session like those that are held now; while there are none, of one with a single target."""
    return load(held, at) / held.sessions if held.sessions else at.session + at.target


def capacity(nodes: Sequence[NodeRecord], utilization: float, usual_price: float) -> float:
    """Slots that may be kept busy."""
    return sum(node.slots for node in nodes) * max(utilization, usual_price)

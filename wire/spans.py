"""Spans of utterances, for an OpenTelemetry collector. Off, and free of cost, unless `otlp_endpoint` names one.

Like log lines, spans are recorded from wherever something happened, when it is over: `record` takes its beginning and
its end. `wire.trace` says which ids they have. A thread sends them in batches by OTLP over HTTP (`wire.otlp`), so that
nobody ever waits for the collector; what it does not take is lost, counted, and told in the log once a minute at most.
What waits is bounded: the oldest go. Collectors that want a header are told one by `OTEL_EXPORTER_OTLP_HEADERS`.

Attributes are ids, lengths and outcomes. What was said is never among them.
"""

from __future__ import annotations

import secrets
import threading
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wire import trace
from wire.env import Settings
from wire.errors import SettingsError

if TYPE_CHECKING:
    from wire.otlp import Recorder

END_S = 2.0
"""What is left when the process ends has so long to be sent."""
PREFIX = "dragoman."
PATH = "/v1/traces"
Headers = Mapping[str, str]
NOTHING: Headers = {}
Attributes = Mapping[str, str | int | float | bool]
NO_ATTRIBUTES: Attributes = {}

_recorder: Recorder | None = None


def configure(process: str, settings: Settings) -> None:
    """Call it once, before the first span. Raises SettingsError where the extra is missing, or the endpoint is none."""
    global _recorder
    if not settings.otlp_endpoint or not settings.trace_ratio:
        return
    parts = urllib.parse.urlsplit(settings.otlp_endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError("otlp_endpoint is no address: it should read like http://127.0.0.1:4318")
    try:
        from wire.otlp import Recorder
    except ImportError as error:
        raise SettingsError("otlp_endpoint needs OpenTelemetry: pip install 'dragoman[otel]'") from error
    path = parts.path if parts.path.endswith(PATH) else parts.path.rstrip("/") + PATH
    _recorder = Recorder(process, parts._replace(path=path).geturl(), settings.trace_ratio)


def end() -> None:
    """Send what is left, within `END_S`."""
    global _recorder
    if _recorder is not None:
        sending = threading.Thread(target=_recorder.end, name="last-spans", daemon=True)
        _recorder = None
        sending.start()
        sending.join(END_S)


def on() -> bool:
    """Whether any trace is recorded: ask it before work that only a span needs."""
    return _recorder is not None


def lost() -> int:
    """Spans that the collector did not take."""
    return _recorder.lost if _recorder is not None else 0


def fresh() -> int:
    """The id of a span of which there may be several."""
    return secrets.randbits(64) or 1


def record(
    name: str,
    session: str,
    utterance: int,
    start: float,
    end: float,
    *,
    span: int = 0,
    parent: int | None = None,
    error: str = "",
    about: Attributes = NO_ATTRIBUTES,
) -> None:
    """What went on from `start` to `end` (seconds since the epoch). `span` is its id (0: a fresh one), `parent` the
    span that it is under (None: the utterance's; 0: nothing, it is the utterance's own). `error` is a code."""
    if _recorder is None or not trace.sampled(found := trace.trace_id(session, utterance), _recorder.ratio):
        return
    above = trace.span_id(session, utterance) if parent is None else parent
    attributes = {PREFIX + each: value for each, value in about.items()}
    attributes |= {PREFIX + "session": session, PREFIX + "utterance": utterance}
    _recorder.record(name, found, span or fresh(), above, start, end, error, attributes)


def headers(session: str, utterance: int, span: int = 0) -> Headers:
    """For `Bus.store`: whoever reads the message goes on under `span` (0: the utterance's own)."""
    if _recorder is None or not trace.sampled(found := trace.trace_id(session, utterance), _recorder.ratio):
        return NOTHING
    return {trace.TRACEPARENT: trace.written(found, span or trace.span_id(session, utterance))}

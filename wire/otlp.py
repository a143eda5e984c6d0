"""The part of `wire.spans` that needs OpenTelemetry's SDK, which is an extra: imported only where spans are sent."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from importlib import metadata

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, set_span_in_context

from wire.log import get

log = get(__name__)

BATCH_S = 1.0
ANSWER_S = 5.0
MAX_WAITING, MAX_BATCH = 4096, 512
TELL_EVERY_S = 60.0

Attributes = Mapping[str, str | int | float | bool]


class _Given(IdGenerator):
    """The ids of the span that is being made."""

    trace = span = 0

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span


class _Counting(SpanExporter):
    """Counts in `lost` what the collector does not take."""

    def __init__(self, exporter: SpanExporter, process: str) -> None:
        self.lost = 0
        self._exporter = exporter
        self._process = process
        self._told_at = float("-inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self.lost += len(spans)
            if time.monotonic() - self._told_at >= TELL_EVERY_S:
                self._told_at = time.monotonic()
                log.warning("the collector at otlp_endpoint takes no spans", process=self._process, lost=self.lost)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class Recorder:
    """`ratio` is the share of traces that are recorded; whoever calls `record` has looked."""

    def __init__(self, process: str, endpoint: str, ratio: float) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it would repeat itself for each batch
        about = {
            "service.namespace": "dragoman",
            "service.name": process.replace(" ", "-"),
            "service.version": metadata.version("dragoman"),
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        }
        self.ratio = ratio
        self._ids = _Given()
        self._exporter = _Counting(OTLPSpanExporter(endpoint, timeout=ANSWER_S), process)
        self._provider = TracerProvider(
            ALWAYS_ON, Resource.create(about), shutdown_on_exit=False, id_generator=self._ids
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(self._exporter, MAX_WAITING, BATCH_S * 1000, MAX_BATCH, ANSWER_S * 1000)
        )
        self._tracer = self._provider.get_tracer("dragoman")

    @property
    def lost(self) -> int:
        """Spans that the collector did not take."""
        return self._exporter.lost

    def record(
        self, name: str, trace: int, span: int, parent: int, start: float, end: float, error: str, about: Attributes
    ) -> None:
        """`parent` 0: none. Times are seconds since the epoch."""
        self._ids.trace, self._ids.span = trace, span
        above = Context()
        if parent:
            known = SpanContext(trace, parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
            above = set_span_in_context(NonRecordingSpan(known), above)
        made = self._tracer.start_span(name, above, attributes=about, start_time=round(start * 1e9))
        if error:
            made.set_status(Status(StatusCode.ERROR, error))
        made.end(round(max(start, end) * 1e9))

    def end(self) -> None:
        """Sends what is left; may take long."""
        self._provider.shutdown()

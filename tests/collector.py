"""An OpenTelemetry collector for tests: takes OTLP over HTTP on a free port of 127.0.0.1, keeps what it was sent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.waiting import until


@dataclass(frozen=True)
class Span:
    """`process` is what sent it. Times are seconds since the epoch; `error` is the code, "" for none."""

    process: str
    name: str
    trace: str
    id: str
    parent: str
    start: float
    end: float
    error: str
    about: dict[str, str | int | float | bool]


class Collector:
    """`url` is what `otlp_endpoint` is set to. While `status` is not 200, it takes nothing."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.status = 200
        self.asked = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.status == 200:
            told = ExportTraceServiceRequest.FromString(await request.read())
            for group in told.resource_spans:
                process = next(
                    each.value.string_value for each in group.resource.attributes if each.key == "service.name"
                )
                for scope in group.scope_spans:
                    self.spans += [
                        Span(
                            process,
                            each.name,
                            each.trace_id.hex(),
                            each.span_id.hex(),
                            each.parent_span_id.hex(),
                            each.start_time_unix_nano / 1e9,
                            each.end_time_unix_nano / 1e9,
                            each.status.message if each.status.code == 2 else "",
                            {pair.key.removeprefix("dragoman."): _value(pair.value) for pair in each.attributes},
                        )
                        for each in scope.spans
                    ]
        return web.Response(status=self.status)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    async def has(self, name: str, count: int = 1, patience: float = 20) -> list[Span]:
        """Until there are so many spans of this name."""

        async def look() -> bool:
            return len(self.named(name)) >= count

        await until(look, patience)
        return self.named(name)


def _value(value: AnyValue) -> str | int | float | bool:
    found: str | int | float | bool = getattr(value, str(value.WhichOneof("value")))
    return found


@contextlib.asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()

"""`dragoman up`: everything on one machine, each its own process, with one Ctrl-C to end it.

First it asks the machine for what is needed (cli/host.py), so that most troubles are told before anything runs. Then
come nats-server, and when that answers the scheduler, the ingress and a node; then it waits until the ingress says on
`/readyz` that somebody can be served. Flags of `up` itself reach the children as arguments and variables; every other
setting reaches them as it reached us, by `DRAGOMAN_…` variables or `--config`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli import first_key, host
from cli.host import HostLacks
from cli.supervisor import Program, Supervisor, supervising
from cli.tasks import first_of
from cli.terminal import Terminal
from wire import env, login, process
from wire.bus import Bus
from wire.errors import NatsUnavailable

PROGRAM = "dragoman up"
NATS_PATIENCE_S = 20.0
POLL_S = 0.25


def main(argv: Sequence[str] | None = None) -> int:
    parser = process.parser(env.UpSettings, PROGRAM, "Start NATS, a scheduler, an ingress and a CPU node here.")
    arguments = vars(parser.parse_args(argv))
    config = arguments.pop("config") or os.environ.get(env.PREFIX + "CONFIG", "")
    settings = env.load(env.UpSettings, arguments, config=config)
    for kind in env.ALL:  # what the children would refuse is refused now
        if kind is not env.UpSettings:
            env.load(kind, None, config=config)
    ingress = env.load(env.IngressSettings, {"host": settings.host, "auth": settings.auth}, config=config)
    data = Path(settings.data_dir).expanduser().resolve()
    host.prepare(data)
    with host.locked(data):
        port = host.check_port(settings.host, settings.port)
        for watched in monitors(settings).values():
            host.check_port(settings.monitor_host, watched)
        binary = "" if settings.nats_url else host.nats_binary()
        stop = asyncio.Event()
        terminal = Terminal(sys.stdout, gone=stop.set)
        return process.run(PROGRAM, serve(Plan(settings, ingress, config, data, port, binary), terminal, stop), stop)


@dataclass(frozen=True)
class Plan:
    """What is to be run. `port` is the ingress's. Without `nats_binary`, `settings.nats_url` is used as it is."""

    settings: env.UpSettings
    ingress: env.IngressSettings
    config: str
    data: Path
    port: int
    nats_binary: str


async def serve(plan: Plan, terminal: Terminal, stop: asyncio.Event) -> None:
    """Run everything until `stop` is set. Raises HostLacks or ChildFailed; nothing is left running either way."""
    if not plan.nats_binary:
        await _check_nats(plan.settings)
    async with supervising(terminal) as supervisor, _impatience(supervisor):
        await first_of(_bring_up(plan, terminal, supervisor), stop.wait(), supervisor.failure())
        terminal.status("")
        if stop.is_set():
            terminal.say("ending …")


async def _bring_up(plan: Plan, terminal: Terminal, supervisor: Supervisor) -> None:
    nats_url = plan.settings.nats_url
    if plan.nats_binary:
        port, usual = host.nats_port(), host.port_of(env.Settings().nats_url)
        nats_url = f"nats://127.0.0.1:{port}"
        if port != usual:
            terminal.say(f"port {usual} is in use: NATS will be at {nats_url}")
        terminal.status("starting NATS …")
        supervisor.start(_nats(plan, port))
        await _until_nats(port)
    key = await first_key.made(nats_url, plan.ingress)
    for program in _programs(plan, nats_url, terminal):
        supervisor.start(program)
    scheme = "https" if plan.ingress.tls_cert else "http"
    address = f"{scheme}://{host.reachable(plan.settings.host)}:{plan.port}"
    await _until_ready(address, terminal)
    supervisor.settled = True
    terminal.status("")
    about_key = first_key.told(key, plan.data, watched=terminal.interactive)
    for line in announcement(address, [*about_key, *_seen_at(plan.settings)]):
        terminal.say(line)
    if plan.settings.open and not await asyncio.to_thread(webbrowser.open, address):
        terminal.say(f"no browser could be opened: go to {address} yourself")
    await asyncio.Event().wait()


def _seen_at(settings: env.UpSettings) -> Iterator[str]:
    for name, port in monitors(settings).items():
        yield f"  Metrics of {name + ':':<12} http://{host.reachable(settings.monitor_host)}:{port}/metrics"


def announcement(address: str, more: Iterable[str] = ()) -> Iterator[str]:
    websocket = address.replace("http", "ws", 1)
    yield ""
    yield f"  Dragoman is ready: {address}"
    yield f"  From a file:       dragoman stream speech.mp3 --target en --url {websocket}"
    yield from more
    yield "  To end:            Ctrl-C"
    yield ""


# --- programs -------------------------------------------------------------------------------------------------------


def monitors(settings: env.UpSettings) -> dict[str, int]:
    """The port on which each process is seen, from the one that was given on."""
    first = settings.monitor_port
    return {name: first + place for place, name in enumerate(("scheduler", "ingress", "node"))} if first else {}


def _nats(plan: Plan, port: int) -> Program:
    hushed = "" if plan.settings.log_level == "debug" else " [INF] "
    return Program("nats", host.nats_command(plan.nats_binary, port, plan.data / "nats"), hushed=hushed, last=True)


def _programs(plan: Plan, nats_url: str, terminal: Terminal) -> tuple[Program, ...]:
    python, environment = sys.executable, _environment(plan, nats_url, terminal)
    listening = ("--host", plan.settings.host, "--port", str(plan.port))
    # Of the same name in each life: it has its predecessor's partitions at once, and need not wait for a lease to end.
    scheduler = environment | {env.PREFIX + "INSTANCE": f"up-{os.getpid()}"}
    commands = {
        "scheduler": ((python, "-m", "actors"), scheduler),
        "ingress": ((python, "-m", "ingress", *listening), environment),
        "node": ((python, "-m", "node_runtime"), environment),
    }
    seen_at = monitors(plan.settings)
    return tuple(
        Program(name, command, {**given, env.PREFIX + "MONITOR_PORT": str(seen_at.get(name, 0))})
        for name, (command, given) in commands.items()
    )


def _environment(plan: Plan, nats_url: str, terminal: Terminal) -> dict[str, str]:
    settings = plan.settings
    given = {"nats_url": nats_url, "asr_model": settings.asr_model, "log_level": settings.log_level}
    given["auth"], given["monitor_host"] = settings.auth, settings.monitor_host
    given["nats_creds"], given["nats_ca"] = settings.nats_creds, settings.nats_ca
    given["nats_cert"], given["nats_key"] = settings.nats_cert, settings.nats_key
    given["otlp_endpoint"], given["trace_ratio"] = settings.otlp_endpoint, str(settings.trace_ratio)
    given["log_format"] = "console" if settings.log_format == "auto" and terminal.interactive else settings.log_format
    given["dedicated"] = "true"  # what NATS, the scheduler and the ingress use here is no reason to spare this machine
    if plan.config:
        given["config"] = str(Path(plan.config).expanduser().resolve())
    return {env.PREFIX + name.upper(): value for name, value in given.items()}


# --- waiting --------------------------------------------------------------------------------------------------------


async def _check_nats(settings: env.UpSettings) -> None:
    url = settings.nats_url
    mend = "or leave --nats-url out and one is started here"
    try:
        async with Bus.connect(url, "up", login.of(settings), patience=5):
            pass
    except NatsUnavailable as error:
        raise HostLacks(f"no NATS server answers at {url}: start it, {mend}") from error
    info = await host.nats_info(url)
    if info is not None and not info.jetstream:
        raise HostLacks(f"the NATS server at {url} has no JetStream: start it with -js, {mend}")


async def _until_nats(port: int) -> None:
    with _explained(f"nats-server did not answer on port {port} for {NATS_PATIENCE_S:g} s"):
        async with asyncio.timeout(NATS_PATIENCE_S):
            while True:
                info = await host.nats_info(f"nats://127.0.0.1:{port}")
                if info is not None and info.jetstream:
                    return
                await asyncio.sleep(0.05)


async def _until_ready(address: str, terminal: Terminal) -> None:
    terminal.status("waiting for the ingress …")
    while True:
        found = await host.readiness(address)
        if found is not None and found.ready:
            return
        if found is not None:
            terminal.status(f"waiting: {found.reason or 'not ready yet'} …")
        await asyncio.sleep(POLL_S)


@contextlib.contextmanager
def _explained(message: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise HostLacks(message) from error


@contextlib.asynccontextmanager
async def _impatience(supervisor: Supervisor) -> AsyncIterator[None]:
    """Once the end has been asked for, a second Ctrl-C kills what is left."""
    loop = asyncio.get_running_loop()
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, supervisor.kill)

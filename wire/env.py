"""Settings of every process: from flags, then `DRAGOMAN_…` variables, then a TOML file, into one frozen struct.

The TOML file (`--config FILE` or `DRAGOMAN_CONFIG`) has the same names as keys, at top level: one file serves all
processes, and each reads its own. A key that no process knows, or a value of the wrong kind, raises `SettingsError`
that names it. Lists are comma-separated in variables and flags.
"""

from __future__ import annotations

import difflib
import math
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from wire.errors import SettingsError

PREFIX = "DRAGOMAN_"
CONFIG = PREFIX + "CONFIG"
KEY = PREFIX + "KEY"
"""Of clients: no setting."""

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[float, Meta(gt=0)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every process has. `nats_creds` is a file with the nkey seed (or JWT and seed) of the user that it is at
    NATS, `nats_ca` the authorities that sign the server's certificate, `nats_cert` and `nats_key` a certificate of its
    own where the server wants one: see deploy/nats/README.md. `monitor_host` and `monitor_port` (0: none) are where it
    tells its metrics and its health: see docs/operations.md. A share `trace_ratio` of all utterances is traced, by the
    OpenTelemetry collector at `otlp_endpoint` (empty: none): see docs/tracing.md."""

    nats_url: str = "nats://127.0.0.1:4222"
    nats_creds: str = ""
    nats_ca: str = ""
    nats_cert: str = ""
    nats_key: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    otlp_endpoint: str = ""
    trace_ratio: Probability = 1.0
    monitor_host: str = "127.0.0.1"
    monitor_port: Port = 0


class SchedulerSettings(Settings, frozen=True, kw_only=True):
    """Endpointing is in audio time. See actors/endpointing.py for what each does.

    `instance` names this scheduler among others; one is made where it is empty. A scheduler that takes the name of one
    that died has its partitions at once. `foreign_load_percent`: hosts that others use more get no work. As many
    sessions are let in as keep nodes' slots in use for `target_utilization` of the time, and none while finals wait for
    a node for longer than `max_wait_s`: see docs/admission.md.
    `keep_dead_jobs`: the audio of utterances that were given up is kept for a week, so that they can be run again.
    Transcripts are kept for `history_days` (0: not at all), but for tenants that have days of their own: see
    docs/history.md.
    """

    instance: str = ""
    cpu_nodes: bool = True
    foreign_load_percent: Annotated[float, Meta(ge=0, le=100)] = 25.0
    target_utilization: Annotated[float, Meta(gt=0, le=1)] = 0.8
    max_wait_s: Positive = 1.5
    speech_threshold: Probability = 0.5
    silence_threshold: Probability = 0.35
    end_silence_s: Positive = 0.6
    min_speech_s: Positive = 0.16
    max_utterance_s: Annotated[float, Meta(ge=2, le=28)] = 15.0
    pre_roll_s: Annotated[float, Meta(ge=0, le=2)] = 0.3
    group_gap_s: Positive = 2.0
    prompt_context: bool = False
    result_timeout_s: Positive = 60.0
    keep_dead_jobs: bool = True
    client_timeout_s: Positive = 60.0
    history_days: Annotated[float, Meta(ge=0, le=36_500)] = 7.0


Auth = Literal["auto", "keys", "off"]


class IngressSettings(Settings, frozen=True, kw_only=True):
    """Who may come in: `auth`, `origins` (pages elsewhere that may use this server), `jwt_…` and `tls_…` are explained
    in docs/security.md; `max_upload_mb`, `max_recording_hours`, `max_recordings` (that are worked on at once) and
    `fetch_urls` in docs/recordings.md. `max_waiting` sessions wait in line, at all ingresses together: see
    docs/admission.md."""

    host: str = "127.0.0.1"
    port: Port = 8080
    pool: str = "default"
    max_frame_bytes: Annotated[int, Meta(ge=1024, le=1_048_576)] = 131_072
    max_speed: Annotated[float, Meta(ge=1)] = 4.0
    idle_timeout_s: Positive = 300.0
    max_sessions: Count = 1000
    max_waiting: Annotated[int, Meta(ge=1, le=2000)] = 500
    max_rooms: Count = 100
    max_room_members: Count = 50
    auth: Auth = "auto"
    origins: list[str] = []
    jwt_keys: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_tenant_claim: str = "tenant"
    jwt_admin_claim: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    max_upload_mb: Count = 2048
    max_recording_hours: Positive = 12.0
    max_recordings: Count = 2
    fetch_urls: bool = False
    max_openai_upload_mb: Positive = 25.0


class NodeSettings(Settings, frozen=True, kw_only=True):
    """`node` is made from the host's name where it is empty. `threads` 0 divides the cores among the slots.

    `dedicated` hosts take work whatever else runs on them. `tags` are capabilities that jobs may ask for, and
    `custom_engines` the entry points that bring engines of your own: see docs/engines.md. A node that is told to stop
    lets its jobs run for `drain_s` more. `cpu_nodes` and `foreign_load_percent` are the scheduler's: a node that they
    turn away asks its pools for nothing.
    """

    node: str = ""
    pools: list[str] = msgspec.field(default_factory=lambda: ["default"])
    slots: Count = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Meta(ge=0)] = 0
    asr_model: str = "base"
    nmt_models: list[str] = []
    voices: list[str] = msgspec.field(default_factory=lambda: ["en_US-joe-medium"])
    cache_dir: str = "~/.cache/dragoman"
    engine: Literal["models", "scripted"] = "models"
    scripted_rtf: Positive = 0.1
    custom_engines: list[str] = []
    dedicated: bool = False
    cpu_nodes: bool = True
    foreign_load_percent: Annotated[float, Meta(ge=0, le=100)] = 25.0
    tags: list[str] = []
    drain_s: Positive = 10.0


class ExporterSettings(Settings, frozen=True, kw_only=True):
    """`dragoman export`. `postgres` is the database's address, postgresql://user:password@host/database; up to `batch`
    entries are written in one transaction. See docs/history.md."""

    postgres: str = ""
    batch: Annotated[int, Meta(ge=1, le=5000)] = 500


class UpSettings(Settings, frozen=True, kw_only=True):
    """`dragoman up`. An empty `nats_url` starts a server of its own. With a `monitor_port` it is the scheduler's; the
    ingress and the node have the next two. All its processes log at its `log_level`."""

    nats_url: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    host: str = "127.0.0.1"
    port: Port = 8080
    data_dir: str = "~/.local/share/dragoman"
    asr_model: str = "base"
    auth: Auth = "auto"
    open: bool = False


ALL: tuple[type[Settings], ...] = (SchedulerSettings, IngressSettings, NodeSettings, ExporterSettings, UpSettings)

S = TypeVar("S", bound=Settings)


def load(
    kind: type[S], flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, config: str = ""
) -> S:
    """Settings of one process. `flags` holds what the command line gave (None: not given).

    Raises SettingsError, naming the key, where it stands, and what would be right.
    """
    environ = os.environ if environ is None else environ
    known = {name for each in ALL for name in each.__struct_fields__}
    mine = set(kind.__struct_fields__)
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}

    def take(name: str, value: Any, where: str) -> None:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
            raise SettingsError(f"{where}: there is no such setting; {hint}")
        if name in mine:
            values[name], origin[name] = _as_list(kind, name, value), where

    path = config or environ.get(CONFIG, "")
    for name, value in _read_toml(path).items() if path else ():
        take(name, value, f"{name} in {path}")
    for variable, text in environ.items():
        if variable.startswith(PREFIX) and variable not in (CONFIG, KEY):
            take(variable.removeprefix(PREFIX).lower(), text, variable)
    for name, value in (flags or {}).items():
        if value is not None:
            take(name, value, "--" + name.replace("_", "-"))

    hints = typing.get_type_hints(kind, include_extras=True)
    for name, value in values.items():
        try:
            values[name] = msgspec.convert(value, hints[name], strict=False)
        except msgspec.ValidationError as error:
            choices = typing.get_args(hints[name]) if typing.get_origin(hints[name]) is Literal else ()
            expected = f"Expected one of {', '.join(choices)}" if choices else error
            raise SettingsError(f"{origin[name]} = {value!r}: {expected}") from error
        if isinstance(values[name], float) and not math.isfinite(values[name]):
            raise SettingsError(f"{origin[name]} = {value!r}: Expected a finite number")
    return kind(**values)


def _as_list(kind: type[Settings], name: str, value: Any) -> Any:
    hint = typing.get_type_hints(kind)[name]
    if isinstance(value, str) and isinstance(hint, types.GenericAlias) and hint.__origin__ is list:
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _read_toml(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error}") from error

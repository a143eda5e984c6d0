"""How large a fleet must be for so many streams. PURE: arithmetic on what was asked and on what was measured.

The price of a stream, in slots that it keeps busy, is the one that schedulers admit by (docs/decisions.md): a plan says
how many nodes make a pool that lets in so many. How long finals wait there is Erlang's C formula, as if a pool were one
queue and utterances came by chance (https://en.wikipedia.org/wiki/M/M/c_queue); `bench.scaling` checks it against the
dispatcher. CPU, bandwidth and memory are sums over streams and utterances of what was measured (cli/figures.py).

Every line says how it was reckoned, with the numbers in it, so that whoever doubts one can put in another.
"""

from __future__ import annotations

import math

import msgspec

from cli.figures import FIGURES

BATCH_UTILIZATION = 0.95
"""With recordings, slots may be busy for so much of the time: they go after live speech."""
P99 = 0.01
DAY_H = 24.0
FEWEST = 2
"""Of schedulers and ingresses, so that one may go."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be served. `rtf…` are seconds of engine time for a second of an utterance's audio: to transcribe it,
    and for one target to translate and to speak it. `captions` is the share of streams that ask for live captions."""

    streams: int
    rtf: float
    rtf_translate: float
    rtf_speech: float
    speech_share: float = 0.6
    utterance_s: float = 4.0
    targets: int = 1
    spoken: int = 1
    slots: int = 1
    utilization: float = 0.8
    spare: int = 1
    captions: float = 1.0
    recordings_h: float = 0.0
    history_days: float = 7.0
    hours: float = 8.0
    replicas: int = 1
    core_share: float = 0.7
    model_mb: float = 0.0


class Line(msgspec.Struct, frozen=True):
    """`key` is for programs; `formula` for people, with the numbers that went in."""

    key: str
    what: str
    value: float
    unit: str
    formula: str


class Plan(msgspec.Struct, frozen=True):
    lines: list[Line]
    warnings: list[str]

    def __getitem__(self, key: str) -> float:
        return next(line.value for line in self.lines if line.key == key)


def figure(name: str) -> float:
    return FIGURES[name].value


def erlang_c(servers: int, load: float) -> float:
    """The chance that somebody must wait, where `load` servers of so many are busy on average."""
    if load <= 0:
        return 0.0
    if load >= servers:
        return 1.0
    blocked = 1.0
    for count in range(1, servers + 1):  # Erlang B, by its recursion
        blocked = load * blocked / (count + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def wait(servers: int, load: float, job_s: float, share: float = P99) -> float:
    """Seconds that all but a `share` of jobs wait at most; infinite where there is too little."""
    if load >= servers:
        return math.inf
    chance = erlang_c(servers, load)
    return max(0.0, job_s / (servers - load) * math.log(chance / share)) if chance > 0 else 0.0


class _Sheet:
    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.lines: list[Line] = []
        self.warnings: list[str] = []
        self.utterances = asked.streams * asked.speech_share / asked.utterance_s

    def add(self, key: str, what: str, value: float, unit: str, formula: str) -> float:
        self.lines.append(Line(key, what, value, unit, formula))
        return value


def plan(asked: Asked) -> Plan:
    sheet = _Sheet(asked)
    _nodes(sheet)
    ingresses = _processes(sheet)
    _nats(sheet, ingresses)
    _storage(sheet)
    return Plan(sheet.lines, sheet.warnings)


def _nodes(sheet: _Sheet) -> None:
    a = sheet.asked
    per_audio = a.rtf + a.targets * a.rtf_translate + a.spoken * a.rtf_speech
    price = sheet.add(
        "price", "a stream keeps busy", a.speech_share * per_audio, "slots",
        f"{a.speech_share:g} speech x ({a.rtf:g} to hear + {a.targets} x {a.rtf_translate:.4g} to translate"
        f" + {a.spoken} x {a.rtf_speech:.4g} to speak)",
    )  # fmt: skip
    busy = a.streams * price
    recordings = a.recordings_h / DAY_H * per_audio
    needed = max(busy / a.utilization, (busy + recordings) / BATCH_UTILIZATION)
    formula = f"{a.streams} streams x {price:.4g} / {a.utilization:g} utilisation"
    if needed > busy / a.utilization:
        formula = (
            f"({a.streams} streams x {price:.4g} + {a.recordings_h:g} h of recordings a day / 24 x {per_audio:.4g})"
            f" / {BATCH_UTILIZATION:g}"
        )
    slots = sheet.add("slots", "slots", max(1, _up(needed)), "", formula)
    working = _up(slots / a.slots)
    sheet.add(
        "nodes", "nodes", working + a.spare, "", f"{slots:g} slots / {a.slots} in each + {a.spare} to spare"
    )  # fmt: skip
    job_s = a.utterance_s * per_audio
    waits = wait(working * a.slots, busy, job_s)
    sheet.add(
        "wait_p99_s", "a final waits at most, 99 of 100", waits, "s",
        f"Erlang C: {working * a.slots} slots, {busy:.4g} busy, jobs of {a.utterance_s:g} s x {per_audio:.4g}"
        f" = {job_s:.3g} s; without the spare ones",
    )  # fmt: skip
    sheet.add(
        "node_mb", "memory of a node", figure("node_mb") + a.model_mb, "MB",
        f"{figure('node_mb'):g} + {a.model_mb:g} for its models",
    )  # fmt: skip


def _processes(sheet: _Sheet) -> float:
    """Returns how many ingresses."""
    a = sheet.asked
    counts = {}
    for role, name in (("scheduler", "schedulers"), ("ingress", "ingresses")):
        cores, formula = _cores(sheet, role)
        sheet.add(f"{role}_cores", f"cores for {name}", cores, "", formula)
        counts[role] = max(FEWEST, _up(cores / a.core_share))
        sheet.add(
            name, name, counts[role], "", f"{cores:.3g} cores / {a.core_share:g} of a core each, {FEWEST} at least"
        )
        own, each = figure(f"{role}_mb"), figure(f"{role}_stream_kb")
        sheet.add(
            f"{role}_mb", f"memory of each {role}", own + a.streams / counts[role] * each / 1000, "MB",
            f"{own:g} + {a.streams} streams / {counts[role]} x {each:g} KB",
        )  # fmt: skip
    if counts["scheduler"] > figure("partitions"):
        sheet.warnings.append(
            f"{counts['scheduler']} schedulers, but {figure('partitions'):g} partitions: see docs/scaling.md"
        )
    return counts["ingress"]


def _cores(sheet: _Sheet, role: str) -> tuple[float, str]:
    a = sheet.asked
    messages = a.streams * figure("messages_s")
    chunk, text, spoken = (figure(f"{role}_{what}") for what in ("chunk_us", "utterance_ms", "spoken_ms"))
    cores = messages * chunk / 1e6 + sheet.utterances * (text + a.spoken * spoken) / 1000
    return cores, (
        f"{messages:g} messages/s x {chunk:g} µs + {sheet.utterances:.4g} utterances/s"
        f" x ({text:g} + {a.spoken} x {spoken:g}) ms"
    )


def _nats(sheet: _Sheet, ingresses: float) -> None:
    a = sheet.asked
    audio = a.streams * figure("audio_kb_s")
    jobs = sheet.utterances * (a.utterance_s + figure("job_padding_s")) * figure("pcm_kb_s")
    partials = a.streams * a.captions * a.speech_share * figure("partial_kb_s")
    texts = sheet.utterances * (figure("utterance_kb") + a.targets * figure("target_kb"))
    voices = a.streams * a.speech_share * a.spoken * figure("voice_kb_s")
    shown = f"audio {_mb(audio)} + jobs {_mb(jobs)} + captions {_mb(partials)} + texts {_mb(texts)}"
    into = audio + jobs + partials + texts + voices
    sheet.add("nats_in_mb_s", "into NATS", into / 1000, "MB/s", f"{shown} + voices {_mb(voices)}")
    out = sheet.add(
        "nats_out_mb_s", "out of NATS", (audio + jobs + partials + ingresses * (texts + voices)) / 1000, "MB/s",
        f"audio {_mb(audio)} + jobs {_mb(jobs)} + captions {_mb(partials)} + {ingresses:g} ingresses, each hears all,"
        f" x (texts {_mb(texts)} + voices {_mb(voices)})",
    )  # fmt: skip
    if out > figure("wire_mb_s"):
        sheet.warnings.append(
            f"{out:,.0f} MB/s out of NATS are over {figure('wire_mb_s'):,.0f} of one host's network, for each ingress "
            "hears all that is told: see docs/scaling.md"
        )
    sheet.add(
        "nats_disk_mb_s", "written to disk", (into - partials) * a.replicas / 1000, "MB/s",
        f"{a.replicas} replicas x (all that comes in but captions, {_mb(into - partials)})",
    )  # fmt: skip
    cores, formula = _cores(sheet, "nats")
    sheet.add("nats_cores", "cores for NATS", cores, "", formula)
    messages, most = a.streams * figure("messages_s"), figure("nats_messages_s")
    sheet.add(
        "mailbox_share", "MAILBOX carries, of what was measured", messages / most, "",
        f"{messages:g} messages/s / {most:g}",
    )  # fmt: skip
    if messages > a.core_share * most:
        sheet.warnings.append(f"{messages:g} messages of audio a second are much for one MAILBOX: see docs/scaling.md")


def _storage(sheet: _Sheet) -> None:
    a = sheet.asked
    voices = a.speech_share * a.spoken * figure("voice_kb_s")
    texts = a.speech_share / a.utterance_s * (figure("utterance_kb") + a.targets * figure("target_kb"))
    for stream, rate, formula in (
        ("mailbox", figure("audio_kb_s"), f"{figure('audio_kb_s'):g} KB/s"),
        ("events", voices + texts, f"({voices:.3g} voices + {texts:.3g} texts) KB/s"),
    ):
        age, most = figure(f"{stream}_age_s"), figure(f"{stream}_gb")
        wanted = a.streams * rate * age / 1e6
        sheet.add(
            f"{stream}_gb", f"{stream.upper()} holds", min(wanted, most), "GB",
            f"{a.streams} streams x {formula} x {age:g} s, {most:g} GB at most; x {a.replicas} replicas",
        )  # fmt: skip
        if wanted > most:
            sheet.warnings.append(
                f"{stream.upper()} holds {most / wanted * age:.0f} s instead of {age:g}: raise its max_bytes "
                "(wire/topology.py), or live with it"
            )
    texts_a_day = sheet.utterances * 3600 * a.hours * (1 + a.targets)
    wanted, most = texts_a_day * figure("text_kb") * a.history_days / 1e6, figure("transcripts_gb")
    sheet.add(
        "transcripts_gb", "TRANSCRIPTS holds", min(wanted, most), "GB",
        f"{texts_a_day:.4g} texts a day of {a.hours:g} h x {figure('text_kb'):g} KB x {a.history_days:g} days,"
        f" {most:g} GB at most; x {a.replicas} replicas",
    )  # fmt: skip
    if wanted > most:
        sheet.warnings.append(
            f"TRANSCRIPTS is full after {most / wanted * a.history_days:.2g} days instead of {a.history_days:g}, and "
            "takes nothing then: raise its max_bytes, or keep history for fewer days"
        )


def _up(value: float) -> int:
    """The next whole number; what is one but for rounding errors stays it."""
    return math.ceil(value - 1e-9)


def _mb(kb: float) -> str:
    return f"{kb / 1000:.3g}"

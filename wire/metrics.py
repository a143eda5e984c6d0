"""Every metric of every process, declared once; docs/operations.md lists them, and a test holds the two together.

Names follow Prometheus' conventions: `dragoman_`, what is measured, its unit in base units, `_total` for what only ever
grows. Labels have few values, known beforehand: stages, outcomes, reasons, routes, pools, nodes. No label ever has a
session, a tenant, a language or a text.

There are two kinds. A histogram or a counter of prometheus_client is told of each case where it happens (`observe`,
`inc`: a microsecond, labels bound when the module is loaded). A `Family` has no state of its own: what it says is read,
when somebody asks, from what a process counts and knows anyway (`wire.readings`). Counts that are kept as
`counters["name"] += 1` become metrics through the tables at the end: name -> family and labels.

A process shows what is in PROCESS and in the registry of its role.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # series that nobody reads

PROCESS = CollectorRegistry()
SCHEDULER = CollectorRegistry()
INGRESS = CollectorRegistry()
NODE = CollectorRegistry()
EXPORTER = CollectorRegistry()

QUICK = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
FELT = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Bounds in seconds: of what should go unnoticed, and of what people wait for."""

OTHER = "other"


@dataclass(frozen=True)
class Family:
    """A metric that is read when somebody asks. It is a counter if its name ends in `_total`, else a gauge."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        return self.name.endswith("_total")


Counts = Mapping[str, tuple[Family, tuple[str, ...]]]
"""Name of a count -> what it is a case of: the family, and a value for each of its labels."""


@dataclass(slots=True)
class Tally:
    """What is counted for each chunk of audio, with an addition and nothing else."""

    chunks: int = 0
    bytes: int = 0


def one_of(value: str, known: Collection[str]) -> str:
    """A label's value: what is not known beforehand is "other"."""
    return value if value in known else OTHER


# --- every process ---

ProcessCollector(registry=PROCESS)  # process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds, …

BUILD_INFO = Family("dragoman_build_info", "1; the version that runs, and as what.", ("version", "role"))
EVENT_LOOP_LAG = Histogram(
    "dragoman_event_loop_lag_seconds",
    "How much later than asked for the event loop woke up, four times a second.",
    buckets=QUICK,
    registry=PROCESS,
)
LOG_LINES_WITHHELD = Family(
    "dragoman_log_lines_withheld_total", "Lines that stand in the log as a number only, for there were too many alike."
)
NATS_CONNECTED = Family("dragoman_nats_connected", "1 while there is a connection to NATS.")
NATS_RECONNECTS = Family("dragoman_nats_reconnects_total", "Times that the connection to NATS was lost and came back.")
NATS_ERRORS = Family("dragoman_nats_errors_total", "Errors that the NATS client reported, and messages it dropped.")
NATS_DUPLICATES = Family(
    "dragoman_nats_duplicates_total", "Messages that were sent again and that the stream held already."
)

MESSAGES_NEWER = Counter(
    "dragoman_messages_newer_total",
    "Messages and values of a later version of Dragoman, which this process left alone.",
    ["what"],
    registry=PROCESS,
)

# --- scheduler: sessions and jobs ---

DISPATCH = Histogram(
    "dragoman_dispatch_seconds",
    "From an utterance's end being decided to its job being stored.",
    buckets=QUICK,
    registry=SCHEDULER,
)
JOB_WAIT = Histogram(
    "dragoman_job_wait_seconds",
    "From an attempt being decided to a node beginning it.",
    ["work"],
    buckets=FELT,
    registry=SCHEDULER,
)
FINAL_LAG = Histogram(
    "dragoman_final_lag_seconds",
    "From the end of a live utterance being decided to its final transcript, its translation, or its first speech "
    "being told.",
    ["what"],
    buckets=FELT,
    registry=SCHEDULER,
)
FIRST_PARTIAL = Histogram(
    "dragoman_first_partial_seconds",
    "From the beginning of an utterance's audio to the first words of its live caption, in seconds of audio.",
    buckets=FELT,
    registry=SCHEDULER,
)
SESSIONS_HELD = Family("dragoman_sessions_held", "Sessions whose actor is in this scheduler.")
PARTITIONS_HELD = Family("dragoman_partitions_held", "Partitions that this scheduler owns, of 64 in all.")
SESSIONS_BEGUN = Family("dragoman_sessions_begun_total", "Sessions that were opened here, or taken over.", ("how",))
EVENTS_TOLD = Family("dragoman_events_told_total", "Events of sessions that were stored for their clients.")
EVENTS_FOUND = Family(
    "dragoman_events_found_total", "Events that were about to be told and stood in the stream already."
)
MAIL_DROPPED = Family("dragoman_mail_dropped_total", "Mail that nobody could read, or of sessions that are not here.")
WRITES_FENCED = Family("dragoman_writes_fenced_total", "Writes that were refused because another owner had written.")
PARTITIONS_RESTARTED = Family(
    "dragoman_partitions_restarted_total", "Times that a partition was begun again after a refused write."
)
ADMISSION_ROUNDS = Family("dragoman_admission_rounds_total", "Decisions about who is let in that were written here.")
ADMISSION_FENCED = Family(
    "dragoman_admission_fenced_total", "Such decisions that were refused because another scheduler had written."
)
LEASES = Family("dragoman_leases_total", "Leases of partitions that were gained, given up and lost.", ("change",))
JOBS = Family("dragoman_jobs_total", "Attempts at jobs that were published.")
JOBS_PLACED = Family(
    "dragoman_jobs_placed_total", "Where attempts were published; widened: the pool's lane too.", ("lane",)
)
JOBS_UNPLACED = Family("dragoman_jobs_unplaced_total", "Attempts for which no node was fit when they were published.")
JOBS_ADOPTED = Family("dragoman_jobs_adopted_total", "Attempts that were bound already, by whoever was here before.")
JOBS_DROPPED = Family(
    "dragoman_jobs_dropped_total", "Attempts that were not wanted any more before they began.", ("reason",)
)
JOBS_DEAD = Family("dragoman_jobs_dead_total", "Jobs that were given up after too many attempts.")
SLOT_CONFLICTS = Family("dragoman_slot_conflicts_total", "Slots that another scheduler took first.")
SLOTS_TAKEN_BACK = Family("dragoman_slots_taken_back_total", "Slots taken back from nodes that fell silent.")
LANES_EMPTIED = Family("dragoman_lanes_emptied_total", "Lanes of nodes that are gone that were emptied.")
HISTORY = Family(
    "dragoman_history_events_total", "Final texts that were written into the history, or not.", ("outcome",)
)
NODE_REFUSALS = Family("dragoman_node_refusals_total", "Nodes that could not take a job, by reason.", ("reason",))

# --- scheduler: the fleet as a whole ---

NODES = Family("dragoman_nodes", "Nodes whose heart beats, as this scheduler sees them.", ("pool", "state"))
QUEUE_DEPTH = Family(
    "dragoman_queue_depth",
    "Messages that wait or are in hand. Of all schedulers, the one that owns partition 0 says so.",
    ("queue", "pool"),
)
STREAM_BYTES = Family("dragoman_stream_bytes", "Bytes in a stream, likewise.", ("stream",))
STREAM_LIMIT_BYTES = Family("dragoman_stream_limit_bytes", "Bytes that a stream may hold, likewise.", ("stream",))
POOL_SLOTS = Family(
    "dragoman_pool_capacity_slots", "Slots' worth of live sessions that a pool has room for, likewise.", ("pool",)
)
POOL_SLOTS_USED = Family("dragoman_pool_used_slots", "What the live sessions use of it, likewise.", ("pool",))
POOL_STREAMS = Family(
    "dragoman_pool_capacity_streams", "The same room, in live sessions of the usual kind, likewise.", ("pool",)
)
LINE_WAITING = Family("dragoman_line_waiting", "Clients who wait in line to be let in, likewise.", ("pool",))

# --- ingress ---

SESSIONS_CONNECTED = Family("dragoman_sessions_connected", "Sessions whose client is connected here.")
CONNECTIONS = Family("dragoman_connections", "Clients' sockets that are open here.")
AUDIO_CHUNKS = Family("dragoman_audio_chunks_total", "Chunks of audio that came in.")
AUDIO_BYTES = Family("dragoman_audio_bytes_total", "Bytes of audio that came in, as PCM16.")
AUDIO_IN = Tally()
SESSIONS_REFUSED = Counter(
    "dragoman_sessions_refused_total",
    "Connections that ended without a session, by the code that was told.",
    ["reason"],
    registry=INGRESS,
)
SOCKETS_CLOSED = Counter(
    "dragoman_websocket_closes_total", "Close frames by their code; 0: the socket broke.", ["code"], registry=INGRESS
)
LIVE_EVENTS_DROPPED = Counter(
    "dragoman_live_events_dropped_total",
    "Live events that were left out for clients who read too slowly.",
    registry=INGRESS,
)
HTTP_REQUESTS = Counter(
    "dragoman_http_requests_total",
    "Requests by the route as it was declared, and the status that was answered.",
    ["method", "route", "status"],
    registry=INGRESS,
)
HTTP_SECONDS = Histogram(
    "dragoman_http_request_seconds",
    "From a request's headers to the end of its answer; WebSockets are not in it.",
    ["route"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0),
    registry=INGRESS,
)
RECORDINGS = Family(
    "dragoman_recordings", "Recordings that are kept, by state. Every ingress sees all of them.", ("state",)
)
RECORDINGS_ENDED = Counter(
    "dragoman_recordings_ended_total", "Recordings that came to an end here.", ["outcome"], registry=INGRESS
)
RECORDED_SECONDS = Counter(
    "dragoman_recorded_seconds_total", "Seconds of audio of the recordings that were done here.", registry=INGRESS
)

# --- node ---

STAGE = Histogram(
    "dragoman_stage_seconds",
    "Engine time of one attempt in a stage, all targets together.",
    ["stage"],
    buckets=FELT,
    registry=NODE,
)
JOB = Histogram(
    "dragoman_job_seconds",
    "From the beginning of an attempt to its results being stored.",
    ["outcome"],
    buckets=FELT,
    registry=NODE,
)
PARTIAL = Histogram("dragoman_partial_seconds", "Time of a live caption in the engines.", buckets=FELT, registry=NODE)
REDELIVERIES = Counter(
    "dragoman_job_redeliveries_total", "Jobs that came here and had been delivered to somebody before.", registry=NODE
)
ATTEMPTS = Family("dragoman_job_attempts_total", "What a node did with the jobs that came to it.", ("outcome",))
ATTEMPTS_FAILED = Family("dragoman_job_failures_total", "Attempts that failed here, by code.", ("code",))
PARTIALS = Family("dragoman_partials_total", "Live captions that a node took, and what became of them.", ("outcome",))
CACHE_LOOKUPS = Family(
    "dragoman_cache_lookups_total", "What recordings asked of the caches `heard` and `rendered`.", ("cache", "result")
)
ENGINE_DEATHS = Family("dragoman_engine_deaths_total", "Times that the engines' process died.", ("node",))
NODE_READY = Family("dragoman_node_ready", "1 while a node is warm and takes work.", ("node",))
NODE_DRAINING = Family("dragoman_node_draining", "1 while a node ends its jobs and takes no more.", ("node",))
NODE_SLOTS = Family("dragoman_node_slots", "Jobs that a node can run at once.", ("node",))
NODE_SLOTS_BUSY = Family("dragoman_node_busy_slots", "Live jobs that run.", ("node",))
NODE_MEMORY = Family("dragoman_node_memory_bytes", "Memory of a node, its engines' process counted in.", ("node",))
NODE_CPU = Family("dragoman_node_cpu_ratio", "Share of the host's CPU that is busy, 0 to 1.", ("node",))
NODE_FOREIGN = Family("dragoman_node_foreign_load_ratio", "Share of the host that others use, 0 to 1.", ("node",))
NODE_RTF = Family(
    "dragoman_node_real_time_factor",
    "Seconds of engine time for a second of an utterance's audio, smoothed.",
    ("node", "stage", "model"),
)
GPU_MEMORY_USED = Family("dragoman_gpu_memory_used_bytes", "Memory of a GPU in use, by anybody.", ("node", "gpu"))
GPU_MEMORY = Family("dragoman_gpu_memory_bytes", "Memory of a GPU.", ("node", "gpu"))
GPU_BUSY = Family("dragoman_gpu_utilization_ratio", "Share of a GPU's time that is busy, 0 to 1.", ("node", "gpu"))

# --- exporter ---

EXPORTED = Family("dragoman_export_entries_total", "Entries of transcripts that came to an exporter.", ("outcome",))
EXPORT_DATABASE = Family("dragoman_export_database_connected", "1 while there is a connection to PostgreSQL.")

# --- what is kept as counts ---

SCHEDULER_COUNTS: Counts = {
    "sessions_opened": (SESSIONS_BEGUN, ("opened",)),
    "sessions_restored": (SESSIONS_BEGUN, ("restored",)),
    "mail_dropped": (MAIL_DROPPED, ()),
    "events": (EVENTS_TOLD, ()),
    "events_found": (EVENTS_FOUND, ()),
    "fenced": (WRITES_FENCED, ()),
    "partitions_begun_again": (PARTITIONS_RESTARTED, ()),
    "leases_gained": (LEASES, ("gained",)),
    "leases_released": (LEASES, ("released",)),
    "leases_lost": (LEASES, ("lost",)),
    "jobs": (JOBS, ()),
    "jobs_to_lane": (JOBS_PLACED, ("node",)),
    "jobs_to_pool": (JOBS_PLACED, ("pool",)),
    "jobs_to_batch": (JOBS_PLACED, ("batch",)),
    "jobs_widened": (JOBS_PLACED, ("widened",)),
    "jobs_unplaced": (JOBS_UNPLACED, ()),
    "jobs_adopted": (JOBS_ADOPTED, ()),
    "jobs_superseded": (JOBS_DROPPED, ("superseded",)),
    "jobs_withdrawn": (JOBS_DROPPED, ("withdrawn",)),
    "jobs_dead": (JOBS_DEAD, ()),
    "slot_conflicts": (SLOT_CONFLICTS, ()),
    "slots_taken_back": (SLOTS_TAKEN_BACK, ()),
    "lanes_emptied": (LANES_EMPTIED, ()),
    "admission_rounds": (ADMISSION_ROUNDS, ()),
    "admission_fenced": (ADMISSION_FENCED, ()),
    "history_kept": (HISTORY, ("kept",)),
    "history_lost": (HISTORY, ("lost",)),
}

EXPORTER_COUNTS: Counts = {outcome: (EXPORTED, (outcome,)) for outcome in ("written", "refused", "unreadable")}

FAILURES = (
    "engine_failed", "engine_crashed", "language_unsupported", "model_missing", "translation_failed", "speech_failed",
)  # fmt: skip
"""Codes of attempts that fail; engines of one's own may have others."""

NODE_COUNTS: Counts = {
    "jobs_started": (ATTEMPTS, ("started",)),
    "jobs_returned": (ATTEMPTS, ("returned",)),
    "jobs_given_back": (ATTEMPTS, ("given_back",)),
    "jobs_superseded": (ATTEMPTS, ("superseded",)),
    "jobs_elsewhere": (ATTEMPTS, ("elsewhere",)),
    "heard_hits": (CACHE_LOOKUPS, ("heard", "hit")),
    "heard_misses": (CACHE_LOOKUPS, ("heard", "miss")),
    "rendered_hits": (CACHE_LOOKUPS, ("rendered", "hit")),
    "rendered_misses": (CACHE_LOOKUPS, ("rendered", "miss")),
} | {f"jobs_failed.{code}": (ATTEMPTS_FAILED, (code,)) for code in (*FAILURES, OTHER)}

PARTIAL_COUNTS: Counts = {
    outcome: (PARTIALS, (outcome,))
    for outcome in ("taken", "answered", "stale", "given_back", "failed", "lost", "unreadable")
}

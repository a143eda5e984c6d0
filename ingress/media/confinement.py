"""What a process gives up before it looks at a stranger's file.

Decoders are large, old and written in C. This one may crash, or do as the file says; what it has then is a time slice
at low priority, some memory, the file it was given and a pipe. It can open no other file and no socket (no file
descriptor is left for one), leave no core dump, and gain no privilege by running another program.
"""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path

NICENESS = 5
PR_SET_NO_NEW_PRIVS = 38
MIB = 1024 * 1024


def confine(cpu_s: int, memory_mb: int) -> None:
    """For good. `cpu_s` seconds of CPU time in all (SIGXCPU ends the process then), `memory_mb` beyond what it has.

    Whatever this process still wants to import or to open must be there already.
    """
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    spent = resource.getrusage(resource.RUSAGE_SELF)
    most_cpu = round(spent.ru_utime + spent.ru_stime) + cpu_s
    os.nice(NICENESS)
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _lower(resource.RLIMIT_AS, taken + memory_mb * MIB)
    _lower(resource.RLIMIT_CPU, most_cpu, most_cpu + 1)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, 0)


def _lower(kind: int, soft: int, hard: int | None = None) -> None:
    """Never above what was allowed before."""
    _, ceiling = resource.getrlimit(kind)
    limits = (soft, soft if hard is None else hard)
    if ceiling != resource.RLIM_INFINITY:
        limits = (min(limits[0], ceiling), min(limits[1], ceiling))
    resource.setrlimit(kind, limits)

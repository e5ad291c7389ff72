"""How many physical cores this process was given: the thread count at which matrix kernels run best.

A second hardware thread of one core adds contention, not speed; a container's quota is smaller than the host's count.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_SYSTEM = Path("/sys")


def physical_cores(system: Path = _SYSTEM) -> int:
    """Physical cores that affinity and the container's CPU quota leave to this process; at least 1."""
    quota = _quota(system)
    cores = len({_siblings(system, cpu) for cpu in _allowed()})
    return max(1, min(cores, quota) if quota else cores)


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _siblings(system: Path, cpu: int) -> str:
    """The name of the core that ``cpu`` is a hardware thread of; the CPU's own number where the kernel does not say."""
    try:
        return (system / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota(system: Path) -> int | None:
    """The cgroup (v2) CPU limit in whole cores, rounded up; None without a limit."""
    try:
        limit, period = (system / "fs/cgroup/cpu.max").read_text().split()
        return None if limit == "max" else math.ceil(int(limit) / int(period))
    except (OSError, ValueError):
        return None

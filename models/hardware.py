"""What memory this machine has, for saying whether a model fits. Only looks; a machine without a GPU is no fault."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_QUERY = ("--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
_TIMEOUT_S = 5.0
"""A driver in trouble can hold ``nvidia-smi`` for ever."""
_ROW = re.compile(r"^(?P<name>.+),\s*(?P<total>\d+),\s*(?P<free>\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card; memory in MiB."""

    name: str
    total_mb: int
    free_mb: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is. ``note`` says why no GPU is known where there might be one."""

    gpus: tuple[Gpu, ...]
    ram_mb: int
    note: str = ""

    @property
    def largest_gpu_mb(self) -> int:
        """Of the largest card; 0 without one."""
        return max((gpu.total_mb for gpu in self.gpus), default=0)


def look(*, timeout_s: float = _TIMEOUT_S) -> Machine:
    """Ask ``nvidia-smi`` where there is one, and the kernel. Blocks for at most ``timeout_s``."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Machine((), ram_mb())
    try:
        done = subprocess.run(  # noqa: S603 - the path that the system finds, with fixed arguments
            [program, *_QUERY], capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Machine((), ram_mb(), note=f"nvidia-smi failed: {_why(error, timeout_s)}")
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        return Machine((), ram_mb(), note=f"nvidia-smi failed: {said[0][:200] if said else done.returncode}")
    return Machine(read_gpus(done.stdout), ram_mb())


def read_gpus(text: str) -> tuple[Gpu, ...]:
    """The cards in what ``nvidia-smi`` printed; lines of another form are left out (``[N/A]`` on shared memory)."""
    found = (_ROW.match(line.strip()) for line in text.splitlines())
    return tuple(Gpu(row["name"].strip(), int(row["total"]), int(row["free"])) for row in found if row)


def ram_mb(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Memory of this machine, or of this container when it is given less, in MiB."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        given = int(limit.read_text())
    except (OSError, ValueError):  # no container, or "max"
        given = pages
    return min(pages, given) // 2**20


def _why(error: Exception, timeout_s: float) -> str:
    return f"no answer within {timeout_s:.0f} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)

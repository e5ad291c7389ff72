"""The common ground of the benchmarks: one temporary data directory with the knowledge base in it, opened once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.bootstrap import Appliance, open_appliance
from appliance.config import Config
from benchmarks.bare import Models
from benchmarks.open_profile import write_open_profile
from benchmarks.options import Options


@dataclass(frozen=True, slots=True)
class Ground:
    """``appliance`` answers nothing by itself here: its server is another process on the same ``data``."""

    options: Options
    data: Path
    profile: Path
    appliance: Appliance
    models: Models


@asynccontextmanager
async def ground(options: Options) -> AsyncIterator[Ground]:
    """An empty knowledge base: who needs articles imports ``options.kb``."""
    with TemporaryDirectory(prefix="appliance-bench-") as folder:
        data = Path(folder)
        profile = write_open_profile(data)
        async with open_appliance(Config(data=data, profile=str(profile))) as appliance:
            yield Ground(options, data, profile, appliance, Models(appliance))

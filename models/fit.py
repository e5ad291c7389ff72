"""Whether a model of the catalogue fits a machine, which one would, and whether several fit it together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from models.catalog_entries import Entry
from models.hardware import Machine

_RAM_SHARE = 0.8
"""The rest is for the appliance, the system and its file cache."""


@dataclass(frozen=True, slots=True)
class Fit:
    """``fits`` and why, in words."""

    fits: bool
    detail: str


def uses_gpu(entry: Entry, *, provider: str, device: str) -> bool:
    """Whether the settings ``models.provider`` and ``models.device`` put a model on a GPU, where there is one."""
    return entry.preset is not None or (provider == "cuda" if entry.ships else device != "cpu")


def fit(entry: Entry, machine: Machine, *, gpu: bool = True) -> Fit:
    """For ``gpu`` the largest card decides; without one, or with ``gpu`` False, the machine's memory does.

    A synthesis model needs a card: the presets are for GPUs.
    """
    card = machine.largest_gpu_mb if gpu else 0
    if entry.gpu_memory_mb is not None:
        if not card:
            return Fit(False, f"{entry.id} needs a GPU of {entry.gpu_memory_mb:,} MiB, and none is to be seen")
        return Fit(entry.gpu_memory_mb <= card, f"{entry.id} needs {entry.gpu_memory_mb:,} of the GPU's {card:,} MiB")
    needed = entry.needs_mb(gpu=bool(card))
    has, where = _room(machine, gpu=bool(card))
    return Fit(needed <= has, f"{entry.id} needs {needed:,} of the {where}")


def together(placed: Iterable[tuple[Entry, bool]], machine: Machine) -> Fit:
    """Entries with whether each uses a GPU, all loaded at once. vLLM takes its whole share of the card, however small its model."""
    everything = list(placed)
    card = machine.largest_gpu_mb
    fits, said = True, []
    for gpu in (True, False):
        there = [entry for entry, wants in everything if (wants and card > 0) == gpu]
        if not there:
            continue
        needs = {entry.id: _takes(entry, card) if gpu else entry.needs_mb(gpu=False) for entry in there}
        has, where = _room(machine, gpu=gpu)
        fits = fits and sum(needs.values()) <= has
        sums = " + ".join(f"{name} {needed:,}" for name, needed in needs.items())
        said.append(f"{sums} of the {where}")
    return Fit(fits, "; ".join(said))


def largest_that_fits(entries: Iterable[Entry], role: str, machine: Machine, *, gpu: bool = True) -> Entry | None:
    """The model of that role which needs most and still fits."""
    fitting = [entry for entry in entries if entry.role == role and fit(entry, machine, gpu=gpu).fits]
    return max(fitting, key=lambda entry: entry.memory_mb, default=None)


def _takes(entry: Entry, card: int) -> int:
    share = entry.preset.gpu_memory_utilization if entry.preset else None
    return entry.needs_mb(gpu=True) if share is None else math.ceil(card * share)


def _room(machine: Machine, *, gpu: bool) -> tuple[int, str]:
    """MiB, and whose in words."""
    has = machine.largest_gpu_mb if gpu else int(machine.ram_mb * _RAM_SHARE)
    return has, f"GPU's {has:,} MiB" if gpu else f"machine's {has:,} MiB that models may take"

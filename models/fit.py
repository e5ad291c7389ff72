"""Whether a model of the catalogue fits a machine, and which one would."""

from __future__ import annotations

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


def fit(entry: Entry, machine: Machine, *, gpu: bool = True) -> Fit:
    """For ``gpu`` the largest card decides; without one, or with ``gpu`` False, the machine's memory does.

    A synthesis model needs a card: the presets are for GPUs.
    """
    card = machine.largest_gpu_mb if gpu else 0
    if entry.gpu_memory_mb is not None:
        if not card:
            return Fit(False, f"{entry.id} needs a GPU of {entry.gpu_memory_mb:,} MiB, and none is to be seen")
        return Fit(entry.gpu_memory_mb <= card, f"{entry.id} needs {entry.gpu_memory_mb:,} of the GPU's {card:,} MiB")
    has, whose = (card, "GPU's") if card else (int(machine.ram_mb * _RAM_SHARE), "machine's")
    rest = "" if card else " that models may take"
    return Fit(entry.memory_mb <= has, f"{entry.id} needs {entry.memory_mb:,} of the {whose} {has:,} MiB{rest}")


def largest_that_fits(entries: Iterable[Entry], role: str, machine: Machine) -> Entry | None:
    """The model of that role which needs most and still fits."""
    fitting = [entry for entry in entries if entry.role == role and fit(entry, machine).fits]
    return max(fitting, key=lambda entry: entry.memory_mb, default=None)

"""What fits: what nvidia-smi says, with a real (small) program in its place, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import hardware
from models.catalog import Catalog
from models.fit import fit, largest_that_fits
from models.hardware import Gpu, Machine

CARDS = "NVIDIA GeForce RTX 4090, 24564, 24100\nNVIDIA L4, 23034, 1000\nNVIDIA GB10, [N/A], [N/A]\n"


def test_cards_are_read_and_those_without_memory_of_their_own_left_out() -> None:
    assert hardware.read_gpus(CARDS) == (
        Gpu("NVIDIA GeForce RTX 4090", 24564, 24100),
        Gpu("NVIDIA L4", 23034, 1000),
    )
    assert hardware.read_gpus("garbage\n\n") == ()


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "nvidia-smi"


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_program_is_asked(smi: Path) -> None:
    program(smi, f"printf '%s' '{CARDS}'")
    assert hardware.look().largest_gpu_mb == 24564


@pytest.mark.parametrize(
    ("script", "note"),
    [
        (
            "echo 'NVIDIA-SMI has failed because it could not talk to the driver' >&2; exit 9",
            "could not talk to the driver",
        ),
        ("exec sleep 60", "no answer within 0 s"),
        ("exit 3", "nvidia-smi failed: 3"),
    ],
)
def test_a_driver_in_trouble_is_a_note_and_no_fault(smi: Path, script: str, note: str) -> None:
    program(smi, script)
    seen = hardware.look(timeout_s=0.3 if "sleep" in script else 5)
    assert seen.gpus == ()
    assert note in seen.note


def test_a_machine_without_a_card(smi: Path) -> None:
    seen = hardware.look()
    assert (seen.gpus, seen.note) == ((), "")
    assert seen.ram_mb > 100


def test_a_container_has_what_it_was_given(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("536870912\n")
    assert hardware.ram_mb(limit) == 512
    limit.write_text("max\n")
    assert hardware.ram_mb(limit) == hardware.ram_mb(tmp_path / "none")


def test_the_largest_that_fits_a_card() -> None:
    entries = Catalog.open().entries

    def best(total: int) -> str:
        found = largest_that_fits(entries, "synthesis", Machine((Gpu("g", total, total),), 64_000))
        return found.id if found else ""

    assert [best(size) for size in (8_000, 12_282, 16_376, 24_564, 32_607, 81_559)] == [
        "",
        "qwen3-8b-awq",
        "qwen3-8b-fp8",
        "qwen3-8b",
        "qwen3-32b-awq",
        "mistral-small-24b",
    ]


def test_without_a_card_memory_decides_and_synthesis_does_not_fit() -> None:
    catalog = Catalog.open()
    bare = Machine((), 4_000)
    assert fit(catalog.get("multilingual-e5-base"), bare).fits
    assert not fit(catalog.get("multilingual-e5-base"), Machine((), 2_000)).fits
    found = fit(catalog.get("qwen3-4b-instruct"), Machine((), 500_000))
    assert not found.fits
    assert "needs a GPU of 14,6" in found.detail

"""``appliance models add``, ``list``, ``verify`` and the doctor's word on what fits, through the command line."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import run
from appliance.config import Config, Synthesis
from appliance.config import Models as ModelSettings
from appliance.doctor import fits
from appliance.doctor.amiss import Amiss
from appliance.model_rows import listed
from models.catalog import Catalog
from models.catalog_lock import make_lock
from models.hardware import Gpu, Machine

E5 = Catalog.open().get("multilingual-e5-small")


def called(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["appliance", "models", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        run()
    return int(ended.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shape of multilingual-e5-small with other weights: what a forged folder would look like."""
    made = tmp_path / "e5"
    made.mkdir()
    assert E5.shape is not None
    config = {
        "architectures": [E5.shape.architecture],
        "num_hidden_layers": E5.shape.layers,
        "hidden_size": E5.shape.hidden_size,
        "num_attention_heads": E5.shape.heads,
        "vocab_size": E5.shape.vocab_size,
    }
    (made / "config.json").write_text(json.dumps(config))
    header = b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    (made / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"x")
    return made


def test_forged_weights_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path
) -> None:
    assert called(monkeypatch, "add", E5.id, folder, "--data", tmp_path / "d") == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "model.safetensors has another sha256" in " ".join(seen.err.split())


def test_another_revision_is_added_listed_and_verified(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path
) -> None:
    data, commit = tmp_path / "d", "c" * 40
    assert called(monkeypatch, "add", E5.id, folder, "--revision", commit, "--data", data, "--json") == 1
    assert "nothing vouches for this one" in " ".join(capsys.readouterr().err.split())
    lock = tmp_path / "there.json"
    lock.write_text(make_lock(folder, E5.id, commit, now=datetime(2026, 11, 23, tzinfo=UTC)).model_dump_json())
    assert called(monkeypatch, "add", E5.id, folder, "--expect", lock, "--data", data, "--json") == 0
    added = json.loads(capsys.readouterr().out)
    assert (added["revision"], added["files"]) == (commit, 2)
    assert added["compared"] == ["2 files with there.json, which alone vouches for this revision"]
    assert Path(added["lock"]).is_file()

    assert called(monkeypatch, "list", "--data", data, "--json") == 0
    rows: dict[str, Any] = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"role", "revision", "licence", "bytes", "memory_mb", "on_disk", "fits"} <= set(rows[E5.id])
    assert (rows[E5.id]["on_disk"], rows[E5.id]["revision"]) == (True, commit)
    assert rows["encoder"]["on_disk"]
    assert not rows["qwen3-8b"]["on_disk"]
    assert rows["qwen3-8b"]["serve"][:3] == ["vllm", "serve", "/models/qwen3-8b"]

    assert called(monkeypatch, "verify", "--data", data, "--json") == 0
    capsys.readouterr()
    (folder / "model.safetensors").write_bytes(b"other")
    assert called(monkeypatch, "verify", "--data", data, "--json") == 1
    states = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert not states[E5.id]["ok"]
    assert "another sha256" in states[E5.id]["detail"]


def test_a_broken_lock_is_told_by_verify_and_does_not_hide_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lock = tmp_path / "d/models/added/qwen3-8b.json"
    lock.parent.mkdir(parents=True)
    lock.write_text("{")
    assert called(monkeypatch, "list", "--data", tmp_path / "d", "--json") == 0
    capsys.readouterr()
    assert called(monkeypatch, "verify", "--data", tmp_path / "d", "--json") == 1
    states = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert "qwen3-8b.json is no lock" in states["qwen3-8b"]["detail"]


@pytest.mark.parametrize("arguments", [("add",), ("add", "qwen3-8b"), ("add", "qwen3-8b", "x", "--surprise")])
def test_wrong_arguments(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    assert called(monkeypatch, *arguments) == 2


def told(model: str, machine: Machine, base_url: str = "http://127.0.0.1:8000/v1") -> str:
    config = Config(synthesis=Synthesis(mode="vllm", model=model, base_url=base_url))
    return fits.synthesis(config, Catalog.open(), machine)


def test_the_doctor_says_what_fits() -> None:
    card = Machine((Gpu("NVIDIA L4", 23034, 23000),), 64_000)
    assert "qwen3-8b needs" in told("qwen3-8b", card)
    with pytest.raises(Amiss, match="mistral-small-24b needs 58,853 of the GPU's 23,034 MiB") as amiss:
        told("mistral-small-24b", card)
    assert amiss.value.remedy == 'Set synthesis.model to "qwen3-8b", which fits, or give the machine more memory.'
    with pytest.raises(Amiss, match="none is to be seen \\(nvidia-smi failed: x\\)") as amiss:
        told("qwen3-8b", Machine((), 64_000, note="nvidia-smi failed: x"))
    assert 'set synthesis.mode to "quote"' in amiss.value.remedy


def test_the_doctor_does_not_judge_what_it_cannot_see() -> None:
    bare = Machine((), 64_000)
    assert "is no id of the catalogue" in told("support-model", bare)
    assert "is not this machine" in told("qwen3-8b", bare, "http://vllm:8000/v1")
    assert fits.synthesis(Config(), Catalog.open(), bare) == "no language model is asked for"


def test_the_doctor_looks_at_encoder_and_reranker() -> None:
    catalog, small = Catalog.open(), Machine((), 2_000)
    assert fits.finder(Config(), catalog, small, "encoder").startswith("encoder needs 80 of the machine's")
    with pytest.raises(Amiss, match="bge-reranker-v2-m3 needs") as amiss:
        fits.finder(Config(models=ModelSettings(reranker="bge-reranker-v2-m3")), catalog, small, "reranker")
    assert 'models.reranker to "reranker"' in amiss.value.remedy


def test_the_doctor_compares_with_the_memory_that_the_device_names() -> None:
    catalog, machine = Catalog.open(), Machine((Gpu("NVIDIA T4", 15_360, 15_000),), 3_000)
    chosen = {"encoder": "qwen3-embedding-0.6b"}
    on_gpu = fits.finder(Config(models=ModelSettings(**chosen)), catalog, machine, "encoder")  # type: ignore[arg-type] # by name
    assert on_gpu == "qwen3-embedding-0.6b needs 1,837 of the GPU's 15,360 MiB"
    with pytest.raises(Amiss, match=r"needs 2,973 of the machine's 2,400 MiB") as amiss:
        fits.finder(Config(models=ModelSettings(**chosen, device="cpu")), catalog, machine, "encoder")  # type: ignore[arg-type] # by name
    assert "qwen3" not in amiss.value.remedy
    asked = Config(models=ModelSettings(**chosen, device="cuda"))  # type: ignore[arg-type] # by name
    assert "nvidia-smi does not show" in fits.finder(asked, catalog, Machine((), 3_000), "encoder")
    rows = {row["id"]: row for row in listed(Config(models=ModelSettings(device="cpu")), catalog, machine)}
    assert not rows["qwen3-embedding-0.6b"]["fits"]


def both(device: str, machine: Machine) -> str:
    config = Config(
        models=ModelSettings(encoder="multilingual-e5-base", reranker="bge-reranker-v2-m3", device=device),  # type: ignore[arg-type] # a literal
        synthesis=Synthesis(mode="vllm", model="qwen3-8b"),
    )
    return fits.together(config, Catalog.open(), machine)


def test_the_doctor_adds_up_what_shares_a_card() -> None:
    small = Machine((Gpu("NVIDIA L4", 23_034, 23_000),), 64_000)
    with pytest.raises(
        Amiss, match=r"multilingual-e5-base 1,231 \+ bge-reranker-v2-m3 1,783 \+ qwen3-8b 21,192 of"
    ) as amiss:
        both("auto", small)
    assert 'models.device to "cpu"' in amiss.value.remedy
    assert both("cpu", small).startswith("qwen3-8b 21,192 of the GPU's 23,034 MiB; multilingual-e5-base 1,761 + bge")
    assert "machine's" not in both("auto", Machine((Gpu("A100", 81_920, 81_000),), 64_000))
    with pytest.raises(Amiss, match="Together the models do not fit"):
        both("auto", Machine((), 5_000))  # each fits the 4,000 MiB alone


def test_an_id_can_be_copied_from_a_narrow_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert called(monkeypatch, "list", "--data", tmp_path) == 0
    seen = capsys.readouterr().out
    assert [entry.id for entry in Catalog.open().entries if f" {entry.id} " not in seen] == []

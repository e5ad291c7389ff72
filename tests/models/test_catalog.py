"""The catalogue: complete entries, damage named, and the command that refreshes the hashes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tiny

from models.catalog import CATALOG, Catalog
from models.catalog_hash import main
from models.errors import ModelRefused

ENTRY = """# a comment that stays
[[model]]
id = "encoder"
role = "encoder"
revision = "unreleased"
licence = "Apache-2.0"
source = "tests"
measured_mb = 1
ships = true
files = [
    { path = "encoder/model.onnx", sha256 = "0000000000000000000000000000000000000000000000000000000000000000", bytes = 0 },
    { path = "encoder/meta.json", sha256 = "0000000000000000000000000000000000000000000000000000000000000000", bytes = 0 },
]

[[model]]
id = "big"
role = "synthesis"
revision = "0123456789012345678901234567890123456789"
licence = "MIT"
source = "somewhere"
hub = "some/where"
files = [
    { path = "model.safetensors", sha256 = "1111111111111111111111111111111111111111111111111111111111111111", bytes = 8000000000 },
]
shape = { architecture = "Qwen3ForCausalLM", layers = 36, hidden_size = 4096, heads = 32, kv_heads = 8, head_dim = 128, vocab_size = 151936 }
preset = { context_tokens = 8192, full_sequences = 4, max_num_seqs = 16, gpu_memory_utilization = 0.9 }
"""


@pytest.fixture
def box(tmp_path: Path) -> tuple[Path, Path]:
    """A catalogue and its weights, with the hashes written."""
    catalog, weights = tmp_path / "catalog.toml", tmp_path / "weights"
    catalog.write_text(ENTRY)
    tiny.encoder_folder(weights / "encoder")
    assert main(["hash"], catalog, weights) == 0
    return catalog, weights


def test_hash_writes_hashes_and_revision_and_keeps_the_rest(box: tuple[Path, Path]) -> None:
    text = box[0].read_text()
    assert text.startswith("# a comment that stays")
    assert "0" * 64 not in text
    catalog = Catalog.open(*box)
    assert catalog.get("encoder").revision == "tiny-1"
    assert catalog.get("big").revision.startswith("0123")
    assert catalog.get("big").files[0].sha256 == "1" * 64  # hashed where it lies, not below our weights
    assert catalog.get("encoder").files[0].bytes == (box[1] / "encoder/model.onnx").stat().st_size


def test_hash_reports_what_is_missing(box: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (box[1] / "encoder/model.onnx").unlink()
    assert main(["hash"], *box) == 1
    assert "encoder/model.onnx" in capsys.readouterr().err
    assert main([], *box) == 2


def test_a_revision_of_a_hub_is_a_commit_and_the_command_to_fetch_names_it() -> None:
    for entry in Catalog.open().entries:
        if entry.hub:
            assert re.fullmatch(r"[0-9a-f]{40}", entry.revision), entry.id
            assert entry.fetch.startswith(f"hf download {entry.hub} --revision {entry.revision} --include ")
            assert entry.fetch.endswith(f" --local-dir {entry.id}")
            assert ".bin" not in entry.fetch


def test_what_is_not_verified_says_what_is_missing() -> None:
    for entry in Catalog.open().entries:
        assert entry.verified == ("Not verified:" not in entry.note), entry.id
        if entry.hub and entry.verified:
            assert any(file.path.endswith(".safetensors") for file in entry.files), entry.id


def test_intact_weights_verify(box: tuple[Path, Path]) -> None:
    catalog = Catalog.open(*box)
    (status,) = catalog.verify()
    assert (status.id, status.ok, status.detail) == ("encoder", True, "2 files intact")
    assert status.path == str(box[1] / "encoder")
    assert catalog.require("encoder") == box[1] / "encoder"


def test_damage_and_loss_are_named(box: tuple[Path, Path]) -> None:
    catalog = Catalog.open(*box)
    model = box[1] / "encoder/model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    (status,) = catalog.verify()
    assert not status.ok
    assert "model.onnx is damaged" in status.detail
    model.unlink()
    with pytest.raises(ModelRefused, match=r"model\.onnx is missing.*models verify"):
        catalog.require("encoder")


def test_what_does_not_ship_says_how_to_get_it(box: tuple[Path, Path]) -> None:
    with pytest.raises(ModelRefused, match=r"does not ship.*connected machine"):
        Catalog.open(*box).require("big")


def test_an_unknown_id_lists_the_known_ones(box: tuple[Path, Path]) -> None:
    with pytest.raises(ModelRefused, match=r'no model "biig".*encoder, big'):
        Catalog.open(*box).get("biig")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[model", "is not TOML"),
        (ENTRY.replace("licence", "license"), "wrong at model.0.licence"),
        (ENTRY + "surprise = 1\n", "wrong at model.1.surprise"),
        (ENTRY.replace('hub = "some/where"', ""), "either ships or has a hub"),
        (ENTRY.replace("preset =", "# preset ="), "a synthesis model has a preset"),
        (ENTRY.replace("shape =", "# shape ="), "needs the shape"),
        (
            ENTRY.replace('role = "synthesis"', 'role = "encoder"').replace("preset =", "# preset ="),
            "an encoder to be fetched",
        ),
        ("", "wrong at model"),
    ],
)
def test_a_broken_catalogue_says_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    with pytest.raises(ModelRefused, match=message):
        Catalog.open(path)


def test_a_missing_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="cannot be read"):
        Catalog.open(tmp_path / "none.toml")


def test_every_entry_of_ours_is_complete() -> None:
    catalog = Catalog.open()
    ids = [entry.id for entry in catalog.entries]
    assert len(set(ids)) == len(ids)
    for entry in catalog.entries:
        assert bool(entry.fetch) != entry.ships, entry.id
        assert entry.memory_mb > 0, entry.id
        assert entry.licence in {"Apache-2.0", "MIT"}, entry.id
    assert [entry.ships for entry in catalog.list_models()] == sorted((e.ships for e in catalog.entries), reverse=True)


def test_there_is_a_preset_of_each_size() -> None:
    needs = {entry.id: entry.gpu_memory_mb for entry in Catalog.open().entries if entry.preset}
    assert {"qwen3-4b-instruct", "qwen3-8b", "mistral-small-24b", "qwen3-32b-awq"} <= set(needs)
    for name, card in {"qwen3-4b-instruct": 16, "qwen3-8b": 24, "qwen3-8b-awq": 12, "qwen3-32b-awq": 32}.items():
        assert (needs[name] or 0) <= card * 1000 * 0.98, (
            f"{name} is said to fit a card of {card} GB"
        )  # some cards show less


def test_the_weights_that_ship_are_the_ones_in_the_catalogue() -> None:
    assert [status.detail for status in Catalog.open().verify() if not status.ok] == []


def test_no_hub_address_stands_in_the_catalogue() -> None:
    assert "http" not in CATALOG.read_text()

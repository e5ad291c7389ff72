"""The catalogue: complete entries, damage named, and the command that refreshes the hashes."""

from __future__ import annotations

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
memory_mb = 1
ships = true
files = [
    { path = "encoder/model.onnx", sha256 = "0000000000000000000000000000000000000000000000000000000000000000", bytes = 0 },
    { path = "encoder/meta.json", sha256 = "0000000000000000000000000000000000000000000000000000000000000000", bytes = 0 },
]

[[model]]
id = "big"
role = "synthesis"
revision = "main"
licence = "MIT"
source = "somewhere"
memory_mb = 9000
fetch = "On a connected machine: fetch big"
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
    assert catalog.get("big").revision == "main"
    assert catalog.get("encoder").files[0].bytes == (box[1] / "encoder/model.onnx").stat().st_size


def test_hash_reports_what_is_missing(box: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (box[1] / "encoder/model.onnx").unlink()
    assert main(["hash"], *box) == 1
    assert "encoder/model.onnx" in capsys.readouterr().err
    assert main([], *box) == 2


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
        assert bool(entry.files) == entry.ships, entry.id
        assert bool(entry.fetch) != entry.ships, entry.id
        assert bool(entry.serve) == (entry.role == "synthesis"), entry.id
    assert [entry.ships for entry in catalog.list_models()] == sorted((e.ships for e in catalog.entries), reverse=True)


def test_the_weights_that_ship_are_the_ones_in_the_catalogue() -> None:
    assert [status.detail for status in Catalog.open().verify() if not status.ok] == []


def test_no_hub_address_stands_in_the_catalogue() -> None:
    assert "http" not in CATALOG.read_text()

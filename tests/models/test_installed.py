"""Revisions side by side: one is in use, the one before can be brought back, and none is ever half there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.errors import ModelRefused
from models.installed import SHIPPED, InUse, Shelf


def shelf(tmp_path: Path, *, shipped: bool = True) -> Shelf:
    return Shelf(tmp_path / "intent" / "saas", shipped=shipped)


def put(shelf: Shelf, revision: str, text: str = "weights") -> Path:
    with shelf.scratch() as scratch:
        (scratch / "heads.onnx").write_text(text)
        (scratch / "trial").mkdir()
        (scratch / "trial" / "heads.onnx").write_text("trial")
        return shelf.keep(scratch, revision)


def test_an_empty_shelf_serves_what_ships_or_nothing(tmp_path: Path) -> None:
    assert shelf(tmp_path).in_use() == InUse(SHIPPED, None)
    assert shelf(tmp_path, shipped=False).in_use() == InUse(None, None)
    assert shelf(tmp_path).revisions() == ()


def test_what_was_kept_is_not_in_use_until_somebody_says_so(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    put(on, "r-1")
    assert on.in_use() == InUse(SHIPPED, None)
    assert on.activate("r-1", instead_of=SHIPPED) == on.in_use() == InUse("r-1", SHIPPED)
    assert on.revisions() == ("r-1",)


def test_rolling_back_goes_to_the_previous_one_and_again_forward(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    for revision, before in (("r-1", SHIPPED), ("r-2", "r-1")):
        put(on, revision)
        on.activate(revision, instead_of=before)
    assert on.roll_back() == InUse("r-1", "r-2")
    assert on.roll_back() == InUse("r-2", "r-1")


def test_without_a_previous_one_there_is_nothing_to_bring_back(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no previous model") as refused:
        shelf(tmp_path).roll_back()
    assert refused.value.remedy


def test_a_damaged_previous_one_is_not_brought_back(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    for revision, before in (("r-1", SHIPPED), ("r-2", "r-1")):
        put(on, revision)
        on.activate(revision, instead_of=before)
    (on.path("r-1") / "trial" / "heads.onnx").write_text("another")
    with pytest.raises(ModelRefused, match=r"trial/heads\.onnx is not the file that was installed"):
        on.roll_back()
    assert on.in_use() == InUse("r-2", "r-1")


@pytest.mark.parametrize("harm", ["change", "remove", "seal", "seal_points_outside"])
def test_every_file_is_checked(tmp_path: Path, harm: str) -> None:
    on = shelf(tmp_path)
    folder = put(on, "r-1")
    on.check("r-1")
    if harm == "change":
        (folder / "heads.onnx").write_text("other weights")
    elif harm == "remove":
        (folder / "heads.onnx").unlink()
    elif harm == "seal":
        (folder / "files.json").write_text("{")
    else:
        (folder / "files.json").write_text(json.dumps({"sha256": {"../../../etc/hosts": "0"}}))
    with pytest.raises(ModelRefused) as refused:
        on.check("r-1")
    assert "r-1" in refused.value.message
    assert refused.value.remedy
    with pytest.raises(ModelRefused):
        on.activate("r-1", instead_of=SHIPPED)
    assert on.in_use() == InUse(SHIPPED, None)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"active": "../../weights", "previous": null}', '{"active": 3, "previous": null}']
)
def test_a_broken_word_on_what_is_in_use_is_refused_with_a_remedy(tmp_path: Path, text: str) -> None:
    on = shelf(tmp_path)
    put(on, "r-1")
    (on.folder / "active.json").write_text(text)
    with pytest.raises(ModelRefused, match=r"active\.json does not say") as refused:
        on.in_use()
    assert "Remove it" in refused.value.remedy


def test_a_revision_that_is_there_stays_as_it_is_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    put(on, "r-1", "first")
    assert (put(on, "r-1", "second") / "heads.onnx").read_text() == "first"
    (on.path("r-1") / "heads.onnx").write_text("damaged")
    assert (put(on, "r-1", "second") / "heads.onnx").read_text() == "second"


def test_a_revision_may_be_made_from_a_copy_of_another(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    with on.scratch() as scratch:
        shutil.copytree(put(on, "r-1"), scratch, dirs_exist_ok=True)
        (scratch / "thresholds.json").write_text("{}")
        on.keep(scratch, "r-2")
    assert (on.check("r-2") / "thresholds.json").is_file()


@pytest.mark.parametrize("revision", ["", "../up", ".hidden", "a/b", SHIPPED, "A" * 200])
def test_names_that_are_no_revisions_are_refused(tmp_path: Path, revision: str) -> None:
    with pytest.raises(ModelRefused, match="cannot name a revision"):
        put(shelf(tmp_path), revision)


def test_what_a_fault_leaves_is_removed_and_what_a_kill_leaves_is_cleaned(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    with pytest.raises(RuntimeError), on.scratch() as scratch:
        (scratch / "half").write_text("half")
        raise RuntimeError("on the way")
    assert list(on.folder.iterdir()) == []
    (on.folder / ".new-killed").mkdir()
    (on.folder / ".new-killed" / "half").write_text("half")
    (on.folder / ".new-7.json").write_text("{")
    assert on.clean() == 2
    assert list(on.folder.iterdir()) == []
    assert on.revisions() == ()


def test_all_files_of_a_revision_may_be_read_by_whoever_may_read_the_shelf(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    on.folder.mkdir(parents=True)
    on.folder.chmod(0o755)
    with on.scratch() as scratch:
        (scratch / "trial").mkdir(mode=0o700)
        for name in ("heads.onnx", "thresholds.json", "trial/heads.onnx"):
            (scratch / name).write_text("content")
            (scratch / name).chmod(0o600 if "thresholds" in name else 0o664)
        folder = on.keep(scratch, "r-1")
    found = {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
    assert (found, (folder / "trial").stat().st_mode & 0o777) == ({0o644}, 0o755)


def test_a_note_in_the_card_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    with on.scratch() as scratch:
        (scratch / "heads.onnx").write_text("weights")
        (scratch / "MODEL_CARD.md").write_text("card")
        folder = on.keep(scratch, "r-1")
    with (folder / "MODEL_CARD.md").open("a") as card:
        card.write(" ")
    assert on.check("r-1") == folder
    with pytest.raises(ModelRefused, match=r"MODEL_CARD\.md is not the file"):
        on.check("r-1", whole=True)


def test_the_risk_budget_goes_with_the_revision_that_is_held_to_it(tmp_path: Path) -> None:
    on = shelf(tmp_path)
    put(on, "r-1")
    put(on, "r-2")
    on.activate("r-1", instead_of=SHIPPED)
    assert on.activate("r-2", instead_of="r-1", budget=0.05) == on.in_use() == InUse("r-2", "r-1", 0.05, None)
    assert on.roll_back() == InUse("r-1", "r-2", None, 0.05)
    assert on.roll_back().budget == 0.05


@pytest.mark.parametrize("budget", ['"0.05"', "7", "true"])
def test_a_risk_budget_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path, budget: str) -> None:
    on = shelf(tmp_path)
    put(on, "r-1")
    (on.folder / "active.json").write_text(f'{{"active": "r-1", "previous": null, "budget": {budget}}}')
    with pytest.raises(ModelRefused, match="does not say"):
        on.in_use()

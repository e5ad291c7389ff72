"""Taking a model in: what passes, each thing that is refused, and the lock that later holds it to what it was."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import hub_folder
import pytest

from models.catalog import CATALOG, WEIGHTS
from models.catalog_add import Added, add
from models.catalog_lock import lock_path, make_lock, read_lock
from models.errors import ModelRefused

NOW = datetime(2026, 11, 23, tzinfo=UTC)
Change = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return hub_folder.make(tmp_path / "stick" / "small")


def added(tmp_path: Path, folder: Path, *, revision: str = "", expect: Path | None = None, **changes: object) -> Added:
    catalog = hub_folder.catalog(tmp_path, **changes)
    return add(catalog, "small", folder, data=tmp_path / "data", now=NOW, revision=revision, expect=expect)


def test_a_sound_folder_is_locked_and_can_be_loaded(tmp_path: Path, folder: Path) -> None:
    done = added(tmp_path, folder)
    assert done.lock.revision == hub_folder.COMMIT
    assert done.compared == (
        "1 of 6 files with the hashes of the catalogue",
    )  # the folder's own records vouch for nothing
    assert done.licence == "MIT (LICENSE: Apache License)"
    assert [file.path for file in done.lock.files][:2] == ["1_Pooling/config.json", "LICENSE"]
    local = hub_folder.catalog(tmp_path).local("small", data=tmp_path / "data")
    assert local.folder == folder
    assert local.revision == f"small@aaaaaaaa-{done.lock.digest[:8]}"


def test_a_model_volume_goes_before_the_folder_of_the_lock(tmp_path: Path, folder: Path) -> None:
    added(tmp_path, folder)
    moved = tmp_path / "models" / "small"
    moved.parent.mkdir()
    folder.rename(moved)
    catalog = hub_folder.catalog(tmp_path)
    assert catalog.local("small", data=tmp_path / "data", volume=moved.parent).folder == moved
    with pytest.raises(ModelRefused, match="is no folder"):
        catalog.local("small", data=tmp_path / "data")


def test_what_was_never_added_says_how(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"was not added.*hf download.*appliance models add small FOLDER"):
        hub_folder.catalog(tmp_path).local("small", data=tmp_path / "data")


CHANGES: dict[str, tuple[Change, str]] = {
    "another byte": (lambda f: (f / "tokenizer.json").write_bytes(b"[]"), r"tokenizer\.json has another sha256"),
    "a file less": (lambda f: (f / "LICENSE").unlink(), "LICENSE is missing"),
    "a file more": (lambda f: (f / "extra.json").write_text("{}"), r"extra\.json is not in the lock"),
    "a link": (lambda f: (f / "link.json").symlink_to("/etc/hostname"), "is a link"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_differs_later_is_refused(tmp_path: Path, folder: Path, change: str) -> None:
    added(tmp_path, folder)
    CHANGES[change][0](folder)
    catalog = hub_folder.catalog(tmp_path)
    with pytest.raises(ModelRefused, match=CHANGES[change][1]):
        catalog.local("small", data=tmp_path / "data")
    (status,) = catalog.verify_added(tmp_path / "data")
    assert (status.id, status.ok) == ("small", False)


def config(**changes: object) -> Change:
    return lambda folder: (folder / "config.json").write_text(json.dumps(hub_folder.CONFIG | changes))


def note(text: str) -> Change:
    return lambda folder: (folder / ".cache/huggingface/download/LICENSE.metadata").write_text(text)


DEEP = "[" * 200_000


def header(text: str) -> Change:
    content = len(text).to_bytes(8, "little") + text.encode() + b"x" * 9
    return lambda folder: (folder / "model.safetensors").write_bytes(content)


def module(path: object) -> Change:
    text = json.dumps([{"type": "sentence_transformers.models.Transformer", "path": path}])
    return lambda folder: (folder / "modules.json").write_text(text)


def note_all(commit: str) -> Change:
    """The hub client's records name another revision; their hashes stay right."""

    def change(folder: Path) -> None:
        for path in (folder / ".cache").rglob("*.metadata"):
            path.write_text(path.read_text().replace(hub_folder.COMMIT, commit))

    return change


BAD: dict[str, tuple[Change, str]] = {
    "a pickle": (lambda f: (f / "pytorch_model.bin").write_bytes(b"x"), r"pytorch_model\.bin may hold a pickle"),
    "code": (lambda f: (f / "modeling_x.py").write_text(""), r"modeling_x\.py is code"),
    "an unknown kind": (lambda f: (f / "model.onnx").write_bytes(b"x"), r"model\.onnx is of a kind"),
    "remote code": (config(auto_map={"AutoModel": "x--y.Z"}), r"config\.json asks for code"),
    "a foreign module": (lambda f: (f / "modules.json").write_text('[{"type": "evil.Module"}]'), "evil.Module"),
    "another shape": (config(num_hidden_layers=3), "layers 3, not 2"),
    "another architecture": (config(architectures=["GPT2"]), "architecture 'GPT2', not 'BertModel'"),
    "another vocabulary": (config(vocab_size=33), "vocab_size 33"),
    "no config": (lambda f: (f / "config.json").unlink(), r"config\.json is missing"),
    "a broken config": (lambda f: (f / "config.json").write_text("{"), r"config\.json is missing or no JSON"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no .safetensors file"),
    "an LFS pointer": (
        lambda f: (f / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
        "is a Git LFS pointer",
    ),
    "cut short": (lambda f: (f / "model.safetensors").write_bytes(hub_folder.safetensors()[:-3]), "it is cut short"),
    "no safetensors": (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64), "is no safetensors file"),
    "a damaged header": (
        lambda f: (f / "model.safetensors").write_bytes(b"\x08" + b"\0" * 7 + b'{"w": 1}' + b"x" * 9),
        "has a damaged header",
    ),
    "a missing shard": (
        lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": {"w": "model-2.safetensors"}}'),
        r"model-2\.safetensors is missing",
    ),
    "a deep config": (lambda f: (f / "config.json").write_text(DEEP), r"config\.json is missing or no JSON"),
    "deep modules": (lambda f: (f / "modules.json").write_text(DEEP), r"modules\.json is no JSON list"),
    "broken modules": (lambda f: (f / "modules.json").write_text("["), r"modules\.json is no JSON list"),
    "deep tokens": (lambda f: (f / "tokenizer_config.json").write_text(DEEP), r"tokenizer_config\.json is no JSON"),
    "a deep index": (lambda f: (f / "model.safetensors.index.json").write_text(DEEP), r"index\.json is no JSON object"),
    "a huge config": (
        lambda f: (f / "config.json").write_text("{}" + " " * 10_000_000),
        r"config\.json is missing or no",
    ),
    "a deep header": (header(DEEP), "has a damaged header"),
    "an endless tensor": (header('{"w": {"data_offsets": [0, Infinity]}}'), "has a damaged header"),
    "a tensor of half a byte": (header('{"w": {"data_offsets": [0, 0.5]}}'), "has a damaged header"),
    "a tensor of truth": (header('{"w": {"data_offsets": [false, true]}}'), "has a damaged header"),
    "a nested shape": (config(architectures=[[["x"] * 1000]]), "architecture a list, not 'BertModel'"),
    "a module elsewhere": (module("../evil"), r"names the folder '\.\./evil'"),
    "a module at the root": (module("/etc"), "names the folder '/etc'"),
    "a module of no name": (module(7), "names the folder 7"),
    "weights besides": (
        lambda f: (f / "other").mkdir() or (f / "other/model.safetensors").write_bytes(hub_folder.safetensors()),
        r"other/model\.safetensors is not one of its weight files",
    ),
    "a branch in the records": (note_all("main"), 'says revision "main", which is no commit'),
    "a link": (lambda f: (f / "vocab.txt").symlink_to("/etc/passwd"), "is a link"),
    "a pipe": (lambda f: os.mkfifo(f / "vocab.txt"), "is a link or a special file"),
    "a linked folder": (lambda f: (f / "more").symlink_to("/etc"), "is a link"),
    "other weights": (
        lambda f: (f / "model.safetensors").write_bytes(hub_folder.safetensors(17)),
        "changed after it was",
    ),
    "a changed small file": (lambda f: (f / "LICENSE").write_text("Buy me"), "LICENSE is not what the hub sent"),
}


@pytest.mark.parametrize("change", BAD)
def test_each_bad_folder_is_refused_by_name_and_leaves_nothing(tmp_path: Path, folder: Path, change: str) -> None:
    BAD[change][0](folder)
    with pytest.raises(ModelRefused, match=BAD[change][1]) as refused:
        added(tmp_path, folder)
    assert refused.value.remedy
    assert not (tmp_path / "data").exists()


def test_hashes_of_the_catalogue_are_held_against_a_folder_without_records(tmp_path: Path) -> None:
    folder = hub_folder.make(tmp_path / "small", records=False)
    assert added(tmp_path, folder).lock.revision == hub_folder.COMMIT
    (folder / "model.safetensors").write_bytes(hub_folder.safetensors(17))
    with pytest.raises(
        ModelRefused, match=r"not revision aaaaaaaa of \"small\": model\.safetensors has another sha256"
    ):
        added(tmp_path, folder)


def forged(folder: Path, commit: str) -> Path:
    """Other weights of the right shape, with records that agree with them and name ``commit``."""
    hub_folder.make(folder)
    content = hub_folder.safetensors(17)
    (folder / "model.safetensors").write_bytes(content)
    record = folder / ".cache/huggingface/download/model.safetensors.metadata"
    record.write_text(f"{commit}\n{hashlib.sha256(content).hexdigest()}\n1.0\n")
    note_all(commit)(folder)
    return folder


@pytest.mark.parametrize("commit", [hub_folder.COMMIT, "0" * 40])
def test_records_of_the_folder_are_no_way_around_the_known_hashes(tmp_path: Path, commit: str) -> None:
    with pytest.raises(ModelRefused, match=r"another sha256|nothing vouches for this one"):
        added(tmp_path, forged(tmp_path / "small", commit))
    assert not (tmp_path / "data").exists()


def test_neither_is_a_revision_that_the_caller_names(tmp_path: Path) -> None:
    folder = hub_folder.make(tmp_path / "small", records=False)
    (folder / "model.safetensors").write_bytes(hub_folder.safetensors(17))
    with pytest.raises(ModelRefused, match='--revision says revision "main", which is no commit'):
        added(tmp_path, folder, revision="main")
    with pytest.raises(ModelRefused, match="nothing vouches for this one") as refused:
        added(tmp_path, folder, revision="b" * 40)
    assert "--expect" in refused.value.remedy
    sums = tmp_path / "small.sums"
    sums.write_text(
        "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in [folder / "LICENSE"])
    )
    with pytest.raises(ModelRefused, match="nothing vouches"):  # sums name no commit
        added(tmp_path, folder, revision="b" * 40, expect=sums)


def test_another_commit_needs_its_own_lock_which_the_message_names(tmp_path: Path) -> None:
    folder = forged(tmp_path / "small", "b" * 40)
    there = tmp_path / "there.json"
    there.write_text(make_lock(folder, "small", "b" * 40, now=NOW).model_dump_json())
    done = added(tmp_path, folder, expect=there)
    assert done.lock.revision == "b" * 40
    assert done.compared == ("6 files with there.json, which alone vouches for this revision",)
    there.write_text(make_lock(folder, "small", "c" * 40, now=NOW).model_dump_json())
    with pytest.raises(ModelRefused, match="is the lock of revision cccccccc"):
        added(tmp_path, folder, expect=there)


@pytest.mark.parametrize(("folder_mode", "mode"), [(0o755, 0o644), (0o750, 0o640), (0o700, 0o600)])
def test_a_service_under_another_user_can_read_the_lock(
    tmp_path: Path, folder: Path, folder_mode: int, mode: int
) -> None:
    parent = lock_path(tmp_path / "data", "small").parent
    parent.mkdir(parents=True)
    parent.chmod(folder_mode)
    assert added(tmp_path, folder).path.stat().st_mode & 0o777 == mode


def test_without_records_and_hashes_the_revision_has_to_be_said(tmp_path: Path) -> None:
    folder = hub_folder.make(tmp_path / "small", records=False)
    unknown: dict[str, object] = {"verified": False, "files": (), "weights_bytes": 100}
    with pytest.raises(ModelRefused, match="--revision"):
        added(tmp_path, folder, **unknown)
    done = added(tmp_path, folder, revision="b" * 40, **unknown)
    assert (done.lock.revision, done.compared) == ("b" * 40, ())


def test_another_revision_than_the_recorded_one_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelRefused, match="--revision says bbb"):
        added(tmp_path, folder, revision="b" * 40)


def test_the_lock_of_the_connected_machine_is_compared(tmp_path: Path, folder: Path) -> None:
    there = added(tmp_path, folder).path
    there = there.rename(tmp_path / "there.json")
    assert added(tmp_path, folder, expect=there).compared[-1] == "6 files with there.json"
    document = json.loads(there.read_text())
    document["files"][0]["sha256"] = "0" * 64
    there.write_text(json.dumps(document))
    with pytest.raises(
        ModelRefused, match=r"not the one that there\.json describes: 1_Pooling/config\.json has another"
    ):
        added(tmp_path, folder, expect=there)
    there.write_text(json.dumps(document | {"id": "other"}))
    with pytest.raises(ModelRefused, match='the lock of "other"'):
        added(tmp_path, folder, expect=there)


def test_sums_of_the_connected_machine_do_as_well(tmp_path: Path, folder: Path) -> None:
    sums = tmp_path / "small.sums"
    listing = subprocess.run(
        "find . -type f -exec sha256sum {} +", shell=True, cwd=folder, capture_output=True, text=True, check=True
    )
    sums.write_text(listing.stdout)
    assert added(tmp_path, folder, expect=sums).compared[-1] == "6 files with small.sums"
    sums.write_text(listing.stdout.replace("./LICENSE", "./LICENCE"))
    with pytest.raises(ModelRefused, match="LICENCE is missing; LICENSE is not in the lock"):
        added(tmp_path, folder, expect=sums)


@pytest.mark.parametrize("text", ["", "{}", "no lock at all", '{"id": "small", "files": []}'])
def test_what_is_no_lock_is_named(tmp_path: Path, folder: Path, text: str) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(text)
    with pytest.raises(ModelRefused, match=r"wrong\.json is no lock"):
        added(tmp_path, folder, expect=wrong)


@pytest.mark.parametrize("where", ["nowhere", "stick/small/config.json"])
def test_no_folder_is_named(tmp_path: Path, folder: Path, where: str) -> None:
    with pytest.raises(ModelRefused, match="is no folder"):
        added(tmp_path, folder.parents[1] / where)


def test_a_lock_that_cannot_be_written_is_named(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ModelRefused, match="cannot be written"):
        added(tmp_path, folder)


def test_adding_again_replaces_the_lock_whole(tmp_path: Path, folder: Path) -> None:
    path = added(tmp_path, folder).path
    assert path == lock_path(tmp_path / "data", "small")
    (folder / "notes.md").write_text("new")
    assert "notes.md" in [file.path for file in added(tmp_path, folder).lock.files]
    assert [file.name for file in path.parent.iterdir()] == ["small.json"]
    assert read_lock(path).format == 1


def test_the_connected_machine_makes_the_same_lock(tmp_path: Path, folder: Path) -> None:
    from models.catalog_tool import lock_text

    catalog = tmp_path / "catalog.toml"
    entry = hub_folder.entry()
    shape = entry.shape
    assert shape is not None
    catalog.write_text(
        f'[[model]]\nid = "small"\nrole = "encoder"\nrevision = "{entry.revision}"\nlicence = "MIT"\nsource = "s"\nhub = "s/s"\n'
        "weights_bytes = 1\ndimension = 8\nmax_tokens = 16\npooling = 'mean'\nshape = { architecture = 'BertModel', layers = 2, "
        "hidden_size = 8, heads = 2, kv_heads = 2, head_dim = 4, vocab_size = 32 }\n"
    )
    there = tmp_path / "there.json"
    there.write_text(lock_text(folder, "", "", catalog, tmp_path))
    assert read_lock(there).digest == added(tmp_path, folder, expect=there).lock.digest
    with pytest.raises(ModelRefused, match='--revision says revision "main", which is no commit'):
        lock_text(folder, "", "main", catalog, tmp_path)
    with pytest.raises(ModelRefused, match='--revision says revision "main", which is no commit'):
        lock_text(folder, "", "main", catalog, tmp_path)


def test_the_module_has_both_commands(tmp_path: Path) -> None:
    def said(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "models.catalog", *arguments],
            cwd=CATALOG.parents[1],
            capture_output=True,
            text=True,
            check=False,
        )

    assert said().returncode == 2
    wrong = said("lock", str(tmp_path), "--id", "qwen3-8b")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "config.json is missing" in wrong.stderr
    assert WEIGHTS.is_dir()

"""What a folder must be before the box takes it in: the model that the entry names, as data, without any code.

Checked without loading anything: names, headers and JSON only. Pickles can run code when they are opened, so none is accepted.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.catalog_entries import Entry, Shape
from models.catalog_lock import HUB_RECORDS, Lock, brief, listed_files
from models.errors import ModelRefused

_DATA = {".safetensors", ".json", ".txt", ".md", ".model", ".jinja", ".pdf", ".png", ".jpg"}
_PLAIN = re.compile(r"^(LICEN[CS]E|NOTICE|COPYING|README|\.gitattributes)", re.IGNORECASE)
_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".h5", ".msgpack", ".keras"}
_CODE = {".py", ".pyc", ".so", ".dll", ".sh", ".js", ".ipynb"}
_HEADER_LIMIT = 100_000_000
_OWN_MODULES = "sentence_transformers."


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen in a folder that passed. ``revision`` is the one in the hub client's own record, or empty."""

    licence_file: str
    licence_line: str
    revision: str


def inspect(folder: Path, entry: Entry) -> Inspection:
    """Raises ``ModelRefused``, naming up to five things that are wrong."""
    paths = listed_files(folder)
    wrong = [*_kinds(paths), *_shape(folder, entry), *_remote_code(folder), *_safetensors(folder, paths)]
    if wrong:
        remedy = "Fetch it anew" + (f" on a connected machine: {entry.fetch}" if entry.fetch else ".")
        raise ModelRefused(f'{folder} is not the model "{entry.id}": {brief(wrong)}.', remedy=remedy)
    licence = next((path for path in paths if re.match(r"licen[cs]e|copying", path.name, re.IGNORECASE)), None)
    return Inspection(
        licence_file=str(licence or ""),
        licence_line=_first_line(folder / licence) if licence else "",
        revision=hub_revision(folder),
    )


def check_known(lock: Lock, entry: Entry) -> list[str]:
    """Where the folder's files differ from the hashes that the catalogue knows; empty when all agree."""
    found = {file.path: file.sha256 for file in lock.files}
    return [
        f"{known.path} is missing" if known.path not in found else f"{known.path} has another sha256"
        for known in entry.files
        if found.get(known.path) != known.sha256
    ]


def check_hub_records(folder: Path, lock: Lock) -> tuple[int, list[str]]:
    """How many files agree with the hub client's own record beside them, and which do not.

    The record's etag is the sha256 of a large file, and the git hash of a small one.
    """
    agree, wrong = 0, []
    for file in lock.files:
        etag = (_record(folder, file.path) or ("", ""))[1]
        if re.fullmatch(r"[0-9a-f]{64}", etag):
            ok = etag == file.sha256
        elif re.fullmatch(r"[0-9a-f]{40}", etag):
            ok = etag == _git_hash(folder / file.path)
        else:
            continue
        agree += ok
        if not ok:
            wrong.append(f"{file.path} is not what the hub sent")
    return agree, wrong


def hub_revision(folder: Path) -> str:
    """The commit in the hub client's records: empty without records, or when they name more than one."""
    found = {record[0] for path in listed_files(folder) if (record := _record(folder, path.as_posix()))}
    return found.pop() if len(found) == 1 else ""


def _record(folder: Path, path: str) -> tuple[str, str] | None:
    file = folder / HUB_RECORDS / "download" / f"{path}.metadata"
    try:
        lines = file.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return (lines[0].strip(), lines[1].strip().strip('"')) if len(lines) > 1 else None


def _kinds(paths: list[Path]) -> list[str]:
    wrong = []
    for path in paths:
        if path.suffix in _PICKLES:
            wrong.append(f"{path} may hold a pickle, which can run code")
        elif path.suffix in _CODE:
            wrong.append(f"{path} is code")
        elif path.suffix not in _DATA and not _PLAIN.match(path.name):
            wrong.append(f"{path} is of a kind that no model here needs")
    return wrong


def _shape(folder: Path, entry: Entry) -> list[str]:
    config = _json(folder / "config.json")
    if config is None:
        return ["config.json is missing or no JSON object"]
    if entry.shape is None:
        return []
    text = config.get("text_config")
    found = _found(config, {**config, **text} if isinstance(text, dict) else config)
    wanted = entry.shape.model_dump()
    return [
        f"config.json says {name} {found[name]!r}, not {wanted[name]!r}"
        for name in wanted
        if found[name] != wanted[name]
    ]


def _found(config: dict[str, Any], text: dict[str, Any]) -> dict[str, object]:
    """The shape in a config; a model of several parts has its language part in ``text_config``."""
    architectures = config.get("architectures")
    heads, hidden = text.get("num_attention_heads"), text.get("hidden_size")
    a_head = hidden // heads if isinstance(heads, int) and isinstance(hidden, int) and heads > 0 else None
    return {
        "architecture": architectures[0] if isinstance(architectures, list) and architectures else None,
        "layers": text.get("num_hidden_layers"),
        "hidden_size": hidden,
        "heads": heads,
        "kv_heads": text.get("num_key_value_heads") or heads,
        "head_dim": text.get("head_dim") or a_head,
        "vocab_size": text.get("vocab_size"),
    }


def shape_of(folder: Path) -> Shape | None:
    """The shape that the folder's config.json states; None when it states none."""
    config = _json(folder / "config.json") or {}
    text = config.get("text_config")
    found = _found(config, {**config, **text} if isinstance(text, dict) else config)
    return Shape.model_validate(found) if all(found.values()) else None


def _remote_code(folder: Path) -> list[str]:
    """``auto_map`` and foreign modules name code that a loader would fetch or run."""
    wrong = [
        f"{name} asks for code of its own (auto_map)"
        for name in ("config.json", "tokenizer_config.json")
        if "auto_map" in (_json(folder / name) or {})
    ]
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
    except (OSError, ValueError):
        return wrong
    types = (
        [str(module.get("type", "")) for module in modules if isinstance(module, dict)]
        if isinstance(modules, list)
        else []
    )
    return wrong + [
        f"modules.json names {kind}, which is foreign code" for kind in types if not kind.startswith(_OWN_MODULES)
    ]


def _safetensors(folder: Path, paths: list[Path]) -> list[str]:
    weights = [path for path in paths if path.suffix == ".safetensors"]
    if not weights:
        return ["no .safetensors file is there"]
    wrong = [f"{path} {fault}" for path in weights if (fault := _damage(folder / path))]
    index = _json(folder / "model.safetensors.index.json") or {}
    shards = index.get("weight_map")
    needed = {str(name) for name in shards.values()} if isinstance(shards, dict) else set()
    return wrong + [f"{name} is missing" for name in sorted(needed - {path.as_posix() for path in weights})]


def _damage(path: Path) -> str:
    """What is wrong with a safetensors file, by its header and its length; empty when nothing is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start == b"version ":
            return "is a Git LFS pointer, not the file itself"
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length < min(_HEADER_LIMIT, size):
            return "is no safetensors file"
        try:
            header = json.loads(file.read(length))
            end = max(int(tensor["data_offsets"][1]) for name, tensor in header.items() if name != "__metadata__")
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return "has a damaged header"
    return "" if size == 8 + length + end else f"has {size} bytes, not {8 + length + end}: it is cut short"


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _git_hash(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _first_line(path: Path) -> str:
    text = path.read_text("utf-8", errors="replace")
    return next((line.strip()[:120] for line in text.splitlines() if line.strip()), "")

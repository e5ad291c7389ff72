"""What a folder must be before the box takes it in: the model that the entry names, as data, without any code.

Checked without loading anything: names, headers and JSON only. Pickles can run code when they are opened, so none is accepted.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from models import catalog_json
from models.catalog_entries import Entry, Shape
from models.catalog_lock import HUB_RECORDS, Lock, brief, listed_files
from models.errors import ModelRefused

_DATA = {".safetensors", ".json", ".txt", ".md", ".model", ".jinja", ".pdf", ".png", ".jpg"}
_PLAIN = re.compile(r"^(LICEN[CS]E|NOTICE|COPYING|README|\.gitattributes)", re.IGNORECASE)
_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".h5", ".msgpack", ".keras"}
_CODE = {".py", ".pyc", ".so", ".dll", ".sh", ".js", ".ipynb"}
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
    differ = [
        f"{known.path} is missing" if known.path not in found else f"{known.path} has another sha256"
        for known in entry.files
        if found.get(known.path) != known.sha256
    ]
    weights = {
        path for path in found if path.endswith(".safetensors")
    }  # in another folder they could be loaded instead
    return differ + [
        f"{path} is not one of its weight files" for path in sorted(weights - {f.path for f in entry.files})
    ]


def check_hub_records(folder: Path, lock: Lock) -> tuple[int, list[str]]:
    """How many files agree with the hub client's own record beside them, and which do not. Agreement proves nothing: whoever
    made the folder made the records. A difference shows damage on the way.

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
        f"config.json says {name} {_shown(found[name])}, not {wanted[name]!r}"
        for name in wanted
        if found[name] != wanted[name]
    ]


def _shown(value: object) -> str:
    """A list or table of a foreign file may be of any size and depth: only its kind is told."""
    return repr(value)[:80] if value is None or isinstance(value, str | int | float) else f"a {type(value).__name__}"


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
    if _unread(folder / "tokenizer_config.json"):
        wrong.append("tokenizer_config.json is no JSON object")
    if not (folder / "modules.json").exists():
        return wrong
    try:
        modules = catalog_json.document(folder / "modules.json")
    except (OSError, ValueError):
        modules = None
    if not isinstance(modules, list):
        return [*wrong, "modules.json is no JSON list"]
    return wrong + [fault for module in modules if (fault := _module(module))]


def _module(module: object) -> str:
    """What is wrong with one module of ``modules.json``: foreign code, or a folder outside of the model's."""
    if not isinstance(module, dict):
        return "modules.json holds something that is no module"
    kind, path = module.get("type", ""), module.get("path", "")
    if not (isinstance(kind, str) and kind.startswith(_OWN_MODULES)):
        return f"modules.json names {_shown(kind).strip(chr(39))}, which is foreign code"
    if (
        not isinstance(path, str)
        or "\\" in path
        or PurePosixPath(path).is_absolute()
        or ".." in PurePosixPath(path).parts
    ):
        return f"modules.json names the folder {_shown(path)}, which lies outside of the model's"
    return ""


def _safetensors(folder: Path, paths: list[Path]) -> list[str]:
    weights = [path for path in paths if path.suffix == ".safetensors"]
    if not weights:
        return ["no .safetensors file is there"]
    wrong = [f"{path} {fault}" for path in weights if (fault := _damage(folder / path))]
    if _unread(folder / "model.safetensors.index.json"):
        wrong.append("model.safetensors.index.json is no JSON object")
    shards = (_json(folder / "model.safetensors.index.json") or {}).get("weight_map")
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
        if not 0 < length < min(catalog_json.LIMIT, size):
            return "is no safetensors file"
        try:
            end = _end(catalog_json.parsed(file.read(length)))
        except (ValueError, KeyError, TypeError):
            return "has a damaged header"
    return "" if size == 8 + length + end else f"has {size} bytes, not {8 + length + end}: it is cut short"


def _end(header: object) -> int:
    """Where the last tensor ends. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what is no safetensors header."""
    if not isinstance(header, dict):
        raise TypeError("no table")
    ends = [0]
    for tensor in (tensor for name, tensor in header.items() if name != "__metadata__"):
        start, end = tensor["data_offsets"]
        if type(start) is not int or type(end) is not int or not 0 <= start <= end:  # true and Infinity are no offsets
            raise ValueError("no offsets")
        ends.append(end)
    return max(ends)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = catalog_json.document(path)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _unread(path: Path) -> bool:
    """There, but nothing that could be looked at: a loader may be less strict, and would then read what nobody checked."""
    return path.exists() and _json(path) is None


def _git_hash(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _first_line(path: Path) -> str:
    text = path.read_text("utf-8", errors="replace")
    return next((line.strip()[:120] for line in text.splitlines() if line.strip()), "")

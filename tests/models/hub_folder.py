"""A model's folder as the hub's client leaves it, a few bytes large, and the entry that it fits."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from models.catalog import Catalog, Entry
from models.catalog_entries import Shape, WeightFile

COMMIT = "a" * 40
CONFIG = {
    "architectures": ["BertModel"],
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "vocab_size": 32,
}


def safetensors(size: int = 16) -> bytes:
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(range(size))


def make(folder: Path, *, records: bool = True) -> Path:
    """Weights, config, tokenizer, licence, and (``records``) the client's own notes on them."""
    files = {
        "model.safetensors": safetensors(),
        "config.json": json.dumps(CONFIG).encode(),
        "tokenizer.json": b"{}",
        "1_Pooling/config.json": b"{}",
        "modules.json": b'[{"type": "sentence_transformers.models.Transformer"}]',
        "LICENSE": b"\nApache License\nVersion 2.0\n",
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        if records:
            large = path.endswith(".safetensors")
            etag = hashlib.sha256(content) if large else hashlib.sha1(b"blob %d\0" % len(content) + content)
            note = folder / ".cache/huggingface/download" / f"{path}.metadata"
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{COMMIT}\n{etag.hexdigest()}\n1700000000.0\n")
    return folder


def entry(**changes: object) -> Entry:
    given = {
        "id": "small",
        "role": "encoder",
        "revision": COMMIT,
        "licence": "MIT",
        "source": "some/small",
        "hub": "some/small",
        "files": (
            WeightFile(
                path="model.safetensors", sha256=hashlib.sha256(safetensors()).hexdigest(), bytes=len(safetensors())
            ),
        ),
        "shape": Shape(
            architecture="BertModel", layers=2, hidden_size=8, heads=2, kv_heads=2, head_dim=4, vocab_size=32
        ),
        "dimension": 8,
        "max_tokens": 16,
        "pooling": "mean",
    }
    return Entry.model_validate(given | changes)


def catalog(tmp_path: Path, **changes: object) -> Catalog:
    return Catalog((entry(**changes),), tmp_path)

"""Text to token ids for the ONNX models, and batches in which little is padding."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from models.errors import ModelRefused
from models.onnx import REINSTALL, Provider

Ids = npt.NDArray[np.int64]
INPUTS = ("input_ids", "attention_mask", "token_type_ids")

CHARS_A_TOKEN = 16
"""Far above the 4-5 of prose: cutting text at this many characters a token loses nothing that a model would read."""
TOKENS_A_BATCH: dict[Provider, int] = {"cpu": 256, "cuda": 16384}
"""Rows x padded length of one call. On a CPU one long passage keeps the kernels busy, and activations that stay in the
cache are worth more than rows (2 cores, 10 rerank pairs of 220 tokens: 0.4 s at 256, 1 s at 4096); a GPU wants rows."""


def open_tokenizer(path: Path, *, max_tokens: int | None) -> Tokenizer:
    """A tokenizer that cuts at ``max_tokens`` (None: never) and does not pad; what its file says is overruled.

    Raises ``ModelRefused`` when the file is missing or broken.
    """
    try:
        tokenizer = Tokenizer.from_buffer(path.read_bytes())
    except OSError as error:
        raise ModelRefused(f"The file {path} cannot be read: {error.strerror}.", remedy=REINSTALL) from error
    except Exception as error:  # the library raises bare Exception or ValueError on a broken file
        raise ModelRefused(f"The file {path} is not a tokenizer.", remedy=REINSTALL) from error
    tokenizer.no_padding()
    if max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_length=max_tokens)
    return tokenizer


def bounded(text: str, max_tokens: int) -> str:
    """The beginning of ``text`` that can fill ``max_tokens``, white space collapsed, fit for the tokenizer.

    Without this a 1 MB paste costs seconds of tokenisation before truncation throws nearly all of it away.
    Lone surrogates (half an emoji, as broken clients send) become "?": the tokenizer refuses them.
    """
    limit = max_tokens * CHARS_A_TOKEN
    head = " ".join(text[: limit * 4].split())[:limit]
    return head.encode("utf-8", "replace").decode("utf-8")


def batches(lengths: Sequence[int], tokens_a_batch: int) -> Iterator[list[int]]:
    """Indexes of ``lengths`` in groups of like length, shortest first, so that little of a padded batch is padding."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    group: list[int] = []
    for index in order:
        if group and (len(group) + 1) * lengths[index] > tokens_a_batch:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def padded(encodings: Sequence[Encoding], inputs: Collection[str] = INPUTS) -> dict[str, Ids]:
    """Those of the inputs of a BERT-like model that ``inputs`` names, each (n, longest); padding is 0 in all of them.

    Ids come out of the tokenizer as Python lists, which is the one copy that cannot be saved; no list is made that no input takes.
    """
    longest = max(map(len, encodings))
    arrays = {name: np.zeros((len(encodings), longest), dtype=np.int64) for name in INPUTS if name in inputs}
    for row, encoding in enumerate(encodings):
        length = len(encoding)
        for name, array in arrays.items():
            array[row, :length] = _values(encoding, name)
    return arrays


def _values(encoding: Encoding, name: str) -> Sequence[int] | int:
    if name == "attention_mask":
        return 1  # nothing is padded before this
    return encoding.ids if name == "input_ids" else encoding.type_ids

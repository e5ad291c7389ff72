"""Reading and tokenising texts for training scripts; a file is named in every error."""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import ModelRefused

Batch = dict[str, npt.NDArray[np.int64]]
SAMPLE_EVERY = 9
SAMPLE_CHARACTERS = 900
MAX_CSV_LINE = 1_000_001


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """All objects of a JSON Lines file. Raises ``ModelRefused`` naming the file and line."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ModelRefused(
                f"{path}, line {number} is not JSON: {error.msg}.", remedy="Correct the line."
            ) from error
        if not isinstance(row, dict):
            raise ModelRefused(f"{path}, line {number} is not a JSON object.", remedy="Write one object a line.")
        rows.append(row)
    return rows


def read_csv(path: Path) -> list[dict[str, str]]:
    """All rows of a CSV file with a header; a missing cell is an empty string. Raises ``ModelRefused`` as ``csv_rows`` does."""
    return list(csv_rows(path))


def csv_rows(path: Path) -> Generator[dict[str, str], None, None]:
    """The rows one by one, so that a file may be larger than memory. Raises ``ModelRefused`` naming the row."""
    number = 1
    try:
        for number, row in enumerate(csv.DictReader(_csv_lines(path)), start=2):  # the header is row 1
            if None in row:
                raise ModelRefused(
                    f"{path}, row {number} has more cells than the header.",
                    remedy='Put texts that hold a comma into quotation marks: "Hello, where is it?".',
                )
            yield {key: value or "" for key, value in row.items()}
    except csv.Error as error:
        raise ModelRefused(
            f"{path} cannot be read beyond row {number}: {error}.",
            remedy="Look for a quotation mark that is never closed, or a text of more than 131,072 characters, and mend or remove that row.",
        ) from error


def _csv_lines(path: Path) -> Iterator[str]:
    """Without a bound, a file without line ends would be read into memory whole."""
    for number, line in enumerate(_lines(path, MAX_CSV_LINE), start=1):
        if len(line) >= MAX_CSV_LINE:
            raise ModelRefused(
                f"{path}, line {number} has more than {MAX_CSV_LINE - 1:,} characters.",
                remedy="No message is that long: shorten the text or remove the row.",
            )
        yield line


def read_sample(paths: Sequence[Path]) -> list[str]:
    """Every ninth row of the files as varied texts of up to 900 characters, to compare two versions of a model on."""
    texts: list[str] = []
    for path in paths:
        rows: Sequence[dict[str, Any]] = read_csv(path) if path.suffix == ".csv" else read_jsonl(path)
        for row in rows[::SAMPLE_EVERY]:
            parts = (str(row.get(key, "")) for key in ("title", "question", "text"))
            texts.append("\n".join(part for part in parts if part)[:SAMPLE_CHARACTERS])
    return [text for text in texts if text.strip()]


def token_batches(tokenizer_file: Path, texts: Sequence[str], *, max_tokens: int, size: int = 16) -> list[Batch]:
    """Padded int64 batches in input order."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding()
    return [_batch(tokenizer.encode_batch(list(texts[at : at + size]))) for at in range(0, len(texts), size)]


def _batch(encodings: Sequence[Any]) -> Batch:
    return {
        "input_ids": np.array([one.ids for one in encodings], dtype=np.int64),
        "attention_mask": np.array([one.attention_mask for one in encodings], dtype=np.int64),
        "token_type_ids": np.array([one.type_ids for one in encodings], dtype=np.int64),
    }


def _lines(path: Path, longest: int = -1) -> Iterator[str]:
    """Lines with their ends; one of more than ``longest`` characters comes in pieces of that length."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from iter(lambda: file.readline(longest), "")
    except OSError as error:
        raise ModelRefused(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.") from error
    except UnicodeDecodeError as error:
        raise ModelRefused(f"{path} is not UTF-8 text.", remedy="Save the file as UTF-8.") from error

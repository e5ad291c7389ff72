"""Bigger encoders and rerankers of the catalogue, by sentence-transformers: from a folder on this machine, never from a hub.

torch is imported when such a model is opened and not before: an appliance that runs what ships never loads it. The folder is the
catalogue's to check (hashes, no pickles, no code); here nothing but safetensors is read and no code of the folder is run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.errors import ModelRefused, ModelUnavailable
from models.roles import Matrix, Pair, Scores
from models.telemetry import switch_off
from models.tokens import bounded

Device = Literal["auto", "cpu", "cuda"]

INSTALL = 'Install torch and sentence-transformers into this environment: pip install "support-appliance[torch]".'
MAX_TOKENS = 512
"""Passages are cut to about 220 tokens; reading 8,000 would only let one odd message hold up the others."""
_ROWS: dict[str, int] = {"cpu": 8, "cuda": 64}


@dataclass(frozen=True, slots=True)
class TorchModel:
    """Where a model lies and how it wants its texts. ``revision`` names weights and pre-processing."""

    folder: Path
    revision: str
    max_tokens: int = MAX_TOKENS
    question_prefix: str = ""
    passage_prefix: str = ""
    languages: tuple[str, ...] = ("en",)
    """ISO 639-1 codes of the languages that it reads."""


class TorchEncoder:
    """An ``Encoder`` that also knows questions from passages. Safe to call from several threads: one at a time computes."""

    def __init__(self, model: Any, about: TorchModel) -> None:
        self.revision = about.revision
        self.languages = about.languages
        self._model = model
        self._about = about
        self._rows = _ROWS[model.device.type]
        self._one = threading.Lock()
        model.max_seq_length = min(about.max_tokens, model.max_seq_length or about.max_tokens)
        self.dimension = int(self._encode(["warm up"], "").shape[1])

    @classmethod
    def open(cls, about: TorchModel, *, device: Device = "auto") -> TorchEncoder:
        """Load ``about.folder``. Raises ``ModelRefused``."""
        _needs(about.folder, "modules.json", "", "an encoder: how it makes one vector of a text is not written there")
        library, options = _library(about.folder, device)
        return cls(_opened(about.folder, lambda: library.SentenceTransformer(str(about.folder), **options)), about)

    def encode(self, texts: Sequence[str]) -> Matrix:
        return self._encode(texts, self._about.passage_prefix)

    def encode_questions(self, texts: Sequence[str]) -> Matrix:
        return self._encode(texts, self._about.question_prefix)

    def _encode(self, texts: Sequence[str], prefix: str) -> Matrix:
        """Rows of norm 1, whatever the precision the model computes in. The library sorts by length and keeps the order."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        cut = [bounded(text, self._about.max_tokens) for text in texts]
        with self._one, _running():
            found = self._model.encode(cut, prompt=prefix or "", batch_size=self._rows, show_progress_bar=False)
        vectors: Matrix = np.array(found, dtype=np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors


class TorchReranker:
    """A ``Reranker``. Its logits have their own scale: the fusion is fitted to it by ``appliance models choose reranker``."""

    def __init__(self, model: Any, about: TorchModel) -> None:
        self.revision = about.revision
        self.languages = about.languages
        self._model = model
        self._about = about
        self._rows = _ROWS[model.device.type]
        self._one = threading.Lock()
        if self.score([("warm", "up")]).shape != (1,):
            raise ModelRefused(
                f"The reranker {about.folder} gives more than one score a pair.",
                remedy="Choose a reranker of the catalogue: appliance models list.",
            )

    @classmethod
    def open(cls, about: TorchModel, *, device: Device = "auto") -> TorchReranker:
        """Load ``about.folder``. Raises ``ModelRefused``."""
        kinds = "ForSequenceClassification", "ForCausalLM"
        _needs(about.folder, "config.json", kinds, "a reranker: a head would be made up, and its scores with it")
        library, options = _library(about.folder, device)
        from torch.nn import Identity

        options |= {"max_length": about.max_tokens, "activation_fn": Identity()}
        return cls(_opened(about.folder, lambda: library.CrossEncoder(str(about.folder), **options)), about)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Logits in the order of ``pairs``. A long question is cut to half of what the model reads, so that some passage is left."""
        if not pairs:
            return np.empty(0, dtype=np.float32)
        most = self._about.max_tokens
        cut = [(bounded(question, most // 2)[: most * 2], bounded(passage, most)) for question, passage in pairs]
        with self._one, _running():
            found = self._model.predict(cut, batch_size=self._rows, show_progress_bar=False)
        scores: Scores = np.asarray(found, dtype=np.float32)
        return scores.reshape(-1) if scores.size == len(pairs) else scores


@contextmanager
def _running() -> Iterator[None]:
    """Turns what torch raises while computing, memory above all, into our transient fault."""
    try:
        yield
    except RuntimeError as error:  # torch's own errors, out of memory among them, are RuntimeErrors
        raise ModelUnavailable(f"The model failed on this input: {str(error).splitlines()[0][:200]}") from error


def _needs(folder: Path, name: str, words: str | tuple[str, ...], otherwise: str) -> None:
    """Raises ``ModelRefused`` unless ``folder`` has the file with one of ``words`` in it. The library would only warn and guess."""
    try:
        text = (folder / name).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        text = None
    if text is None or not any(word in text for word in ((words,) if isinstance(words, str) else words)):
        raise ModelRefused(
            f"{folder} does not hold {otherwise} ({name}).",
            remedy="Bring the whole folder as its publisher has it, then add it: appliance models add ID FOLDER.",
        )


def _library(folder: Path, device: Device) -> tuple[Any, dict[str, Any]]:
    """sentence-transformers, and the options that keep it on this machine and on the device asked for."""
    switch_off()  # before the import: transformers reads these switches once
    try:
        import sentence_transformers
        import torch
        from transformers.utils import logging
    except ImportError as error:
        raise ModelRefused(f"The model {folder} needs torch, which is not installed.", remedy=INSTALL) from error
    logging.disable_progress_bar()
    chosen = _device(torch, device)
    kinds = {"cpu": torch.float32, "cuda": torch.float16}
    if chosen == "cuda" and torch.cuda.is_bf16_supported():
        kinds["cuda"] = torch.bfloat16  # the exponents of fp32: no large model overflows in it
    options = {
        "device": chosen,
        "local_files_only": True,
        "trust_remote_code": False,
        "model_kwargs": {"dtype": kinds[chosen], "use_safetensors": True},
    }
    return sentence_transformers, options


def _device(torch: Any, asked: Device) -> str:
    present = bool(torch.cuda.is_available())
    if asked == "cuda" and not present:
        raise ModelRefused(
            "models.device is cuda, but torch finds no GPU.",
            remedy='Check the driver with `nvidia-smi`, or set models.device to "auto".',
        )
    return "cuda" if present and asked != "cpu" else "cpu"


def _opened(folder: Path, load: Any) -> Any:
    try:
        return load()
    except Exception as error:  # what safetensors, tokenizers and torch raise on a broken file shares no base class
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ModelRefused(
            f"The model {folder} cannot be loaded: {why}", remedy="Run `appliance models verify`, or add it again."
        ) from error

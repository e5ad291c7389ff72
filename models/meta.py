"""``meta.json``: what a folder of weights says about itself. Read strictly, so that a wrong folder fails at start."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from models.errors import ModelRefused
from models.onnx import REINSTALL
from models.roles import URGENCIES, Urgency


class _Meta(BaseModel):
    """Keys that no reader here needs (source, licence, figures, ...) are allowed: they are for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: str


class EncoderMeta(_Meta):
    role: Literal["encoder"]
    dimension: int
    max_tokens: int
    languages: tuple[str, ...] = ("en",)
    """ISO 639-1 codes of the languages that it reads."""
    vector_revision: str = ""
    """The revision whose vectors these weights give bit for bit; empty: their own. An index made with it stays good."""


class RerankerMeta(_Meta):
    role: Literal["reranker"]
    max_tokens: int
    max_question_tokens: int = 64
    languages: tuple[str, ...] = ("en",)


class SupportMeta(_Meta):
    role: Literal["support"]
    encoder_revision: str
    """The encoder whose likenesses the trees were fitted to."""


class IntentMeta(_Meta):
    """``intents`` and ``urgencies`` name the columns of the graph's outputs, in order."""

    role: Literal["intent"]
    encoder_revision: str
    intents: tuple[str, ...]
    urgencies: tuple[Urgency, ...]
    dimension: int = 384
    heads_sha256: str | None = None
    """Set by training on the box, whose weights no catalogue lists."""
    profile: str = ""
    created: str = ""
    licence: str = ""
    data_sha256: str = ""
    rows: int | None = None
    figures: dict[str, Any] = {}

    @model_validator(mode="after")
    def _labels(self) -> Self:
        if not self.intents or len(set(self.intents)) != len(self.intents):
            raise ValueError("intents must be distinct and not empty")
        if sorted(self.urgencies) != sorted(URGENCIES):
            raise ValueError(f"urgencies must be {', '.join(URGENCIES)}")
        return self


class NamesMeta(_Meta):
    """``tags`` names the columns of the graph's output, the first of which is no name; ``layers`` the encoder's tensors that it reads."""

    role: Literal["names"]
    encoder_revision: str
    layers: tuple[str, ...]
    tags: tuple[str, ...]


Meta = TypeVar("Meta", bound=_Meta)


def read_meta(kind: type[Meta], folder: Path) -> Meta:
    """``folder/meta.json`` as ``kind``. Raises ``ModelRefused`` when it is missing, broken or of another role."""
    path = folder / "meta.json"
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelRefused(f"The file {path} cannot be read: {error.strerror}.", remedy=REINSTALL) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        message = f"The file {path} is not as it should be: {where}: {first['msg']}."
        raise ModelRefused(message, remedy=REINSTALL) from None

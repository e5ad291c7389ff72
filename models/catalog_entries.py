"""What the catalogue says of a model: role, revision, licence, files, shape, and how it is served.

``catalog.toml`` is read strictly: an unknown key, a missing figure or a preset without a shape is refused at once.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, computed_field, model_validator

from models import memory
from models.errors import ModelRefused
from models.onnx import REINSTALL

Role = Literal["encoder", "intent", "reranker", "support", "names", "synthesis"]
Quantisation = Literal["none", "int8", "fp8", "awq"]

VOLUME = "/models"
"""Where a model volume is mounted by the commands that the catalogue prints."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WeightFile(_Part):
    """One file: below the weights folder for a model that ships, below the model's own folder for one that is added."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Shape(_Part):
    """What the model's ``config.json`` must say. A folder with another shape is another model."""

    architecture: str
    layers: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    heads: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    head_dim: int = Field(gt=0)
    vocab_size: int = Field(gt=0)

    @property
    def kv_bytes_per_token(self) -> int:
        """Keys and values of one token, in 16 bits."""
        return memory.kv_bytes_per_token(layers=self.layers, kv_heads=self.kv_heads, head_dim=self.head_dim)


class Preset(_Part):
    """How vLLM serves the model: see ``models.serving`` for the arguments that this becomes.

    ``context_tokens`` is the longest prompt with its answer; ``full_sequences`` of that length fit the memory at once.
    ``max_num_seqs`` requests may run together: ours are mostly a third as long. ``extra`` are the model's own arguments.
    """

    context_tokens: int = Field(gt=0)
    full_sequences: int = Field(gt=0)
    max_num_seqs: int = Field(gt=0)
    gpu_memory_utilization: float = Field(gt=0, lt=1)
    extra: tuple[str, ...] = ()


class Entry(_Part):
    """One model. ``hub`` is its name on the hub from which a connected machine fetches it; empty for what ships.

    ``verified``: revision, and hash and size of every weight file, agree in at least two independent public records
    (docs/decisions/0008). False: what is missing stands in ``note``, and the box pins what it is given at ``models add``.
    An encoder has ``dimension`` and ``pooling``; its prefixes go before each text, and without them E5 and Qwen3 find far less. A
    reranker has a ``loader``: a cross-encoder with one output, or a language model that is asked for yes or no by ``instruction``.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    role: Role
    revision: str
    licence: str
    source: str
    ships: bool = False
    hub: str = ""
    verified: bool = True
    files: tuple[WeightFile, ...] = ()
    weights_bytes: int | None = None
    measured_mb: int | None = None
    languages: tuple[str, ...] = ()
    quantisation: Quantisation = "none"
    include: tuple[str, ...] = (
        "*.safetensors",
        "*.json",
        "*.txt",
        "*.model",
        "*.jinja",
        "LICENSE*",
        "README.md",
    )
    """What is fetched: what the model needs and a reader of its licence. Never pickles or code, which ``models add`` refuses."""
    shape: Shape | None = None
    max_tokens: int | None = None
    dimension: int | None = None
    pooling: Literal["mean", "cls", "last"] | None = None
    question_prefix: str = ""
    passage_prefix: str = ""
    stored_bits: Literal[16, 32] = 32
    """Of each weight of an encoder or reranker in its files."""
    loader: Literal["cross-encoder", "causal"] | None = None
    instruction: str = ""
    preset: Preset | None = None
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented form; mypy knows no decorator on a property
    @property
    def bytes(self) -> int:
        """Size of the files that are known, in bytes."""
        return self.weights_bytes or sum(file.bytes for file in self.files)

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def memory_mb(self) -> int:
        """MiB that it needs when loaded: of GPU memory for synthesis, else of the machine's memory."""
        return self.needs_mb(gpu=self.preset is not None)

    def needs_mb(self, *, gpu: bool) -> int:
        """MiB that it needs on a GPU, or (``gpu`` False) on the CPU, where torch computes in twice the precision."""
        if self.measured_mb is not None:
            return self.measured_mb
        weights = self.weights_bytes or sum(file.bytes for file in self.files if file.path.endswith(".safetensors"))
        if self.preset is None or self.shape is None:
            return memory.torch_mb(weights, stored_bits=self.stored_bits, gpu=gpu)
        return memory.serving_mb(
            weights, self.shape.kv_bytes_per_token, self.preset.context_tokens * self.preset.full_sequences
        )

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def gpu_memory_mb(self) -> int | None:
        """The smallest card, in MiB: vLLM may use only ``gpu_memory_utilization`` of it. None for what needs no GPU."""
        return memory.card_mb(self.memory_mb, self.preset.gpu_memory_utilization) if self.preset else None

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def fetch(self) -> str:
        """The command for a connected machine; empty for what ships."""
        if not self.hub:
            return ""
        patterns = " ".join(f'--include "{pattern}"' for pattern in self.include)
        return f"hf download {self.hub} --revision {self.revision} {patterns} --local-dir {self.id}"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.ships == bool(self.hub):
            raise ValueError("a model either ships or has a hub to fetch it from")
        if bool(self.preset) != (self.role == "synthesis"):
            raise ValueError("a synthesis model has a preset, and no other has")
        if not (self.files or self.weights_bytes):
            raise ValueError("files or weights_bytes are needed")
        if self.hub and not self.shape:
            raise ValueError("a model to be fetched needs the shape that its config.json must have")
        if self.hub and self.role == "encoder" and not (self.dimension and self.max_tokens and self.pooling):
            raise ValueError("an encoder to be fetched needs dimension, max_tokens and pooling")
        if self.hub and self.role == "reranker" and not (self.loader and self.max_tokens):
            raise ValueError("a reranker to be fetched needs loader and max_tokens")
        return self


class _Document(_Part):
    model: tuple[Entry, ...]


def read_entries(path: Path) -> tuple[Entry, ...]:
    """The entries of a catalogue file. Raises ``ModelRefused`` when it is missing or not as it should be."""
    try:
        return _Document.model_validate(tomllib.loads(path.read_text("utf-8"))).model
    except OSError as error:
        raise ModelRefused(f"The catalogue {path} cannot be read: {error.strerror}.", remedy=REINSTALL) from error
    except tomllib.TOMLDecodeError as error:
        raise ModelRefused(f"The catalogue {path} is not TOML: {error}.", remedy=REINSTALL) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise ModelRefused(f"The catalogue {path} is wrong at {where}: {said}.", remedy=REINSTALL) from None

"""Whether the cross-encoder earned its place, measured on this installation's own questions: one record a pair of encoder and reranker.

Kept beside the installed models; replaced whole, so that a reader sees the old record or the new one.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ModelRefused
from models.fusion import Fusion

FILE = "choice.json"


class Choice(BaseModel):
    """``figures``: way of ordering -> figure -> value, on questions that neither the weights nor the reranker were fitted to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    encoder_revision: str
    reranker_revision: str
    use_reranker: bool
    questions: int
    figures: dict[str, dict[str, float]]
    data_sha256: str
    measured_on: str
    """ISO date."""
    fusion: Fusion

    @property
    def summary(self) -> str:
        """One line for people: what is used, and the figures that decided."""
        first, both = (self.figures.get(name, {}).get("mrr@10", 0.0) for name in ("first_stage", "fused"))
        what = "reranker in use" if self.use_reranker else "first stage alone: the reranker did not beat it"
        return f"{what} (MRR@10 {first:.3f} without it, {both:.3f} with it; {self.questions} own questions, {self.measured_on})"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    choices: tuple[Choice, ...] = ()


class Choices:
    """The records of one installation."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    def every(self) -> tuple[Choice, ...]:
        """Oldest first. Raises ``ModelRefused`` for a damaged file: guessing would change what customers are answered."""
        try:
            return _Document.model_validate_json(self.file.read_bytes()).choices
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ModelRefused(
                f"{self.file} cannot be read: {error.strerror}.", remedy="Check its permissions."
            ) from error
        except ValidationError as error:
            raise ModelRefused(
                f"{self.file} is damaged ({error.errors()[0]['msg']}).",
                remedy="Remove it, then measure anew: appliance models choose reranker.",
            ) from None

    def find(self, *, encoder_revision: str, reranker_revision: str) -> Choice | None:
        """The record of these two together, None when they were never measured here."""
        wanted = (encoder_revision, reranker_revision)
        return next((one for one in self.every() if (one.encoder_revision, one.reranker_revision) == wanted), None)

    def save(self, choice: Choice) -> None:
        """Record ``choice`` in place of an earlier one of the same two models."""
        same = (choice.encoder_revision, choice.reranker_revision)
        others = [one for one in self.every() if (one.encoder_revision, one.reranker_revision) != same]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(f".{os.getpid()}.new")
        try:
            with new.open("w", encoding="utf-8") as file:
                file.write(_Document(choices=(*others, choice)).model_dump_json(indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.file)
        finally:
            new.unlink(missing_ok=True)

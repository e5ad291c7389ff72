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


class Earlier(BaseModel):
    """What a choice took the place of. ``choice`` None: nothing was recorded of these two, so what ships was in use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder_revision: str
    reranker_revision: str
    choice: Choice | None


class _Document(BaseModel):
    """``earlier``: oldest first; a roll-back takes the last one of its two models off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    choices: tuple[Choice, ...] = ()
    earlier: tuple[Earlier, ...] = ()


class Choices:
    """The records of one installation. What changes them reads before it writes: only for the holder of the training lock."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    def every(self) -> tuple[Choice, ...]:
        """Oldest first. Raises ``ModelRefused`` for a damaged file."""
        return self._read().choices

    def _read(self) -> _Document:
        try:
            return _Document.model_validate_json(self.file.read_bytes())
        except FileNotFoundError:
            return _Document()
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
        return next((one for one in self.every() if _models(one) == (encoder_revision, reranker_revision)), None)

    def save(self, choice: Choice, *, keep_earlier: bool = False) -> None:
        """Record ``choice`` in place of that of the same two models, which ``roll_back`` can bring back if it is kept."""
        found, same = self._read(), _models(choice)
        replaced = next((one for one in found.choices if _models(one) == same), None)
        earlier = [one for one in found.earlier if keep_earlier or _models(one) != same]
        if keep_earlier:
            earlier.append(Earlier(encoder_revision=same[0], reranker_revision=same[1], choice=replaced))
        others = [one for one in found.choices if _models(one) != same]
        self._write(_Document(choices=(*others, choice), earlier=tuple(earlier)))

    def roll_back(self, *, encoder_revision: str, reranker_revision: str) -> bool:
        """What the last choice of these two took the place of is in use again. False: there was no such choice; nothing changes."""
        found, same = self._read(), (encoder_revision, reranker_revision)
        at = max((at for at, one in enumerate(found.earlier) if _models(one) == same), default=None)
        if at is None:
            return False
        last = found.earlier[at].choice
        others = [one for one in found.choices if _models(one) != same]
        choices = (*others, last) if last else tuple(others)
        self._write(_Document(choices=choices, earlier=(*found.earlier[:at], *found.earlier[at + 1 :])))
        return True

    def _write(self, document: _Document) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(f".{os.getpid()}.new")
        try:
            with new.open("w", encoding="utf-8") as file:
                file.write(document.model_dump_json(indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.file)
        finally:
            new.unlink(missing_ok=True)


def _models(one: Choice | Earlier) -> tuple[str, str]:
    return one.encoder_revision, one.reranker_revision

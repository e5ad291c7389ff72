"""How much of what is personal is masked, and how much else with it. Works on sentences with labelled spans."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.egress.masking import Found, Masker
from appliance.errors import InputInvalid, explain
from appliance.evaluation.datasets import MAX_TEXT_CHARS, read_text
from appliance.evaluation.figures import percentile, share
from appliance.evaluation.retrieval import Advance, quiet

LEFT = {
    "DATE_TIME": "the question often is about the date",
    "AGE": "alone it names nobody, and prices and plans depend on it",
    "TITLE": "Mr. or a profession alone names nobody",
    "NRP": "a nationality alone names nobody",
    "GPE": "whether something is sent to a country or works in a city is what is asked; within a postal address it is masked",
    "ORGANIZATION": "makers of products and partners are what questions are about",
}
"""Types that are left on purpose, and why. The last two are masked by a profile that says so."""
_CHOSEN = {"GPE": "LOCATION", "LOCATION": "LOCATION", "ORGANIZATION": "ORGANIZATION", "PERSON": "PERSON"}
_EXAMPLE = 'Write [{"text": "I am Ann", "spans": [{"type": "PERSON", "start": 5, "end": 8, "value": "Ann"}]}].'


class Label(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    type: Annotated[str, Field(min_length=1, max_length=60)]
    start: Annotated[int, Field(ge=0)]
    end: int
    value: str


class MaskCase(BaseModel):
    """A text and what in it is personal. Keys beyond ours are welcome."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
    spans: list[Label]


def read_mask_cases(path: Path) -> list[MaskCase]:
    """A JSON array of cases. Raises ``InputInvalid`` naming the item, never its text."""
    try:
        items = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputInvalid(f"{path} is not valid JSON ({str(error)[:120]}).", remedy=_EXAMPLE) from None
    if not isinstance(items, list) or not items:
        raise InputInvalid(f"{path} is no JSON array with items in it.", remedy=_EXAMPLE)
    return [_case(path, number, item) for number, item in enumerate(items, 1)]


def _case(path: Path, number: int, item: object) -> MaskCase:
    try:
        case = MaskCase.model_validate(item)
    except ValidationError as error:
        raise InputInvalid(f"{path}, item {number}: {explain(error)}.", remedy=_EXAMPLE) from None
    for at, label in enumerate(case.spans, 1):
        if not label.start < label.end <= len(case.text) or case.text[label.start : label.end] != label.value:
            raise InputInvalid(
                f"{path}, item {number}: span {at} ({label.type}) does not stand at {label.start} to {label.end} of the text.",
                remedy="Offsets count characters from 0, the end not included, and value is what stands there.",
            )
    return case


def measure(
    masker: Masker, cases: Sequence[MaskCase], *, clock: Callable[[], float], advance: Advance = quiet
) -> dict[str, Any]:
    """The figures of the public contract. A span counts as masked when every character of it but white space is, by whatever type."""
    totals, hits, times = Counter[str](), Counter[str](), []
    said = right = 0
    for done, case in enumerate(cases, 1):
        began = clock()
        found = masker.find(case.text)
        times.append((clock() - began) * 1000)
        masked = {at for one in found for at in range(one.start, one.end)}
        for label in case.spans:
            totals[label.type] += 1
            hits[label.type] += _covered(label, case.text, masked)
        said += len(found)
        right += sum(_overlaps(one, case.spans) for one in found)
        advance(done, len(cases))
    return _figures(totals, hits, masker.types) | {
        "n": len(cases),
        "precision": share(right, said),
        "masked_spans": said,
        "p50_ms": percentile(times, 50),
        "p95_ms": percentile(times, 95),
    }


def _figures(totals: Counter[str], hits: Counter[str], types: frozenset[str]) -> dict[str, Any]:
    left = sorted(name for name in totals if _is_left(name, types))
    asked = [name for name in totals if name not in left]
    return {
        "recall": share(sum(hits[name] for name in asked), sum(totals[name] for name in asked)),
        "all_types_recall": share(hits.total(), totals.total()),
        "by_type": {
            name: {"n": totals[name], "recall": share(hits[name], totals[name]), "left": name in left}
            for name in sorted(totals)
        },
        "left_types": {name: LEFT.get(name, "not among the types that the profile masks") for name in left},
    }


def _is_left(label: str, types: frozenset[str]) -> bool:
    """A label that we have no word for counts against us, unless it is one that is left on purpose."""
    chosen = _CHOSEN.get(label)
    return chosen not in types if chosen else label in LEFT


def _covered(label: Label, text: str, masked: set[int]) -> bool:
    return all(at in masked for at in range(label.start, label.end) if not text[at].isspace())


def _overlaps(found: Found, labels: Sequence[Label]) -> bool:
    return any(label.start < found.end and found.start < label.end for label in labels)

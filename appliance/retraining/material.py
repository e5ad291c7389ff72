"""The labelled messages of a training: from which sources they come, each text once, and which part is held out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from appliance.errors import InputInvalid
from appliance.policy import Policy
from models.training.heads import MIN_ROWS, OUT_OF_SCOPE_LABELS
from models.training.rows import LabelledTexts, read_rows

MAX_FITTED = 15_000
"""Rows that heads are fitted on at most: about 2 GB of memory and a minute on two cores. Of more rows, a sample even over the intents."""
_ONE_IN = 5
SHIPPED = "texts that ship"
CORRECTIONS = "agents' corrections"


@dataclass(frozen=True)
class Row:
    """One labelled message; ``urgency`` is empty where nobody has said it."""

    text: str
    intent: str
    urgency: str
    source: str

    @cached_property
    def print(self) -> str:
        """The same for texts that differ in case and spacing alone."""
        return fingerprint(self.text)


@dataclass(frozen=True, slots=True)
class Material:
    """``rows`` to fit on; ``given`` rows were read, ``duplicates`` of them said a text again."""

    rows: tuple[Row, ...]
    given: int
    duplicates: int

    @property
    def per_source(self) -> dict[str, int]:
        return dict(Counter(row.source for row in self.rows))

    @property
    def per_intent(self) -> dict[str, int]:
        return dict(sorted(Counter(row.intent for row in self.rows).items()))

    @property
    def sha256(self) -> str:
        """Of all rows, in whatever order they came."""
        lines = sorted(json.dumps([row.print, row.intent, row.urgency]) for row in self.rows)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def fingerprint(text: str) -> str:
    return hashlib.sha256(" ".join(text.casefold().split()).encode("utf-8", "surrogatepass")).hexdigest()


def read_material(path: Path, policy: Policy, *, source: str = "") -> list[Row]:
    """Rows of a CSV file, labels checked against the profile. Raises ``ModelRefused`` naming row and remedy."""
    return rows_of(read_rows(path, known=[intent.name for intent in policy.intents]), source or path.name)


def rows_of(labelled: LabelledTexts, source: str) -> list[Row]:
    urgencies = labelled.urgencies or ("",) * len(labelled.texts)
    return [
        Row(text, intent, urgency, source)
        for text, intent, urgency in zip(labelled.texts, labelled.intents, urgencies, strict=True)
    ]


def collect(policy: Policy, rows: Sequence[Row]) -> Material:
    """Each text once, the later word wins; at most ``MAX_FITTED`` of them. Raises ``InputInvalid`` for intents without enough rows."""
    latest = {row.print: row for row in rows}
    _check(policy, list(latest.values()))
    return Material(_sample(list(latest.values())), len(rows), len(rows) - len(latest))


def split(rows: Sequence[Row]) -> tuple[list[int], list[int]]:
    """(places to fit on, places held out). Whether a text is held out depends on the text alone, one in five.

    So a text that was held out once is held out for ever, and the trial head of an earlier training has never seen it. An intent that
    would keep fewer than ``MIN_ROWS`` rows gets some back.
    """
    held = [at for at, row in enumerate(rows) if int(row.print[:8], 16) % _ONE_IN == 0]
    kept = Counter(row.intent for row in rows) - Counter(rows[at].intent for at in held)
    back = set()
    for at in sorted(held, key=lambda place: rows[place].print):
        if kept[rows[at].intent] < MIN_ROWS:
            kept[rows[at].intent] += 1
            back.add(at)
    out = set(held) - back
    return [at for at in range(len(rows)) if at not in out], sorted(out)


def _check(policy: Policy, rows: Sequence[Row]) -> None:
    counts = Counter(row.intent for row in rows)
    inside = [name for name in counts if name not in OUT_OF_SCOPE_LABELS]
    if len(inside) < 2:
        raise InputInvalid(
            f"The rows have one class only: {inside[0] if inside else 'out_of_scope'}.",
            remedy="Give rows of every intent of the profile, or add the texts that ship with --with-shipped.",
        )
    few = [f"{intent.name} ({counts[intent.name]})" for intent in policy.intents if counts[intent.name] < MIN_ROWS]
    if few:  # a head that has never seen an intent can never hand it to a person, whatever its other figures
        raise InputInvalid(
            f"Fewer than {MIN_ROWS} rows for {len(few)} intents of the profile {policy.name}: {', '.join(few)}.",
            remedy="Add rows for them, or add the texts that ship with --with-shipped.",
        )


def _sample(rows: list[Row]) -> tuple[Row, ...]:
    """Rare intents whole, the others cut to the same size; what agents corrected first, then by hash, so that it stays the same."""
    if len(rows) <= MAX_FITTED:
        return tuple(rows)
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.source != CORRECTIONS, row.print)):
        groups[row.intent].append(row)
    left, most = MAX_FITTED, 0
    for number, size in enumerate(sorted(map(len, groups.values()))):
        most = left // (len(groups) - number)
        if size > most:
            break
        left -= size
    return tuple(row for group in groups.values() for row in group[:most])

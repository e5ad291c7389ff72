"""The labelled messages of a training: from which sources they come, each text once, and which part is held out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from appliance.errors import InputInvalid
from appliance.policy import Policy
from appliance.retraining.twins import content_hash, groups
from appliance.store.corrections import Example
from models.errors import ModelRefused
from models.training.heads import MIN_ROWS, OUT_OF_SCOPE_LABELS
from models.training.rows import LabelledTexts, read_rows

MAX_FITTED = 15_000
"""Rows that heads are fitted on at most: about 2 GB of memory and a minute on two cores. Of more rows, a sample even over the intents."""
MOST_HELD_OUT = 10_000
"""Rows of a held-out file that are judged: a sample by hash. More of them tell nothing new and take minutes."""
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

    @cached_property
    def mark(self) -> str:
        """The same, short, for texts that differ only in numbers, links, greeting and signature: who has seen one has seen all."""
        return content_hash(self.text)[:16]


@dataclass(frozen=True, slots=True)
class Material:
    """``rows`` to fit on; ``given`` rows were read, ``duplicates`` of them said a text again. ``groups`` names the near twins of each row."""

    rows: tuple[Row, ...]
    given: int
    duplicates: int
    groups: tuple[str, ...]

    def take(self, places: Sequence[int]) -> Material:
        """These rows alone, from the same reading."""
        return replace(self, rows=tuple(self.rows[at] for at in places), groups=tuple(self.groups[at] for at in places))

    @property
    def twins(self) -> int:
        """Rows that say another row again but for a number, a name or a word."""
        return len(self.rows) - len(set(self.groups))

    @property
    def per_source(self) -> dict[str, int]:
        return dict(Counter(row.source for row in self.rows))

    @property
    def counts(self) -> dict[str, Any]:
        return {
            "given": self.given,
            "duplicates": self.duplicates,
            "fitted": len(self.rows),
            "per_source": self.per_source,
        }

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
    if path.exists() and not path.is_file():  # a pipe that nobody writes to would be waited for without end
        raise ModelRefused(
            f"{path} is not a regular file.", remedy="Give the path of a CSV file; write what a pipe gives into one."
        )
    return rows_of(read_rows(path, known=[intent.name for intent in policy.intents]), source or path.name)


def rows_of(labelled: LabelledTexts, source: str) -> list[Row]:
    urgencies = labelled.urgencies or ("",) * len(labelled.texts)
    return [
        Row(text, intent, urgency, source)
        for text, intent, urgency in zip(labelled.texts, labelled.intents, urgencies, strict=True)
    ]


def gather(policy: Policy, files: Sequence[tuple[Path, str]], corrections: Sequence[Example]) -> tuple[Material, int]:
    """Rows of the files (path, source in words), then what agents said; and how many corrections name an intent that the profile no longer has."""
    rows = [row for path, source in files for row in read_material(path, policy, source=source)]
    known = {intent.name for intent in policy.intents} | OUT_OF_SCOPE_LABELS
    corrected = [one for one in corrections if one.intent in known and one.text.strip()]
    rows += [Row(one.text, one.intent, one.urgency, CORRECTIONS) for one in corrected]
    if not rows:
        raise InputInvalid(
            "There is nothing to train on.", remedy="Give --train CSV, --with-shipped or --with-corrections."
        )
    return collect(policy, rows), len(corrections) - len(corrected)


def collect(policy: Policy, rows: Sequence[Row]) -> Material:
    """Each text once, the later word wins; at most ``MAX_FITTED`` of them. Raises ``InputInvalid`` for intents without enough rows."""
    latest = {row.print: row for row in rows}
    _check(policy, list(latest.values()))
    sample = _sample(list(latest.values()))
    return Material(sample, len(rows), len(rows) - len(latest), tuple(grouped(sample)))


def grouped(rows: Sequence[Row]) -> list[str]:
    """The name of each row's group of near twins."""
    return groups([row.text for row in rows], [row.mark for row in rows])


def split(
    rows: Sequence[Row], names: Sequence[str], seen: Collection[str] = frozenset()
) -> tuple[list[int], list[int]]:
    """(places to fit on, places to judge on): one group of near twins in five is held out whole, and one row of it is judged.

    ``names`` are the rows' groups. Which are held out depends on the texts alone, so mostly a text stays held out for ever; what the
    head in use has ``seen`` (marks) could not be judged and is fitted. An intent that would keep fewer than ``MIN_ROWS`` rows gets some back.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        members[name].append(at)
    held = {
        name: places
        for name, places in sorted(members.items())
        if int(name[:8], 16) % _ONE_IN == 0 and not any(rows[at].mark in seen for at in places)
    }
    kept = Counter(row.intent for row in rows)
    kept.subtract(rows[at].intent for places in held.values() for at in places)
    for name, places in list(held.items()):
        if any(kept[rows[at].intent] < MIN_ROWS for at in places):
            kept.update(rows[at].intent for at in held.pop(name))
    out = {at for places in held.values() for at in places}
    return [at for at in range(len(rows)) if at not in out], sorted(max(places) for places in held.values())


def unseen(given: Sequence[Row], fitted: Sequence[Row], seen: Collection[str]) -> list[Row]:
    """Of held-out rows those that no head knows, nor a near twin of them among the ``fitted`` rows: one of each group, at most ``MOST_HELD_OUT``."""
    latest = {row.print: row for row in given if row.mark not in seen}
    sample = sorted(latest.values(), key=lambda row: row.print)[:MOST_HELD_OUT]
    names = grouped([*fitted, *sample])
    known = set(names[: len(fitted)])
    once = {name: row for name, row in zip(names[len(fitted) :], sample, strict=True) if name not in known}
    return list(once.values())


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

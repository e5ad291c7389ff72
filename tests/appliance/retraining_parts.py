"""A profile of one's own with five intents, and as many labelled messages for it as a test wants."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.policy import Policy, load_policy
from appliance.retraining.intents import Order, train_intents
from models.roles import Encoder

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
TOPICS = {
    "billing": "invoice receipt amount charge",
    "login": "password signin locked account",
    "delivery": "parcel courier tracking shipment",
    "returns": "refund exchange label broken",
    "dispute": "chargeback lawyer fraud complaint",
}
_NOISE = [
    "please",
    "help",
    "today",
    "again",
    "team",
    "order",
    "question",
    "morning",
    "website",
    "number",
    "weather",
    "colleague",
]
_REPLIES = ["handed_over", "asked_for_person", "always_escalate", "out_of_scope", "not_covered", "unsure", "overloaded"]
Labelled = tuple[str, str, str]


def write_profile(path: Path, name: str = "garden", intents: Iterable[str] = TOPICS) -> Path:
    lines = [f'name = "{name}"', 'title = "Garden"', 'company = "Garden Ltd"', "[replies]"]
    lines += [f'{reply} = "A colleague will answer."' for reply in _REPLIES]
    for intent in intents:
        lines += [
            "[[intents]]",
            f'name = "{intent}"',
            f'title = "{intent}"',
            f"always_escalate = {str(intent == 'dispute').lower()}",
        ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def messages(each: int, *, seed: int, wrong: float = 0.0, topics: Sequence[str] = tuple(TOPICS)) -> list[Labelled]:
    """``each`` distinct messages a topic, of which a share bears a label drawn by lot."""
    rng = random.Random(seed)
    found = []
    for topic in topics:
        for number in range(each):
            words = [rng.choice(TOPICS[topic].split()), *rng.choices(_NOISE, k=5), f"{topic[0]}{seed}x{number}"]
            rng.shuffle(words)
            label = rng.choice(list(TOPICS)) if rng.random() < wrong else topic
            found.append((" ".join(words), label, "high" if topic == "dispute" else "normal"))
    return found


def write_rows(
    path: Path, rows: Iterable[Sequence[str]], header: Sequence[str] = ("text", "intent", "urgency")
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(row[: len(header)] for row in rows)
    return path


class Box:
    """A data directory with a profile, on which a test trains."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self.folder = folder
        self.encoder = encoder
        self.profile = write_profile(folder / "garden.toml")
        self.config = Config(data=folder / "data", profile=str(self.profile))
        self._files = 0

    @property
    def policy(self) -> Policy:
        return load_policy(str(self.profile))

    @property
    def shelf(self) -> Path:
        return self.config.data / "models" / "intent" / "garden"

    def csv(self, rows: Iterable[Sequence[str]], header: Sequence[str] = ("text", "intent", "urgency")) -> Path:
        self._files += 1
        return write_rows(self.folder / f"rows{self._files}.csv", rows, header)

    def train(self, rows: Iterable[Sequence[str]], **others: Any) -> dict[str, Any]:
        heldout = others.pop("heldout", None)
        order = Order(train=(self.csv(rows),), heldout=self.csv(heldout) if heldout else None, **others)
        return self.order(order)

    def order(self, order: Order) -> dict[str, Any]:
        return train_intents(self.config, self.policy, self.encoder, order, now=NOW)

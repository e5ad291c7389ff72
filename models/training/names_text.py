"""Texts with names, addresses, places and companies whose positions are known: made up by ``faker``, poured into templates and real messages.

See ``names_filling`` for what is made up.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.training.names_filling import Filling

TAGS = ("O", "PERSON", "ADDRESS", "LOCATION", "ORGANIZATION")
TEMPLATES = Path(__file__).parent / "data" / "names" / "templates.txt"

_SLOT = re.compile(r"\{([a-z]+)\}")
_PRONOUN = re.compile(r"\b(he|she|you|I|we|they|him|her|them|me|us|users?|someone|everyone|nobody)\b", re.I)
_OWNER = re.compile(r"\b(my|your|his|their|our|her)\b", re.I)


@dataclass(frozen=True, slots=True)
class Example:
    """``spans``: (start, end, tag), in order, not overlapping."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def pour(template: str, filling: Filling) -> Example:
    """A template with its slots filled."""
    text, spans = "", []
    at = 0
    template = template.replace("\\n", "\n")
    for slot in _SLOT.finditer(template):
        text += template[at : slot.start()]
        value, tag = filling.of(slot[1])
        if tag != "O":
            spans.append((len(text), len(text) + len(value), tag))
        text += value
        at = slot.end()
    return Example(text + template[at:], tuple(spans))


def name_people(text: str, filling: Filling, share: float) -> Example:
    """Some of the pronouns of a text become names: names in the places where people stand."""

    def slot(found: re.Match[str], replacement: str) -> str:
        return replacement if filling.random.random() < share else found[0]

    plain = text.replace("{", "(").replace("}", ")")
    made = _PRONOUN.sub(
        lambda found: slot(found, filling.random.choice(["{person}", "{first}", "{mr} {last}", "{last}", "{first}"])),
        plain,
    )
    return pour(
        _OWNER.sub(lambda found: slot(found, filling.random.choice(["{first}'s", "{last}'s", "{person}'s"])), made),
        filling,
    )


def framed(text: str, filling: Filling) -> Example:
    """A message with a greeting and a signature, as mails have them."""
    plain = text.replace("{", "(").replace("}", ")")
    head = filling.random.choice(
        [
            "Hi {first},\n\n",
            "Hello {first},\n",
            "Dear {mr} {last},\n\n",
            "{first}, ",
            "",
            "",
            "Hi team,\n",
            "Hi {first}! ",
            "@{first} ",
        ]
    )
    foot = filling.random.choice([
        "\n\nThanks,\n{first}", "\n\nRegards,\n{person}", "\n{person}", "\n\n{person}\n{job}\n{org}\n{address}", "\n-- \n{person} | {org} | {phone}", " - {first}",
        "\nbr {first}", "", " Thanks {first}!", "\n\nSent from my {product}", "\n\nCheers\n{first} {last}\n{phone}",
    ])  # fmt: skip
    return pour(head + plain + foot, filling)


def varied(example: Example, chance: random.Random) -> Example:
    """Now and then all in small letters, or in capitals, which keep their length."""
    roll = chance.random()
    if roll < 0.10:
        return _cased(example, str.lower)
    return _cased(example, str.upper) if roll < 0.13 else example


def _cased(example: Example, change: Callable[[str], str]) -> Example:
    text = "".join(changed if len(changed := change(sign)) == 1 else sign for sign in example.text)
    return Example(text, example.spans)


def examples(
    messages: Sequence[str], prose: Sequence[str], *, templates: Path, seed: int, count: int
) -> Iterator[Example]:
    """``count`` texts: templates, messages with names and without, prose (no names in it but those put there)."""
    filling = Filling(seed)
    lines = [line for line in templates.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    for _ in range(count):
        filling.pick()
        roll = filling.random.random()
        if roll < 0.5 or not messages:
            several = filling.random.choice([1, 1, 1, 2, 3])
            made = pour(
                filling.random.choice([" ", "\n"]).join(filling.random.choice(lines) for _ in range(several)), filling
            )
        elif roll < 0.6:
            made = framed(filling.random.choice(messages), filling)
        elif roll < 0.7:
            made = name_people(filling.random.choice(messages), filling, 0.4)
        elif roll < 0.78:
            made = name_people(filling.random.choice(prose or messages), filling, 0.4)
        elif roll < 0.86:
            made = Example(filling.random.choice(messages), ())
        else:
            made = Example(filling.random.choice(prose or messages), ())
        yield varied(made, filling.random)

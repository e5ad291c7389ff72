"""What is poured into the slots of training texts: names, addresses, places and companies that ``faker`` makes up.

Needs the ``train`` extra. Nothing that is made here is shipped but the weights that are fitted to it.
"""

from __future__ import annotations

import random
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

LOCALES = (
    "en_US", "en_GB", "en_AU", "en_CA", "en_IN", "en_IE", "en_NZ", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_CH", "es_ES", "es_MX", "it_IT", "nl_NL", "nl_BE",
    "pt_PT", "pt_BR", "pl_PL", "cs_CZ", "sk_SK", "hu_HU", "ro_RO", "hr_HR", "sl_SI", "fi_FI", "sv_SE", "no_NO", "da_DK", "et_EE",
    "lt_LT", "lv_LV", "tr_TR", "el_GR", "ru_RU", "uk_UA", "bg_BG", "ar_AA", "fa_IR", "hi_IN", "ja_JP", "zh_CN", "ko_KR", "vi_VN", "id_ID",
    "az_AZ", "ka_GE", "he_IL", "fil_PH", "en_NG", "yo_NG", "zu_ZA", "is_IS", "sq_AL", "th_TH", "ta_IN", "ne_NP", "hy_AM",
)  # fmt: skip
FILLINGS = Path(__file__).parent / "data" / "names" / "fillings.toml"
_LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n",
    "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "",
    "э": "e", "ю": "yu", "я": "ya", "і": "i", "ї": "yi", "є": "ye", "ґ": "g",
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o",
    "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip


class Filling:
    """Draws what goes into a slot; one locale a text, so that names, streets and places fit each other."""

    def __init__(self, seed: int) -> None:
        from faker import Faker

        self.random = random.Random(seed)
        self._lists: dict[str, list[str]] = tomllib.loads(FILLINGS.read_text("utf-8"))
        self._fakes: list[Any] = []
        for locale in LOCALES:
            try:
                fake = Faker(locale)
            except AttributeError:
                continue  # a locale that this version of faker lacks
            fake.seed_instance(seed * 1_000 + len(self._fakes))
            self._fakes.append(fake)
        self._english = self._fakes[0]
        self.pick()

    def pick(self) -> None:
        """Another locale for the next text; English ones oftener."""
        chance = self.random.random()
        self._fake = self._fakes[self.random.randrange(7)] if chance < 0.3 else self.random.choice(self._fakes)
        self._romanise = self.random.random() < 0.8

    def of(self, slot: str) -> tuple[str, str]:
        """(text, tag) of a slot."""
        tags = {
            "person": "PERSON",
            "first": "PERSON",
            "last": "PERSON",
            "address": "ADDRESS",
            "street": "ADDRESS",
            "city": "LOCATION",
            "country": "LOCATION",
            "org": "ORGANIZATION",
        }
        value = getattr(self, f"_{slot}")()
        return value, tags.get(slot, "O")

    def _spoken(self, text: str) -> str:
        text = " ".join(str(text).split())
        if self._romanise:
            text = _romanised(text)
        chance = self.random.random()
        if chance < 0.06:
            text = _without_marks(text)
        return text

    def _first(self) -> str:
        return self._spoken(self._call("first_name", "first_romanized_name"))

    def _last(self) -> str:
        return self._spoken(self._call("last_name", "last_romanized_name"))

    def _person(self) -> str:
        first, last, choose = self._first(), self._last(), self.random.choice
        ways = (
            (0.55, f"{first} {last}"),
            (0.70, f"{first} {choose('ABCDEFGHIJKLMNOPRSTVWZ')}{choose(['.', '', '.'])} {last}"),
            (0.78, f"{first} {self._first()} {last}"),
            (0.84, f"{first} {last}{choose(['-', ' '])}{self._last()}"),
            (0.88, f"{first[:1]}. {last}"),
            (0.90, f"{first} {last} {choose(['Jr.', 'II', 'III', 'Sr.'])}"),
            (0.95, first),
            (1.00, f"{last} {first}"),
        )
        chance = self.random.random()
        return next(name for limit, name in ways if chance < limit)

    def _call(self, name: str, romanised: str) -> str:
        if self._romanise and hasattr(self._fake, romanised):
            return str(getattr(self._fake, romanised)())
        for fake in (self._fake, self._english):
            try:
                return str(getattr(fake, name)())
            except AttributeError:
                continue
        raise AssertionError(name)

    def _street(self) -> str:
        name = self._spoken(self._call("street_name", "-"))
        number = self._house()
        return self.random.choice(
            [f"{name} {number}", f"{number} {name}", name if self.random.random() < 0.3 else f"{number}, {name}"]
        )

    def _house(self) -> str:
        roll = self.random.random()
        number = str(self.random.randint(1, 180 if roll < 0.6 else 30_000))
        return number + (self.random.choice("abcABC") if roll > 0.92 else "")

    def _unit(self) -> str:
        number = self.random.randint(1, 999)
        return self.random.choice(
            ["Apt. {}", "Suite {}", "Apt {}", "Unit {}", "Flat {}", "#{}", "Floor {}", "c/o desk {}"]
        ).format(f"{number:03d}" if self.random.random() < 0.3 else number)

    def _zip(self) -> str:
        made = self._call("postcode", "-")
        return made if self.random.random() < 0.6 else str(self.random.randint(1000, 99_999))

    def _address(self) -> str:
        chance = self.random.random()
        if chance < 0.2:
            return "\n".join(" ".join(line.split()) for line in self._spoken_lines(self._call("address", "-")))
        if chance < 0.25:
            return f"{self.random.choice(['P.O. Box', 'PO Box', 'Postfach', 'PSC', 'Box'])} {self.random.randint(10, 9999)}, {self._city()} {self._zip()}"
        parts = [self._street() if self.random.random() < 0.85 else f"{self._street()} {self._city()}"]
        if self.random.random() < 0.4:
            parts.append(self._unit())
        city, code = self._city(), self._zip()
        if self.random.random() < 0.15:
            city = city.upper()
        state = self.random.choice(["", "", self._english.state_abbr(), self._english.state()])
        parts.append(
            self.random.choice(
                [f"{city} {code}", f"{code} {city}", city, f"{city}, {state} {code}", f"{city} {state}"]
            ).strip()
        )
        if self.random.random() < 0.4:
            country = self._country()
            parts.append(country if self.random.random() < 0.6 else f"{country} {self._zip()}")
        if self.random.random() < 0.15:
            parts = parts[: self.random.randint(1, len(parts))]
        glue = self.random.choice([", ", ", ", "\n", " ", "\n ", "\n    "])
        made = parts[0]
        for part in parts[1:]:
            made += (glue if self.random.random() < 0.8 else self.random.choice([" ", ", ", "\n"])) + part
        return made

    def _spoken_lines(self, text: str) -> list[str]:
        return [self._spoken(line) for line in text.splitlines()]

    def _city(self) -> str:
        return self._spoken(self._call("city", "romanized_city"))

    def _country(self) -> str:
        return str(self._english.country() if self.random.random() < 0.7 else self._spoken(self._call("country", "-")))

    def _org(self) -> str:
        made = self._spoken(self._call("company", "-"))
        if self.random.random() < 0.35:
            first = self.random.choice(self._lists["company_first"])
            made = self.random.choice(
                [
                    first + self.random.choice(self._lists["company_last"]),
                    f"{first} {self.random.choice(self._lists['company_end'])}",
                ]
            )
        return made

    def _mr(self) -> str:
        return self.random.choice(["Mr.", "Mrs.", "Ms.", "Mr", "Mrs", "Ms", "Dr.", "Miss", "Prof.", "mr.", "mrs."])

    def _job(self) -> str:
        return str(self._english.job())

    def _date(self) -> str:
        return str(self._english.date(self.random.choice(["%d/%m/%Y", "%Y-%m-%d", "%d %B %Y", "%B %d", "%d.%m.%Y"])))

    def _time(self) -> str:
        return str(self._english.time(self.random.choice(["%H:%M", "%H:%M:%S", "%I %p"])))

    def _phone(self) -> str:
        return self._call("phone_number", "-")

    def _email(self) -> str:
        return str(self._english.email())

    def _number(self) -> str:
        return self.random.choice(
            [
                str(self.random.randint(10, 99_999)),
                f"v{self.random.randint(1, 99)}.{self.random.randint(0, 9)}",
                f"{self.random.choice(['INC', 'KB', 'TB-', 'FW-', '#'])}{self.random.randint(100, 9_999_999)}",
            ]
        )

    def _product(self) -> str:
        return self.random.choice(self._lists["products"])

    def _title(self) -> str:
        words = [self.random.choice(self._lists["title_words"]) for _ in range(self.random.randint(1, 4))]
        return " ".join(words)

    def _day(self) -> str:
        return str(self._english.day_of_week())

    def _month(self) -> str:
        return str(self._english.month_name())


def _romanised(text: str) -> str:
    if not any(sign.lower() in _LATIN for sign in text):
        return text
    made = ""
    for sign in unicodedata.normalize("NFD", text):
        if unicodedata.combining(sign):
            continue
        plain = _LATIN.get(sign.lower(), sign)
        made += plain.capitalize() if sign.isupper() and plain else plain
    return made


def _without_marks(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))

"""The language of support messages: how often it is told, and above all how seldom English is taken for something else."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from appliance.policy import Thresholds
from models.errors import ModelRefused
from models.hearing import hear
from models.language import LangidDetector
from models.prose import prose
from models.tags import primary

ROOT = Path(__file__).parents[2]
LEAST = Thresholds().language


@pytest.fixture(scope="module")
def detector() -> LangidDetector:
    return LangidDetector.open()


def rows(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row.get("language", "en")) for row in csv.DictReader(file)]


def told(detector: LangidDetector, text: str) -> str:
    found = hear(detector.detect, text, "en")
    return found.code if found.confidence >= LEAST else ""


def test_messages_that_chose_no_threshold_are_told(detector: LangidDetector) -> None:
    found = [(wanted, told(detector, text)) for text, wanted in rows(ROOT / "tests/data/language.csv")]
    foreign = [(wanted, code) for wanted, code in found if wanted not in {"", "en"}]
    assert len(foreign) == 221
    assert sum(wanted == code for wanted, code in foreign) / len(foreign) >= 0.94
    assert sum(code not in {"", "en"} for _, code in foreign) / len(foreign) >= 0.96
    assert not [code for wanted, code in found if wanted in {"", "en"} and code not in {"", "en"}]


@pytest.mark.parametrize("profile", ["saas", "it_helpdesk", "shop"])
def test_english_tickets_stay_english(detector: LangidDetector, profile: str) -> None:
    texts = [text for text, _ in rows(ROOT / f"models/training/data/{profile}/heldout.csv")]
    assert sum(told(detector, text) not in {"", "en"} for text in texts) <= len(texts) // 200


def test_thin_evidence_keeps_english(detector: LangidDetector) -> None:
    """Names, a quoted sentence, product names and menus in messages that are English, and the short ones that chose the weights."""
    found = [
        (text, told(detector, text)) for text, code in rows(ROOT / "tests/data/language_tuning.csv") if code == "en"
    ]
    assert not [(text, code) for text, code in found if code not in {"", "en"}]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("passwort", "de"),
        ("Hilfe bitte", "de"),
        ("facture", "fr"),
        ("Le prix?", "fr"),
        ("password dimenticata", "it"),
        ("আমি লগইন করতে পারছি না", "und"),
        ("换了 token 之后 webhook 返回 401", "zh"),
    ],
)
def test_a_few_words_and_strange_letters_are_foreign(detector: LangidDetector, text: str, code: str) -> None:
    assert told(detector, text) == code


def test_the_desks_own_words_are_not_foreign(detector: LangidDetector) -> None:
    assert hear(detector.detect, "passwort", "de").code in {"", "de", "en"}
    assert hear(detector.detect, "Hilfe", "de").confidence < LEAST


@pytest.mark.parametrize(
    "text", ["A-" * 50_000, "w-" * 50_000, "ab-" * 33_000, "a@" * 50_000, "`" * 100_000, '"ab' * 33_000]
)
def test_long_tokens_are_read_to_their_end(text: str) -> None:
    assert prose(f"Guten Tag zusammen {text}").lower().startswith("guten tag zusammen")
    assert prose(f"Guten Tag {'ab-' * 40}kunden.csv zusammen") == "Guten Tag zusammen"


def test_expected_languages_are_all_that_is_told() -> None:
    narrow = LangidDetector.open(["de", "en-GB"])
    assert narrow.languages == ("de", "en")
    assert narrow.detect("Je n'arrive pas à me connecter à mon compte.").code in {"de", "en"}


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(ModelRefused, match="does not know 'xx'") as refused:
        LangidDetector.open(["en", "xx"])
    assert "Choose of: ar bg" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Error SSO-403 at login, see https://x.example/a?b=c", "Error at login, see"),
        ("Mein `git push` geht nicht", "Mein geht nicht"),
        ("> alte Nachricht\nNeue Frage", "Neue Frage"),
        ("Schreib an anna@example.com bitte", "Schreib an bitte"),
        ("Datei kunden_2026.csv falsch", "Datei falsch"),
        ("WARUM GEHT DAS NICHT", "warum geht das nicht"),
        ('I see "Zugriff verweigert" on the screen', "I see on the screen"),
        ('"Zugriff verweigert"', '"Zugriff verweigert"'),
        ("更新之后应用不同步了,错误 409", "更新之后应用不同步了,错误"),
        ("トークン変更後にwebhookが401を返します", "トークン変更後にwebhookが を返します"),
        ("SL-88213", ""),
    ],
)
def test_prose_leaves_words_and_nothing_else(text: str, kept: str) -> None:
    assert prose(text) == kept


@pytest.mark.parametrize(
    ("tag", "code"), [("en", "en"), ("pt-BR", "pt"), ("zh_Hans_CN", "zh"), ("DE", "de"), ("nb-NO", "no"), ("", "")]
)
def test_a_tag_is_cut_to_its_language(tag: str, code: str) -> None:
    assert primary(tag) == code

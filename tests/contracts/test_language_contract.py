"""Every LanguageDetector: plain cases, texts without language, and what people really paste."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.language import LangidDetector
from models.roles import UNDECIDED, UNKNOWN, LanguageDetector
from models.standin import CommonWordsDetector, StandInWarning

GERMAN = "Ich kann mich nicht anmelden, und das Passwort ist nicht falsch. Wie komme ich in mein Konto?"
ENGLISH = "I can not sign in, and the password is not wrong. How do I get into my account?"


@pytest.fixture(scope="module")
def langid() -> LangidDetector:
    return LangidDetector.open()


@pytest.fixture(params=["py3langid", "stand-in"])
def detector(request: pytest.FixtureRequest, langid: LangidDetector) -> LanguageDetector:
    if request.param == "stand-in":
        with pytest.warns(StandInWarning, match="stands in for a model"):
            return CommonWordsDetector()
    return langid


def test_it_names_its_revision_and_its_languages(detector: LanguageDetector) -> None:
    assert detector.revision
    assert {"de", "en", "es", "fr"} <= set(detector.languages)


def test_plain_sentences_are_told(detector: LanguageDetector) -> None:
    for text, code in ((GERMAN, "de"), (ENGLISH, "en")):
        found = detector.detect(text)
        assert found.code == code
        assert 0.5 < found.confidence <= 1.0


@pytest.mark.parametrize("text", ["", "  \n ", "???", "👍👍", "12.03.2026", "SL-88213", "https://example.com/a?b=1", "a@example.com", "```\nich und der\n```", "> Ich kann das nicht"])  # fmt: skip
def test_what_is_no_language_is_undecided(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text) == UNDECIDED


@pytest.mark.parametrize("text", ["\x00\x01", "\ud800 lonely half", "x" * 200_000, "a " * 100_000, "ة" * 3_000, "\u202eabc", "=" * 9_000, "é" * 50_000])  # fmt: skip
def test_what_people_paste_does_no_harm(detector: LanguageDetector, text: str) -> None:
    found = detector.detect(text)
    assert 0.0 <= found.confidence <= 1.0
    assert found.code in {"", UNKNOWN, *detector.languages}


def test_threads_do_not_disturb_each_other(detector: LanguageDetector) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda n: detector.detect((GERMAN, ENGLISH)[n % 2]).code, range(200)))
    assert codes == ["de", "en"] * 100

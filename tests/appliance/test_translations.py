"""What customers read in their own language."""

from __future__ import annotations

import pytest
from line_parts import POLICY

from appliance.translations import Translation, language_name, shipped_translation, translated_languages
from models.language import KNOWN, LangidDetector

ASKED_FOR = ["de", "fr", "es", "it", "nl", "pt", "pl", "da", "sv", "cs", "tr", "uk", "ja", "zh"]


@pytest.fixture(scope="module")
def detector() -> LangidDetector:
    return LangidDetector.open()


def test_the_languages_that_were_promised_are_there() -> None:
    assert set(ASKED_FOR) <= set(translated_languages()) <= set(KNOWN)


@pytest.mark.parametrize("code", translated_languages())
def test_every_translation_is_whole_and_in_its_language(code: str, detector: LangidDetector) -> None:
    words = shipped_translation(code)
    assert words is not None
    assert all(words.model_dump().values())
    assert {"{title}", "{url}"} <= set(words.more_in.replace("(", " ").replace(")", " ").replace(":", " ").split())
    for text in (words.handed_over, words.not_in_language):
        assert detector.detect(text).code == code


def test_a_profile_goes_before_what_ships() -> None:
    own = POLICY.model_copy(update={"translations": (Translation(language="de", handed_over="Moin, wir melden uns."),)})
    words = own.translation("de")
    assert words is not None
    assert words.handed_over == "Moin, wir melden uns."
    assert "Deutsch" in words.not_in_language


def test_the_profiles_own_language_and_unknown_ones_have_none() -> None:
    assert POLICY.translation("en") is None
    assert POLICY.translation("th") is None
    german = POLICY.model_copy(update={"language": "de-AT"})
    assert german.translation("de") is None
    assert german.translation("en") is not None


def test_languages_have_names_for_agents() -> None:
    assert language_name("de") == "German (de)"
    assert language_name("th") == "the language 'th'"

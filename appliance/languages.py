"""Which languages an installation hears, and which its models read."""

from __future__ import annotations

from appliance.config import Config
from appliance.errors import ConfigInvalid
from appliance.policy import Policy
from kb.tongue import Tongue
from models.errors import ModelRefused
from models.language import LangidDetector
from models.roles import UNDECIDED, Encoder, Language, LanguageDetector, Reranker
from models.standin import CommonWordsDetector
from models.tags import primary

_ENGLISH = ("en",)
"""What a model reads that does not say so: the ones that ship were trained on English."""


class Deaf:
    """The ``LanguageDetector`` of ``language.detect = false``: every message counts as the profile's language."""

    revision = "off"
    languages: tuple[str, ...] = ()

    def detect(self, _text: str) -> Language:
        return UNDECIDED


def open_detector(config: Config, policy: Policy) -> LanguageDetector:
    """The detector that the settings ask for; it always knows the profile's language. Takes about a second. Raises ``ConfigInvalid``."""
    if not config.language.detect:
        return Deaf()
    if config.models.stand_in:
        return CommonWordsDetector()
    expected = {*config.language.expected, policy.home} if config.language.expected else ()
    try:
        return LangidDetector.open(expected)
    except ModelRefused as refused:
        if not expected:
            raise
        raise ConfigInvalid(f"language.expected: {refused.message}", remedy=refused.remedy) from refused


def open_tongue(config: Config, policy: Policy, detector: LanguageDetector | None = None) -> Tongue:
    """What tells the language of articles."""
    return Tongue(detector or open_detector(config, policy), policy.home, policy.thresholds.language_of_text)


def read_by(encoder: Encoder, reranker: Reranker) -> frozenset[str]:
    """Languages that both read: one that finds what the other cannot judge is no ground for an answer."""
    return _languages(encoder) & _languages(reranker)


def _languages(model: object) -> frozenset[str]:
    return frozenset(map(primary, getattr(model, "languages", ()) or _ENGLISH))

"""Every IntentClassifier: probabilities that add up, labels of the profile, order kept."""

from __future__ import annotations

import pytest

from models.catalog import Catalog
from models.classifier import OnnxIntentClassifier
from models.encoder import OnnxEncoder
from models.features import read_features
from models.roles import URGENCIES, Encoder, IntentClassifier
from models.standin import HashEncoder, NearestLabelClassifier, StandInWarning

PROFILES = ("saas", "it_helpdesk", "shop")
TEXTS = ["I forgot my password and cannot sign in", "send me the invoice", "", "what is the capital of France"]


def stand_in() -> tuple[Encoder, IntentClassifier]:
    with pytest.warns(StandInWarning):
        encoder = HashEncoder()
        keywords = {"sign_in": "password sign in forgot", "billing": "invoice charge payment"}
        return encoder, NearestLabelClassifier(encoder, keywords)


@pytest.fixture(params=[*PROFILES, "stand-in"])
def parts(request: pytest.FixtureRequest) -> tuple[Encoder, IntentClassifier]:
    if request.param == "stand-in":
        return stand_in()
    catalog: Catalog = request.getfixturevalue("catalog")
    encoder: OnnxEncoder = request.getfixturevalue("onnx_encoder")
    folder = catalog.require(f"intent-{request.param}")
    return encoder, OnnxIntentClassifier.open(folder, encoder_revision=encoder.revision)


def test_probabilities_and_labels(parts: tuple[Encoder, IntentClassifier]) -> None:
    encoder, classifier = parts
    assert classifier.encoder_revision == encoder.revision
    found = classifier.classify(read_features(encoder, TEXTS))
    assert len(found) == len(TEXTS)
    for one in found:
        assert one.ranking[0] == (one.intent, one.confidence)
        assert sorted(name for name, _ in one.ranking) == sorted(classifier.intents)
        assert sum(share for _, share in one.ranking) == pytest.approx(1, abs=1e-2)
        assert one.urgency in URGENCIES
        assert 0 <= one.out_of_scope <= 1
        assert 0 <= one.urgency_confidence <= 1


def test_the_order_of_the_rows_is_kept(parts: tuple[Encoder, IntentClassifier]) -> None:
    encoder, classifier = parts
    features = read_features(encoder, TEXTS)
    forwards = [one.intent for one in classifier.classify(features)]
    backwards = [one.intent for one in classifier.classify(features[::-1])]
    assert forwards == backwards[::-1]


def test_no_rows_give_no_classifications(parts: tuple[Encoder, IntentClassifier]) -> None:
    encoder, classifier = parts
    assert classifier.classify(read_features(encoder, [])) == []


def test_the_stand_in_finds_the_nearest_label() -> None:
    encoder, classifier = stand_in()
    found = classifier.classify(read_features(encoder, TEXTS[:2]))
    assert [one.intent for one in found] == ["sign_in", "billing"]

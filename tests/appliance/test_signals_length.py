"""A longer answer is given to whoever asks for one, and to nobody else."""

from __future__ import annotations

import pytest

from appliance.line.signals.length import wants_more


@pytest.mark.parametrize(
    "text",
    [
        "Explain it in detail please",
        "Can I get step-by-step instructions?",
        "Please list all the steps.",
        "Tell me more about the Team plan.",
        "Could you walk me through the import?",
        "Bitte ausführlich erklären.",
    ],
)
def test_asks_for_more(text: str) -> None:
    assert wants_more(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I pay?",
        "Where are my billing details?",
        "One more question: can I cancel?",
        "The first step fails.",
        "I need more seats.",
    ],
)
def test_asks_for_no_more(text: str) -> None:
    assert not wants_more(text)

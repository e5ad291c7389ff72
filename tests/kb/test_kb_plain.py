"""Inline marks go, words stay."""

from __future__ import annotations

import pytest

from kb.plain import plain


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("Open **Settings > Data** and press _Export_.", "Open Settings > Data and press Export."),
        ("Run `appliance up` twice.", "Run appliance up twice."),
        ("See [the plans](https://example.org/plans).", "See the plans (https://example.org/plans)."),
        ("See [refunds](refund-policy.md) or [a@b.example](mailto:a@b.example).", "See refunds or a@b.example."),
        ("![The menu](menu.png) shows it.", "The menu shows it."),
        ("* an item\n* another *one*", "* an item\n* another one"),
        ("snake_case_name and 2 * 3 * 4 stay", "snake_case_name and 2 * 3 * 4 stay"),
        ("A literal \\*star\\* stays.", "A literal *star* stays."),
        ("```\n**raw** `code`\n```", "```\n**raw** `code`\n```"),
        ("**", "**"),
        (
            "Press __Save now__ and __Close__, then edit __init__ in a__b__c.",
            "Press Save now and Close, then edit __init__ in a__b__c.",
        ),
        (
            "Prices:\n\n| Plan | Price a month | Projects |\n| --- | --- | --- |\n| Team | **€8** | 10 |\n| Free | €0 | |\n\nAfter.",
            "Prices:\n\n- Plan Team: Price a month: €8; Projects: 10.\n- Plan Free: Price a month: €0.\n\nAfter.",
        ),
        ("| only | one row |", "| only | one row |"),
        ("| --- | --- |\n| --- | --- |", "| --- | --- |\n| --- | --- |"),
        ("<https://example.org/a>", "https://example.org/a"),
    ],
)
def test_marks_go_and_words_stay(markdown: str, expected: str) -> None:
    assert plain(markdown) == expected

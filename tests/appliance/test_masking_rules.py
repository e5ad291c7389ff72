"""The profile's section ``masking``: what is refused, and that no search can be made slow by what strangers write."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from masking_parts import CountingTagger, formal

from appliance.egress.masking import addresses, contact, encoded, identity, numbers, open_masker, persons, secrets
from appliance.errors import ConfigInvalid
from appliance.masking_rules import Masking, parser, sre
from appliance.policy import load_policy, parse_policy, shipped_profiles


def with_pattern(kind: str, regex: str) -> str:
    from importlib import resources

    text = (resources.files("appliance") / "profiles" / "shop.toml").read_text("utf-8")
    return text + f"\n[[masking.patterns]]\ntype = \"{kind}\"\nregex = '{regex}'\n"


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        ("(a+)+b", "may match more than"),
        (r"\d+X", "may match more than"),
        (r"(\d{1,8}){1,8}X", "may try"),
        (r"(a|a){20}", "may try"),
        (r"[A-Z{", "is none"),
        (r"x{0,3}", "empty text"),
        (r"(?<=a{1,3})b", "is none"),
    ],
)
def test_patterns_that_are_none_or_could_be_slow_are_refused(regex: str, reason: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        parse_policy(with_pattern("CASE_NUMBER", regex), origin="my.toml")
    assert "my.toml" in str(refused.value)
    assert "CASE_NUMBER" in str(refused.value)
    assert reason in str(refused.value)


def test_a_type_that_is_built_in_or_no_word_is_refused() -> None:
    for kind in ("EMAIL", "TAG", "case", "A_1"):
        with pytest.raises(ConfigInvalid, match="masking"):
            parse_policy(with_pattern(kind, r"C-\d{6}"), origin="my.toml")


def test_a_sound_pattern_is_taken() -> None:
    assert (
        parse_policy(with_pattern("CASE_NUMBER", r"C-\d{6}"), origin="my.toml").masking.patterns[-1].type
        == "CASE_NUMBER"
    )


@pytest.mark.parametrize(
    ("profile", "text", "value"),
    [
        ("shop", "Order FW-20481937, code PAY-204", "FW-20481937"),
        ("saas", "invoice TB-2026-004711 shows TB-2004", "TB-2026-004711"),
        ("it_helpdesk", "see REQ-20417, code NL-307", "REQ-20417"),
    ],
)
def test_each_shipped_profile_masks_its_numbers_and_no_error_codes(profile: str, text: str, value: str) -> None:
    masker = open_masker(load_policy(profile).masking, CountingTagger())
    assert [one.value for one in masker.find(text)] == [value]


def test_every_profile_that_ships_masks_by_default() -> None:
    for profile in shipped_profiles():
        assert set(load_policy(profile).masking.types) == set(Masking().types)


OURS = [
    (f"{module.__name__.rsplit('.', 1)[-1]}.{name}", pattern)
    for module in (addresses, contact, encoded, identity, numbers, persons, secrets)
    for name, pattern in vars(module).items()
    if isinstance(pattern, re.Pattern)
]


@pytest.mark.parametrize(("name", "pattern"), OURS, ids=[name for name, _ in OURS])
def test_every_pattern_of_ours_reads_a_bounded_piece_or_gives_nothing_back(name: str, pattern: re.Pattern[str]) -> None:
    """So that what it can try from one place of a text does not grow with the text."""
    assert endless(parser.parse(pattern.pattern, pattern.flags)) == [], name


def endless(tree: Any) -> list[str]:
    """Repeats without an upper limit that could be gone through again."""
    found = []
    for operator, argument in tree:
        if operator in {sre.MAX_REPEAT, sre.MIN_REPEAT} and argument[1] is sre.MAXREPEAT:
            found.append(str(argument))
        for part in argument if isinstance(argument, tuple | list) else (argument,):
            for inner in part if isinstance(part, list) else (part,):
                found += endless(inner) if isinstance(inner, parser.SubPattern) else []
    return found


def test_an_endless_repeat_would_be_seen() -> None:
    assert endless(parser.parse(r"(?:a|(?=b*)c)"))
    assert not endless(parser.parse(r"(?:a|(?=b*+)c{1,9})"))


HOSTILE = [
    "@",
    "1",
    ".",
    "a.",
    "1 ",
    "a",
    "[PERSON_",
    "a@",
    "a@a.",
    "%4",
    "12:",
    "A1",
    "password: ",
    "x" * 39 + " ",
    "-eyJ",
    "1 a ",
    "GB56 HXDO ",
    "http://",
    "-----BEGIN A-----",
    "Mr. A",
    "\u200b1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_work_grows_with_the_text_and_no_faster(text: str) -> None:
    """Work is counted in calls: four times the text may take four times the calls, and a little for the edges."""
    short, long = (calls(lambda size=size: formal().session().mask((text * size)[:size])) for size in (2_500, 10_000))
    assert long <= 4.4 * short + 3_000


def calls(work: Callable[[], object]) -> int:
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("text", ["@", "1", "."])
def test_the_tagger_reads_a_hostile_text_once(text: str) -> None:
    tagger = CountingTagger()
    hostile = (text * 100_000)[:100_000]
    open_masker(Masking(), tagger).find(hostile)
    assert tagger.read == len(hostile)

"""One request: stable placeholders, a second look, and the way back."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from masking_parts import CountingTagger, formal

from appliance.egress.masking import open_masker
from appliance.masking_rules import Masking

CARD = "4111 1111 1111 1111"


def test_the_same_value_has_the_same_placeholder_in_every_text() -> None:
    session = formal("Ann", "Bob").session()
    assert session.mask("Ann wrote to bob@example.org, said Bob.") == "[PERSON_1] wrote to [EMAIL_1], said [PERSON_2]."
    assert session.mask("Bob and Ann: bob@example.org") == "[PERSON_2] and [PERSON_1]: [EMAIL_1]"
    assert session.counts == {"PERSON": 2, "EMAIL": 1}


def test_another_request_knows_nothing_of_it() -> None:
    masker = formal("Ann")
    masker.session().mask("Ann")
    session = masker.session()
    assert session.counts == {}
    assert session.restore("[PERSON_1]") == "[PERSON_1]"


def test_a_reply_is_restored_whatever_the_model_did_to_the_placeholders() -> None:
    session = formal("Ann").session()
    session.mask("Ann, FW-20481937")
    for written in (
        "[PERSON_1]",
        "[person_1]",
        "[ PERSON_1 ]",
        "PERSON_1",
        "Person_1",
        "[PERSON 1]",
        r"[PERSON\_1]",
        "**[PERSON_1]**",
    ):
        assert session.restore(f"Hi {written}!").replace("*", "") == "Hi Ann!"
    assert session.restore("[ORDER_NUMBER_1], [Order\\_Number\\_1]") == "FW-20481937, FW-20481937"


def test_placeholders_that_were_never_given_out_are_named_and_left() -> None:
    session = formal("Ann").session()
    session.mask("Ann")
    reply = "[PERSON_1], [PERSON_2], [ORDER_1], email_7"
    assert session.restore(reply) == "Ann, [PERSON_2], [ORDER_1], email_7"
    assert session.unknown(reply) == ("[PERSON_2]", "[EMAIL_7]", "[ORDER_1]")


def test_a_customer_who_writes_a_placeholder_confuses_nobody() -> None:
    session = formal("Ann").session()
    masked = session.mask("Ann says [PERSON_1], person_1 and [TAG_1]")
    assert masked == "[PERSON_1] says [TAG_1], [TAG_2] and [TAG_3]"
    assert session.restore(masked) == "Ann says [PERSON_1], person_1 and [TAG_1]"


def test_a_value_that_is_known_is_masked_wherever_it_comes_again() -> None:
    session = formal("Anna Novak").session()
    assert session.mask("Anna Novak here. NOVAK, anna and Will") == "[PERSON_1] here. [PERSON_2], [PERSON_3] and Will"
    assert session.mask("Ask anna novak", names=False) == "Ask [PERSON_4]"


def test_a_name_that_only_the_last_message_gives_away_is_masked_in_the_first() -> None:
    session = open_masker(Masking(), CountingTagger()).session()
    assert session.mask_all(["It is for Quill.", "My name is Quill"]) == [
        "It is for [PERSON_1].",
        "My name is [PERSON_1]",
    ]


@pytest.mark.parametrize(
    "left",
    ["4111-1111-1111-1111", "4111111111111111", "x4111111111111111y", "ANNA", "anna", "QW5uYSBOb3ZhayBpcyBoZXJl", "anna%2Enovak", "other@example.org", "AKIA" + "A" * 16],
)  # fmt: skip
def test_the_second_look_finds_what_is_left(left: str) -> None:
    session = formal("Anna Novak").session()
    masked = session.mask(f"Anna Novak, {CARD}")
    assert session.leftovers(masked) == ()
    assert session.leftovers(f"{masked} {left}") != ()


def test_the_second_look_is_not_fooled_by_placeholders_of_others() -> None:
    session = formal().session()
    session.mask(CARD)
    assert session.leftovers("[CARD_1]") == ()
    assert [one.value for one in session.leftovers("[CARD_1] [EMAIL_1] [CARD_4111111111111111]")] == [
        "4111111111111111"
    ]


PIECES = st.sampled_from(
    ["Ann", "ann", "Anna Novak", "[PERSON_1]", "person_1", "[", "]", "_", "\\", "PERSON", "[TAG_1]", "TAG_", "1", "4111111111111111", "4111 1111", "+49 151 23456789", "@", ".", "a@b.co",
     "ann@example.org", "FW-20481937", "GB56HXDO88167774656119", "\n", " ", "  ", "🙂", "\u200b", "\U000e0041", "é", "ß", "İ", "\ufffc", "%40", "my name is ", "password: ", "x" * 30,
     "https://a.example/?q=1234567", "::1", "127.0.0.1", "12 Long Road", "\ud800"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=120), st.lists(PIECES, max_size=25).map("".join))


@given(TEXTS)
@example("aPERSON_1")
@example("PERSON\\_1\\_2")
@example("[[PERSON_1]]")
@example("Ann[PERSON_1]Ann_1")
@example("[PERSON_4111111111111111]")
def test_masking_and_restoring_is_the_identity(text: str) -> None:
    session = formal("Ann", "Anna Novak", "é").session()
    assert session.restore(session.mask(text)) == text


@given(st.lists(TEXTS, max_size=4))
def test_nothing_is_left_after_masking(texts: list[str]) -> None:
    session = formal("Ann", "Anna Novak").session()
    masked = session.mask_all(texts)
    assert [session.leftovers(text) for text in masked] == [() for _ in texts]
    assert [session.restore(text) for text in masked] == texts


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_no_masked_number_or_address_survives(texts: list[str]) -> None:
    session = formal().session()
    masked = " ".join(re.sub(r"\[[A-Z_]+_[0-9]+\]", "\n", text) for text in session.mask_all(texts))
    for text in texts:
        for one in formal().find(text):
            if one.type in {"CARD", "EMAIL", "IBAN", "ORDER_NUMBER"} and len(one.value) > 6:
                assert one.value not in masked

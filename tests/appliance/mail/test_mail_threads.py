"""A reply lands by a signed token and a fitting sender, never by one alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from letters import letter, read

from appliance.channels.mail.loops import Ours, silence
from appliance.channels.mail.parsed import ParsedMail
from appliance.channels.mail.threads import Holder, Landing, ThreadKey, Threads, load_threads
from appliance.errors import ConfigInvalid, StorageFailed
from appliance.ticket import Trust

THREADS = Threads((ThreadKey(1, b"k" * 32),))
ONE, TWO = "0123456789abcdef0123456789abcdef", "f" * 32
ANN = "From: Ann <Ann@example.org>\nSubject: Re: x\n"
HOLDERS = {ONE: Holder(frozenset({"ann@example.org"})), TWO: Holder(frozenset({"bob@example.org"}), "dmarc")}


def landing(more: str, *, head: str = ANN, trust: Trust = "none", threads: Threads = THREADS) -> Landing:
    mail = read(letter(head=head, more=more))
    return threads.resolve(mail, trust, HOLDERS.get)


def ours(conversation: str, threads: Threads = THREADS) -> str:
    return threads.message_id(conversation, "a1", "example.com")


@pytest.mark.parametrize(
    "more",
    [
        f"In-Reply-To: <{ours(ONE)}>\n",
        f"References: <x@y.example> <{ours(ONE)}> <z@y.example>\n",
        f"In-Reply-To: <{ours(ONE).upper()}>\n",
        f"To: {THREADS.reply_address('support@example.com', ONE)}\n",
        f"To: {THREADS.reply_address('support@example.com', ONE).upper()}\n",
        f"To: x@y.example\nCc: Support <{THREADS.reply_address('support+old@example.com', ONE)}>\n",
        f"Delivered-To: {THREADS.reply_address('support@example.com', ONE)}\n",
    ],
)
def test_the_customers_reply_lands_in_its_ticket(more: str) -> None:
    assert landing(more) == Landing("reply", ONE, "thread.token")


@pytest.mark.parametrize(
    "head",
    [
        "From: mallory@evil.example\n",
        "From: mallory@evil.example\nReply-To: ann@example.org\n",
        "From: mallory@evil.example\nCc: ann@example.org\n",
        "From: mallory@evil.example\nSender: ann@example.org\n",
        '"From: "ann@example.org" <mallory@evil.example>\n'.removeprefix('"'),
        "From: ann@example.org.evil.example\n",
    ],
)
def test_a_stranger_with_a_true_token_acts_for_nobody(head: str) -> None:
    assert landing(f"In-Reply-To: <{ours(ONE)}>\n", head=head) == Landing("stranger", ONE, "thread.other_sender")


def test_who_was_known_for_sure_must_be_so_again() -> None:
    more, head = f"In-Reply-To: <{ours(TWO)}>\n", "From: bob@example.org\n"
    assert landing(more, head=head) == Landing("stranger", TWO, "thread.unproven")
    assert landing(more, head=head, trust="relay").kind == "reply"
    assert landing(more, head=head, trust="dmarc").kind == "reply"


def test_a_forged_or_foreign_token_does_not_land() -> None:
    theirs = Threads((ThreadKey(1, b"x" * 32),))
    for more in (
        f"In-Reply-To: <{ours(ONE, theirs)}>\n",
        f"In-Reply-To: <t.{'a' * 44}.1@example.com>\n",
        f"In-Reply-To: <{ONE}@example.com>\n",
        f"To: support+{ONE}@example.com\n",
        "In-Reply-To: <anything@example.com>\n",
        "",
    ):
        assert landing(more) == Landing("new", rule="thread.none")


def test_a_conversation_that_is_gone_is_nobodys() -> None:
    assert landing(f"In-Reply-To: <{ours('a' * 32)}>\n") == Landing("new", rule="thread.none")


def test_of_two_tokens_the_one_counts_whose_customer_writes() -> None:
    more = f"In-Reply-To: <{ours(TWO)}>\nReferences: <{ours(ONE)}>\n"
    assert landing(more) == Landing("reply", ONE, "thread.token")
    assert landing(more, head="From: mallory@evil.example\n") == Landing("stranger", TWO, "thread.other_sender")


def test_a_mail_without_one_sender_acts_for_nobody() -> None:
    assert landing(f"In-Reply-To: <{ours(ONE)}>\n", head="From: ann@example.org, x@evil.example\n").kind == "stranger"


def test_old_keys_are_read_and_the_new_one_signs() -> None:
    both = Threads((ThreadKey(2, b"n" * 32), ThreadKey(1, b"k" * 32)))
    assert both.conversation(THREADS.token(ONE)) == ONE
    assert THREADS.conversation(both.token(ONE)) == ""
    assert both.conversation(both.token(ONE)) == ONE


def test_our_own_mail_is_known_by_its_id() -> None:
    known = Ours(frozenset({"support@example.com"}), "box", THREADS.wrote)
    mail = read(letter(head=f"From: ann@example.org\nTo: support@example.com\nMessage-ID: <{ours(ONE)}>\n"))
    assert silence(mail, known) == "loop.own_id"
    assert not THREADS.wrote(f"t.{'a' * 44}.1@example.com")


@given(st.binary(min_size=16, max_size=16), st.integers(0, 43), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_token_names_its_conversation_and_no_changed_one_does(named: bytes, place: int, sign: str) -> None:
    token = THREADS.token(named.hex())
    assert len(token) == 44
    assert THREADS.conversation(token) == THREADS.conversation(token.upper()) == named.hex()
    changed = token[:place] + sign + token[place + 1 :]
    assert (THREADS.conversation(changed) == named.hex()) == (changed == token)


def test_a_token_has_one_spelling_in_either_case() -> None:
    token = THREADS.token(ONE)
    ends = [token[:-1] + sign for sign in "abcdefghijklmnopqrstuvwxyz234567"]
    assert [one for one in ends if THREADS.conversation(one)] == [token]


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader_of_tokens(text: str) -> None:
    assert THREADS.conversation(text) == ""
    assert THREADS.conversations(ParsedMail(ok=False, in_reply_to=(text,))) == ()


def test_only_our_own_ids_become_tokens() -> None:
    for wrong in ("", "g" * 32, ONE.upper(), ONE + "0"):
        with pytest.raises(ValueError, match="32 hexadecimal"):
            THREADS.token(wrong)


def test_an_address_that_would_grow_too_long_stays_as_it_is() -> None:
    assert THREADS.reply_address(f"{'x' * 30}@example.com", ONE) == f"{'x' * 30}@example.com"


def test_the_key_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = load_threads(data)
    file = data / "mail.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_threads(data).conversation(first.token(ONE)) == ONE
    assert [path.name for path in data.iterdir()] == ["mail.key"]


def test_a_damaged_key_file_is_told_and_kept(tmp_path: Path) -> None:
    for text in ("", "1 abc\n", f"300 {'a' * 64}\n", f"1 {'a' * 64}\n1 {'b' * 64}\n", "\n", "x"):
        (tmp_path / "mail.key").write_text(text)
        with pytest.raises(ConfigInvalid):
            load_threads(tmp_path)
        assert (tmp_path / "mail.key").read_text() == text


def test_a_key_that_cannot_be_kept_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(StorageFailed):
        load_threads(tmp_path / "data")

"""Who a mail is from counts only as our own servers state it; whatever the sender writes into the mail changes nothing."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from letters import HEAD, letter, read

from appliance.channels.mail.results import authentication_results
from appliance.channels.mail.trust import delivering_address, trust_of
from appliance.mail_settings import TrustRules

RULES = TrustRules(
    authserv_ids=("mx.example.com",), relays=("10.0.0.0/8", "fd00::/8"), internal_domains=("corp.example.com",)
)
PASS = "Authentication-Results: mx.example.com; dmarc=pass (p=reject) header.from=example.org\n"
FAIL = "Authentication-Results: mx.example.com; dmarc=fail header.from=example.org\n"
OURS = "Received: from mail.example.org (mail.example.org [203.0.113.9]) by mx.example.com with ESMTPS id 1; Fri, 1 May 2026 10:00:00 +0000\n"
THEIRS = (
    "Received: from laptop (laptop [192.0.2.7]) by mail.example.org with ESMTPSA id 2; Fri, 1 May 2026 09:59:59 +0000\n"
)


def rule(above: str, *, head: str = HEAD, rules: TrustRules = RULES) -> str:
    found = trust_of(read(letter(head=above + head)), rules)
    assert (found.trust == "none") == (found.rule not in {"trust.dmarc", "trust.relay"})
    return found.rule


@pytest.mark.parametrize(
    "above",
    [
        PASS,
        PASS + OURS,
        OURS + PASS + THEIRS,
        "Authentication-Results: mx.example.com;\n\tspf=pass smtp.mailfrom=example.org;\n\tdkim=pass header.d=example.org;\n\tdmarc=pass action=none header.from=Example.ORG\n",
        "Authentication-Results: mx.example.com 1; dmarc=pass header.from=example.org\n",
        'Authentication-Results: "mx.example.com"; dmarc = pass (a (nested) comment; dmarc=fail) header . from = "example.org"\n',
        'Authentication-Results: MX.Example.COM; dmarc/1=pass reason="fine; dmarc=fail" header.from=example.org policy.dmarc=none\n',
        "Authentication-Results: other.example; dmarc=fail header.from=example.org\n" + PASS,
        "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=a@example.org\n" + PASS,
    ],
)
def test_an_aligned_pass_of_our_own_server_counts(above: str) -> None:
    assert rule(above) == "trust.dmarc"


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ("", "trust.dmarc_absent"),
        (FAIL, "trust.dmarc_failed"),
        (FAIL + PASS, "trust.dmarc_failed"),
        (PASS + FAIL, "trust.dmarc_failed"),
        (OURS + THEIRS + PASS, "trust.dmarc_absent"),  # a forged header deeper in the mail
        (FAIL + OURS + PASS, "trust.dmarc_failed"),
        (FAIL + "X-Spam: no\n" + PASS, "trust.dmarc_failed"),
        ("Authentication-Results: mx.example.com; spf=fail\n" + OURS + PASS, "trust.dmarc_absent"),
        (PASS.replace("mx.example.com", "mx.example.com.evil.example"), "trust.dmarc_absent"),
        (PASS.replace("mx.example.com", "evil.example"), "trust.dmarc_absent"),
        (PASS.replace("Authentication-Results", "ARC-Authentication-Results"), "trust.dmarc_absent"),
        (PASS.replace("mx.example.com", "mx.example.com 2"), "trust.dmarc_absent"),
        (PASS.replace("example.org", "evil.example"), "trust.dmarc_other"),
        (PASS.replace("example.org", "sub.example.org"), "trust.dmarc_other"),
        (PASS.replace(" header.from=example.org", ""), "trust.dmarc_other"),
        (PASS.replace("\n", " header.from=evil.example\n"), "trust.dmarc_other"),
        (
            "Authentication-Results: mx.example.com; spf=pass (dmarc=pass header.from=example.org)\n",
            "trust.dmarc_absent",
        ),
        (
            'Authentication-Results: mx.example.com; spf=fail smtp.mailfrom="x; dmarc=pass header.from=example.org"\n',
            "trust.dmarc_absent",
        ),
        (
            "Authentication-Results: mx.example.com; spf=fail smtp.helo=x; dmarc=pass header.from=example.org; dmarc=fail header.from=example.org\n",
            "trust.dmarc_failed",
        ),
        (
            "Authentication-Results: mx.example.com; spf=fail (unclosed; dmarc=pass header.from=example.org\n",
            "trust.dmarc_absent",
        ),
        (
            'Authentication-Results: mx.example.com; spf=fail reason="unclosed; dmarc=pass header.from=example.org\n',
            "trust.dmarc_absent",
        ),
        (
            "Authentication-Results: (mx.example.com;) evil.example; dmarc=pass header.from=example.org\n",
            "trust.dmarc_absent",
        ),
        ("Authentication-Results: mx.example.com; xdmarc=pass header.from=example.org\n", "trust.dmarc_absent"),
        ("Authentication-Results: mx.example.com; dmarc=passing header.from=example.org\n", "trust.dmarc_failed"),
        ("Authentication-Results: mx.example.com; none\n", "trust.dmarc_absent"),
        ("Authentication-Results:\n", "trust.dmarc_absent"),
        (PASS.replace("; dmarc", "; dmarc" + "; spf=none" * 600 + "; dmarc"), "trust.dmarc_absent"),
    ],
)
def test_everything_else_does_not(above: str, expected: str) -> None:
    assert rule(above) == expected


def test_nothing_counts_before_it_is_set_up() -> None:
    assert rule(PASS, rules=TrustRules()) == "trust.not_set_up"


def test_a_mail_without_one_sender_is_nobodys() -> None:
    assert rule(PASS, head="From: a@example.org, b@example.org\n") == "trust.no_sender"


def test_as_many_hops_as_our_servers_write_may_lie_above() -> None:
    delivered = "Received: from mx.example.com (mx.example.com [10.0.0.2]) by imap.example.com with LMTP id 9; Fri, 1 May 2026 10:00:01 +0000\n"
    above = delivered + OURS + PASS + THEIRS
    assert rule(above) == "trust.dmarc_absent"
    assert rule(above, rules=RULES.model_copy(update={"hops": 2})) == "trust.dmarc"


INTERNAL = "From: Bob <bob@corp.example.com>\nTo: support@example.com\n"
PATH = "Return-Path: <bob@corp.example.com>\n"
RELAYED = "Received: from exchange (exchange.corp.example.com [10.1.2.3]) by mx.example.com with ESMTP id 3; Fri, 1 May 2026 10:00:00 +0000\n"


def test_our_own_relay_vouches_for_our_own_domain() -> None:
    assert rule(PATH + RELAYED, head=INTERNAL) == "trust.relay"
    assert rule(PATH + RELAYED.replace("[10.1.2.3]", "[IPv6:fd00::1]"), head=INTERNAL) == "trust.relay"


@pytest.mark.parametrize(
    ("above", "head"),
    [
        (PATH + RELAYED, HEAD),  # somebody else's domain through our relay
        (RELAYED, INTERNAL),
        ("Return-Path: <x@example.org>\n" + RELAYED, INTERNAL),
        ("Return-Path: <>\n" + RELAYED, INTERNAL),
        (PATH + OURS, INTERNAL),
        (PATH + OURS + RELAYED, INTERNAL),  # a forged hop below ours
        (PATH, INTERNAL),
        (PATH + OURS.replace("from mail.example.org", "from [10.1.2.3]"), INTERNAL),
    ],
)
def test_nobody_else_is_vouched_for(above: str, head: str) -> None:
    assert rule(above, head=head) == "trust.dmarc_absent"


@pytest.mark.parametrize(
    ("received", "address"),
    [
        ("from a (b [10.0.0.1]) by c with ESMTP; x", "10.0.0.1"),
        ("from a ([10.0.0.1]) by c", "10.0.0.1"),
        ("from a ([10.0.0.1] helo=x) by c", "10.0.0.1"),
        ("from SRV (10.0.0.5) by EX02", "10.0.0.5"),
        ("from a (b [IPv6:fd00::1]) (Authenticated sender: x) by c", "fd00::1"),
        ("from [10.0.0.1] (unknown [203.0.113.9]) by c", "203.0.113.9"),
        ("from [203.0.113.9] (helo=[10.0.0.1]) by c", ""),
        ("from x ([10.0.0.1]) by y (unknown [203.0.113.9]) by c", ""),
        ("from x ([10.0.0.1]) (unknown [203.0.113.9]) by c", ""),
        ("from x (a (b [10.0.0.1]) [203.0.113.9]) by c", ""),
        ("from x y (b [10.0.0.1]) by c", ""),
        ("from x ([999.0.0.1]) by c", ""),
        ("by c (b [10.0.0.1])", ""),
        ("", ""),
    ],
)
def test_the_address_that_handed_it_in_is_the_one_that_the_server_saw(received: str, address: str) -> None:
    assert delivering_address(received) == (ip_address(address) if address else None)


WORDS = st.text(st.sampled_from('abc .;=()"\\/dmarc=pass\t'), max_size=60)


@given(WORDS)
def test_no_header_breaks_the_reader(value: str) -> None:
    authentication_results(value)
    delivering_address(value)


@given(WORDS)
def test_no_words_in_a_comment_or_a_quoted_string_become_a_result(words: str) -> None:
    inside = words.replace("\\", "").replace("(", "").replace(")", "").replace('"', "")
    for written in (f"({inside})", f'reason="{inside}"'):
        found = authentication_results(f"mx.example.com; spf=fail {written} smtp.helo=x")
        assert found is not None
        assert [one.method for one in found.results] == ["spf"]

"""How surely a mail is from whom it says, decided once, by what our own servers wrote on it (never by what the mail says of itself).

``dmarc``: our own mail server states an aligned DMARC pass. ``relay``: an internal server of ours handed it in, for one of our own domains.
Everything else is ``none``. ``session`` is never given to a mail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from appliance.channels.mail.parsed import LONGEST_TRACED, ParsedMail
from appliance.channels.mail.results import Result, authentication_results
from appliance.mail_settings import TrustRules
from appliance.ticket import Trust

_FROM_CLAUSE = re.compile(r"\s*from\s+[^\s()]{1,300}\s+((?:\([^()]{0,500}\)\s*){1,4})by\s", re.I)
_BY = re.compile(r"\sby\s", re.I)
_SAID = re.compile(r"\b(?:helo|ident|ehlo)\s*=\s*\S+", re.I)
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]|\(\s*([0-9A-Fa-f:.]{2,45})\s*\)", re.I)


@dataclass(frozen=True, slots=True)
class SenderTrust:
    """``rule`` is stable; ``reason`` says it in words, for agents."""

    trust: Trust
    rule: str
    reason: str


def trust_of(mail: ParsedMail, rules: TrustRules) -> SenderTrust:
    """Never raises; in doubt ``none``."""
    if mail.sender is None:
        return SenderTrust("none", "trust.no_sender", "The mail does not have exactly one sender.")
    stated = _dmarc(mail, rules, mail.sender.domain)
    if stated.trust == "dmarc":
        return stated
    relayed = _relay(mail, rules, mail.sender.domain)
    return relayed if relayed.trust == "relay" else stated


def _dmarc(mail: ParsedMail, rules: TrustRules, domain: str) -> SenderTrust:
    if not rules.authserv_ids:
        return SenderTrust(
            "none", "trust.not_set_up", "No mail server's Authentication-Results are configured to count."
        )
    verdicts = _own_verdicts(mail, rules)
    if not verdicts:
        return SenderTrust("none", "trust.dmarc_absent", "Our mail server states no DMARC result.")
    if any(one.result != "pass" for one in verdicts):
        return SenderTrust("none", "trust.dmarc_failed", f"Our mail server states dmarc={verdicts[0].result}.")
    if any((one.properties.get("header.from") or "").lower().rstrip(".") != domain for one in verdicts):
        return SenderTrust("none", "trust.dmarc_other", "The DMARC pass is about another domain than the sender's.")
    return SenderTrust("dmarc", "trust.dmarc", f"Our mail server states an aligned DMARC pass for {domain}.")


def _own_verdicts(mail: ParsedMail, rules: TrustRules) -> list[Result]:
    """DMARC results of the topmost run of our own headers, above what foreign servers wrote.

    A header of our own name below the run, or below more Received lines than our servers write, is the sender's forgery.
    """
    verdicts: list[Result] = []
    received = 0
    begun = False
    for name, value in mail.trace:
        received += name == "received"
        if (begun and name != "authentication-results") or received > rules.hops:
            break
        if name != "authentication-results":
            continue
        results = authentication_results(value) if len(value) < LONGEST_TRACED else None
        if results and results.authserv_id in rules.authserv_ids:
            begun = True
            verdicts += [one for one in results.results if one.method == "dmarc"]
        elif begun:
            break
    return verdicts


def _relay(mail: ParsedMail, rules: TrustRules, domain: str) -> SenderTrust:
    hops = [value for name, value in mail.trace if name == "received"]
    nobody = SenderTrust("none", "trust.no_relay", "No internal relay of ours handed it in.")
    if not rules.relays or domain not in rules.internal_domains or len(hops) < rules.hops:
        return nobody
    if (mail.return_path or "").rpartition("@")[2] not in rules.internal_domains:
        return nobody
    peer = delivering_address(hops[rules.hops - 1])
    if peer is None or not any(peer in ip_network(network) for network in rules.relays):
        return nobody
    return SenderTrust("relay", "trust.relay", f"Our internal relay {peer} handed it in for {domain}.")


def delivering_address(received: str) -> IPv4Address | IPv6Address | None:
    """The address that the server saw, out of the comment that it wrote itself; the name before it is the sender's word.

    None for a form that could be read in two ways: more than one address, a second ``by``, comments within comments.
    """
    clause = _FROM_CLAUSE.match(received)
    if not clause or len(_BY.findall(received.partition(";")[0])) != 1 or len(received) >= LONGEST_TRACED:
        return None
    found = ["".join(one) for one in _LITERAL.findall(_SAID.sub("", clause[1]))]
    try:
        return ip_address(found[0]) if len(found) == 1 else None
    except ValueError:
        return None

"""Station 8: the reply that leaves, or the hand-over with its note."""

from __future__ import annotations

from dataclasses import replace

from appliance.line.note import handoff_note
from appliance.policy import Policy
from appliance.ticket import (
    Case,
    Citation,
    Classified,
    Closed,
    Decision,
    Grounded,
    Outcome,
    Reply,
    Routed,
    Spoken,
    Ticket,
)
from appliance.translations import language_name
from models.roles import Vector

_IN_TRANSLATION = frozenset(("not_in_language", "thanks", "greeting"))
"""Replies that a translation has by their own name; for every other one it says that a person takes over."""


def answered(policy: Policy, case: Case, grounded: Grounded) -> Closed:
    """An answer: the sentences that passed, and where to read more."""
    text = " ".join(sentence.text.strip() for sentence in grounded.sentences)
    more = more_in(policy, grounded.citations, case.classified.language)
    reply = _reply(case, "answered", f"{text}\n\n{more}" if more else text, grounded.decision)
    return _closed(case, replace(reply, citations=grounded.citations))


def without_attempt(policy: Policy, case: Case) -> Closed:
    """What the route decided: a courtesy, silence, or a hand-over."""
    decision = case.routed.decision
    if decision.rule == "route.courtesy":
        return _closed(case, _said(policy, case, "answered", case.routed.reply, decision))
    if decision.rule == "route.person_has_it":
        return _closed(case, _reply(case, "handed_over", "", decision))
    return _hand_over(policy, case, decision, case.routed.reply)


def not_covered(policy: Policy, case: Case, decision: Decision) -> Closed:
    """No article answers: say so. A foreign question is declined once, and read by a person when the customer insists; any other is a gap."""
    if not case.routed.doubtful:
        return _hand_over(policy, case, decision, "not_covered", gap=case.classified.question)
    spoken = case.classified.language
    if case.ticket.history or case.classified.names_person or spoken.foreign:
        return _hand_over(policy, case, case.routed.decision, "unsure")
    if spoken.guess:
        decision = Decision("language", "language.unsure", _perhaps(spoken))
        return _hand_over(policy, replace(case, decisions=(*case.decisions, decision)), decision, "unsure")
    return _closed(case, _said(policy, case, "refused", "out_of_scope", case.routed.decision))


def _perhaps(spoken: Spoken) -> str:
    likely = language_name(spoken.guess)
    return f"The question looks foreign to this desk, but it may be in {likely}, which the models do not read well: nobody is refused for their language."


UNFINISHED = {"line.deadline": "overloaded", "draft.no_rung": "handed_over"}
"""Rules that say nothing of the articles, only that no draft came about -> what the customer reads."""


def unfinished(policy: Policy, case: Case, decision: Decision) -> Closed:
    """No draft came about in time, or nobody could write one: a person takes it, and no gap is logged, since the articles may well answer."""
    return _hand_over(policy, case, decision, UNFINISHED[decision.rule])


def failed(policy: Policy, ticket: Ticket, decision: Decision, vector: Vector) -> Closed:
    """The line could not go on (overload, a fault): a person gets the ticket, and the customer is told so. ``vector`` is an empty one."""
    unknown = Classified(
        question=ticket.message.text,
        vector=vector,
        intent="",
        confidence=0.0,
        urgency="normal",
        urgency_evidence="not assessed",
        out_of_scope=0.0,
        wants_person=False,
    )
    case = Case(ticket, unknown, Routed(attempt=False, decision=decision), confidence=0.0, decisions=(decision,))
    if ticket.status == "handed_over":  # a person has it and reads this message too: nobody is told a second time
        return _closed(case, _reply(case, "handed_over", "", decision))
    return _hand_over(policy, case, decision, UNFINISHED.get(decision.rule, "handed_over"))


def say(policy: Policy, name: str, spoken: Spoken) -> tuple[str, str]:
    """(one of the profile's replies, its language): in the customer's language where we have the words."""
    words = policy.translation(spoken.code) if spoken.foreign else None
    text = getattr(words, name if name in _IN_TRANSLATION else "handed_over") if words else ""
    return (text, spoken.code) if text else (str(getattr(policy.replies, name)), policy.home)


def more_in(policy: Policy, citations: tuple[Citation, ...], spoken: Spoken) -> str:
    """The link of the first article that is cited and has an address."""
    linked = next((citation for citation in citations if citation.url), None)
    if linked is None:
        return ""
    words = policy.translation(spoken.code) if spoken.foreign else None
    line = (words.more_in if words else "") or policy.replies.more_in
    return line.replace("{title}", linked.title).replace("{url}", linked.url)


def _hand_over(policy: Policy, case: Case, decision: Decision, said: str, *, gap: str = "") -> Closed:
    reply = _said(policy, case, "handed_over", said, decision)
    return replace(_closed(case, reply), note=handoff_note(policy, case, decision), gap=gap)


def _closed(case: Case, reply: Reply) -> Closed:
    verdicts = case.grounded.verdicts if case.grounded else ()
    return Closed(reply=reply, decisions=case.decisions, verdicts=verdicts, draft=case.drafted)


def _said(policy: Policy, case: Case, outcome: Outcome, name: str, decision: Decision) -> Reply:
    text, code = say(policy, name, case.classified.language)
    return replace(_reply(case, outcome, text, decision), language=code)


def _reply(case: Case, outcome: Outcome, text: str, decision: Decision) -> Reply:
    return Reply(
        message_id=case.ticket.message.id,
        outcome=outcome,
        text=text,
        citations=(),
        intent=case.classified.intent,
        urgency=case.classified.urgency,
        confidence=round(case.confidence, 4),
        rule=decision.rule,
        reason=decision.reason,
        language=case.classified.language.code,
    )

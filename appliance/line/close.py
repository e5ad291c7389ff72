"""Station 8: the reply that leaves, or the hand-over with its note."""

from __future__ import annotations

from dataclasses import replace

from appliance.line.note import handoff_note
from appliance.policy import Policy
from appliance.ticket import Case, Citation, Classified, Closed, Decision, Grounded, Outcome, Reply, Routed, Ticket
from models.roles import Vector


def answered(policy: Policy, case: Case, grounded: Grounded) -> Closed:
    """An answer: the sentences that passed, and where to read more."""
    text = " ".join(sentence.text.strip() for sentence in grounded.sentences)
    more = more_in(policy, grounded.citations)
    reply = _reply(case, "answered", f"{text}\n\n{more}" if more else text, grounded.decision)
    return _closed(case, replace(reply, citations=grounded.citations))


def without_attempt(policy: Policy, case: Case) -> Closed:
    """What the route decided: a courtesy, silence, or a hand-over."""
    decision = case.routed.decision
    if decision.rule == "route.courtesy":
        return _closed(case, _reply(case, "answered", say(policy, case.routed.reply), decision))
    if decision.rule == "route.person_has_it":
        return _closed(case, _reply(case, "handed_over", "", decision))
    return _hand_over(policy, case, decision, case.routed.reply)


def not_covered(policy: Policy, case: Case, decision: Decision) -> Closed:
    """No article answers: say so. A foreign question is declined once, and read by a person when the customer insists; any other is a gap."""
    if not case.routed.doubtful:
        return _hand_over(policy, case, decision, "not_covered", gap=case.classified.question)
    if case.ticket.history or case.classified.names_person:
        return _hand_over(policy, case, case.routed.decision, "unsure")
    return _closed(case, _reply(case, "refused", say(policy, "out_of_scope"), case.routed.decision))


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
    return _hand_over(policy, case, decision, "handed_over")


def say(policy: Policy, name: str) -> str:
    """One of the profile's replies."""
    return str(getattr(policy.replies, name))


def more_in(policy: Policy, citations: tuple[Citation, ...]) -> str:
    """The link of the first article that is cited and has an address."""
    linked = next((citation for citation in citations if citation.url), None)
    if linked is None:
        return ""
    return policy.replies.more_in.replace("{title}", linked.title).replace("{url}", linked.url)


def _hand_over(policy: Policy, case: Case, decision: Decision, said: str, *, gap: str = "") -> Closed:
    reply = _reply(case, "handed_over", say(policy, said), decision)
    return replace(_closed(case, reply), note=handoff_note(policy, case, decision), gap=gap)


def _closed(case: Case, reply: Reply) -> Closed:
    verdicts = case.grounded.verdicts if case.grounded else ()
    return Closed(reply=reply, decisions=case.decisions, verdicts=verdicts, draft=case.drafted)


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
    )

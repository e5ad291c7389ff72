"""Station 3: attempt an answer, or give the ticket to a person. The rules stand in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable

from appliance.policy import Policy
from appliance.ticket import SUSPECTED, Classified, Decision, Identified, Routed, Ticket

Rule = Callable[[Policy, Ticket, Identified, Classified], Routed | None]


def route(policy: Policy, ticket: Ticket, identified: Identified, classified: Classified) -> Routed:
    """The first rule that speaks decides."""
    for rule in RULES:
        routed = rule(policy, ticket, identified, classified)
        if routed is not None:
            return routed
    return _attempt(policy, identified, classified)


def confidence(policy: Policy, identified: Identified, classified: Classified) -> float:
    """Probability that the ticket is of a kind we may attempt at the threshold of its intent.

    A ticket that may be either of two harmless kinds is not uncertain in the way that matters: both are answered from the same knowledge base.
    Probability on kinds that a person always handles, or that ask for more confidence, does not count. What asks for more is said by the profile alone:
    learnt thresholds were learnt with this number, so it must not depend on them.
    """
    if not classified.ranking:
        return classified.confidence
    threshold = policy.declared(classified.intent, identified.tier)
    return sum(
        probability
        for name, probability in classified.ranking
        if not policy.always_person(name, identified.tier) and policy.declared(name, identified.tier) <= threshold
    )


def _person_has_it(_policy: Policy, ticket: Ticket, _identified: Identified, _classified: Classified) -> Routed | None:
    if ticket.status != "handed_over":
        return None
    return _hand_over("route.person_has_it", "A person has this conversation; the assistant stays silent.", reply="")


def _suspected(_policy: Policy, ticket: Ticket, _identified: Identified, _classified: Classified) -> Routed | None:
    if not ticket.suspicion:
        return None
    reason = f"The message looks like spam ({ticket.suspicion.replace('_', ' ')}); a person decides, and no mail leaves before that."
    return _hand_over(SUSPECTED, reason, reply="handed_over")


def _asked_for_person(
    _policy: Policy, _ticket: Ticket, _identified: Identified, classified: Classified
) -> Routed | None:
    if not classified.wants_person:
        return None
    return _hand_over("route.asked_for_person", "The customer asked for a person.", reply="asked_for_person")


def _courtesy(_policy: Policy, _ticket: Ticket, _identified: Identified, classified: Classified) -> Routed | None:
    if not classified.courtesy:
        return None
    return Routed(
        False,
        Decision("route", "route.courtesy", f"The message is a courtesy ({classified.courtesy}) and asks nothing."),
        classified.courtesy,
    )


def _language(_policy: Policy, _ticket: Ticket, _identified: Identified, classified: Classified) -> Routed | None:
    """Before every rule that goes by the classifier, which may not have read the message at all."""
    spoken = classified.language
    if not spoken.rule:
        return None
    return _hand_over(spoken.rule, spoken.reason, reply="not_in_language")


def _always_escalate(policy: Policy, _ticket: Ticket, _identified: Identified, classified: Classified) -> Routed | None:
    intent = policy.intent(classified.intent)
    if not intent.always_escalate:
        return None
    return _hand_over(
        "route.always_escalate",
        f"A person always handles {intent.title!r} (classifier {classified.confidence:.2f}).",
        reply="always_escalate",
    )


def _mixed(policy: Policy, _ticket: Ticket, identified: Identified, classified: Classified) -> Routed | None:
    for name, sure in classified.parts:
        if sure >= policy.thresholds.part and policy.always_person(name, identified.tier):
            reason = f"A part of the message is about {policy.intent(name).title!r} ({sure:.2f}), which a person always handles."
            return _hand_over("route.mixed", reason, reply="always_escalate")
    return None


def _tier_override(policy: Policy, _ticket: Ticket, identified: Identified, classified: Classified) -> Routed | None:
    if classified.intent not in policy.tier(identified.tier).always_escalate:
        return None
    title = policy.intent(classified.intent).title
    return _hand_over(
        "route.tier_override",
        f"For customers of tier {identified.tier} a person handles {title!r}.",
        reply="always_escalate",
    )


def _not_automated(policy: Policy, _ticket: Ticket, identified: Identified, classified: Classified) -> Routed | None:
    refusal = policy.refusal(classified.intent, identified.tier)
    if refusal is None or policy.learned is None:
        return None
    title, budget = policy.intent(classified.intent).title, policy.learned.budget
    reason = (
        f"{title!r} is not automated: {refusal.unsafe} of {refusal.handled} held-out rows were unsafe, "
        f"which does not prove the risk budget of {budget:.0%}; at least {refusal.missing} more rows are needed."
    )
    return _hand_over("route.not_automated", reason, reply="handed_over")


def _out_of_scope(policy: Policy, _ticket: Ticket, identified: Identified, classified: Classified) -> Routed | None:
    if classified.out_of_scope < policy.thresholds.out_of_scope:
        return None
    sensitive = sum(chance for name, chance in classified.ranking if policy.always_person(name, identified.tier))
    if sensitive > 1 - policy.thresholds.confidence:
        return None  # foreign or not, it may be about something that only a person handles: the confidence rule decides
    reason = f"The question looks foreign to this desk (score {classified.out_of_scope:.2f}, limit {policy.thresholds.out_of_scope}); only an article that clearly answers it changes that."
    return Routed(True, Decision("route", "route.out_of_scope", reason), "out_of_scope", doubtful=True)


def _low_confidence(policy: Policy, _ticket: Ticket, identified: Identified, classified: Classified) -> Routed | None:
    sure, threshold = confidence(policy, identified, classified), policy.threshold(classified.intent, identified.tier)
    if sure >= threshold:
        return None
    return _hand_over(
        "route.low_confidence",
        f"Confidence {sure:.2f} is below the threshold {threshold:.2f} ({classified.intent}, tier {identified.tier}).",
        reply="unsure",
    )


def _attempt(policy: Policy, identified: Identified, classified: Classified) -> Routed:
    threshold = policy.threshold(classified.intent, identified.tier)
    sure = confidence(policy, identified, classified)
    return Routed(
        True,
        Decision(
            "route",
            "route.attempt",
            f"{policy.intent(classified.intent).title}: confidence {sure:.2f}, threshold {threshold:.2f}.",
        ),
    )


def _hand_over(rule: str, reason: str, *, reply: str) -> Routed:
    return Routed(False, Decision("route", rule, reason), reply)


RULES: tuple[Rule, ...] = (
    _person_has_it,
    _suspected,
    _asked_for_person,
    _courtesy,
    _language,
    _always_escalate,
    _tier_override,
    _mixed,
    _not_automated,
    _out_of_scope,
    _low_confidence,
)

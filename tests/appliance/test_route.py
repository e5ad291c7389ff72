"""Every rule of the route, their order, and the numbers that they are held against."""

from __future__ import annotations

import pytest
from line_parts import POLICY, classified, ticket

from appliance.errors import ConfigInvalid
from appliance.line.route import confidence, route
from appliance.policy import Policy, load_policy
from appliance.ticket import Classified, Identified, Routed, Ticket, Tier

FREE = Identified()


def routed(found: Classified, *, tier: Tier = "free", policy: Policy = POLICY, of: Ticket | None = None) -> Routed:
    return route(policy, of or ticket(), Identified(tier=tier), found)


def test_a_sure_question_is_attempted() -> None:
    decided = routed(classified())
    assert (decided.attempt, decided.decision.rule, decided.doubtful) == (True, "route.attempt", False)
    assert "0.95" in decided.decision.reason
    assert "0.70" in decided.decision.reason


@pytest.mark.parametrize(
    ("found", "rule", "reply"),
    [
        (classified(wants_person=True), "route.asked_for_person", "asked_for_person"),
        (classified(courtesy="thanks"), "route.courtesy", "thanks"),
        (classified(courtesy="greeting"), "route.courtesy", "greeting"),
        (classified("billing_dispute"), "route.always_escalate", "always_escalate"),
        (classified("account_security", 0.2), "route.always_escalate", "always_escalate"),
        (classified(parts=(("how_to", 0.9), ("billing_dispute", 0.6))), "route.mixed", "always_escalate"),
        (
            classified(out_of_scope=0.9, ranking=(("how_to", 0.6), ("billing_dispute", 0.4))),
            "route.low_confidence",
            "unsure",
        ),
        (classified(confidence=0.69), "route.low_confidence", "unsure"),
        (classified("login_access", 0.74), "route.low_confidence", "unsure"),
        (classified("data_privacy", 0.79), "route.low_confidence", "unsure"),
    ],
)
def test_what_is_not_attempted_says_why_and_what_the_customer_reads(found: Classified, rule: str, reply: str) -> None:
    decided = routed(found)
    assert (decided.attempt, decided.decision.rule, decided.reply) == (False, rule, reply)
    assert decided.decision.reason


def test_the_threshold_itself_is_enough() -> None:
    assert routed(classified(confidence=0.7)).attempt
    assert routed(classified("login_access", 0.75)).attempt


def test_a_conversation_that_a_person_has_stays_silent() -> None:
    decided = routed(classified(wants_person=True), of=ticket(status="handed_over"))
    assert (decided.attempt, decided.decision.rule, decided.reply) == (False, "route.person_has_it", "")


def test_what_looks_like_spam_is_a_persons_whatever_it_says() -> None:
    for found in (classified(), classified(wants_person=True), classified(courtesy="thanks")):
        decided = routed(found, of=ticket(suspicion="links_only"))
        assert (decided.attempt, decided.decision.rule, decided.reply) == (False, "route.suspected_spam", "handed_over")
        assert "links only" in decided.decision.reason


def test_a_foreign_question_is_attempted_with_doubt() -> None:
    decided = routed(classified(out_of_scope=0.5))
    assert (decided.attempt, decided.doubtful, decided.decision.rule, decided.reply) == (
        True,
        True,
        "route.out_of_scope",
        "out_of_scope",
    )
    assert not routed(classified(out_of_scope=0.49)).doubtful


ORDER = [
    ("route.person_has_it", {}),
    ("route.asked_for_person", {"wants_person": True}),
    ("route.courtesy", {"courtesy": "thanks"}),
    ("route.always_escalate", {"intent": "account_security"}),
    ("route.tier_override", {"intent": "technical_problem"}),
    ("route.mixed", {"parts": (("account_security", 0.9),)}),
    ("route.out_of_scope", {"out_of_scope": 0.9}),
    ("route.low_confidence", {"confidence": 0.1}),
]


@pytest.mark.parametrize("place", range(len(ORDER)))
def test_the_rules_are_asked_in_order(place: int) -> None:
    """Whatever holds further down, the first rule that holds decides."""
    signs: dict[str, object] = {}
    for _, more in reversed(ORDER[place:]):
        signs |= more
    found = classified(str(signs.pop("intent", "billing_question")), float(str(signs.pop("confidence", 0.95))), **signs)
    status = "handed_over" if place == 0 else "open"
    assert routed(found, tier="enterprise", of=ticket(status=status)).decision.rule == ORDER[place][0]


def test_what_a_person_always_handles_is_no_favour_of_a_tier() -> None:
    tiers = tuple(rule.model_copy(update={"always_escalate": ("account_security",)}) for rule in POLICY.tiers)
    policy = POLICY.model_copy(update={"tiers": tiers})
    assert (
        routed(classified("account_security"), tier="enterprise", policy=policy).decision.rule
        == "route.always_escalate"
    )


def test_a_tier_may_be_promised_a_person() -> None:
    found = classified("technical_problem", 0.99)
    assert routed(found, tier="paid").attempt
    assert routed(found, tier="enterprise").decision.rule == "route.tier_override"


def test_the_strictest_threshold_counts() -> None:
    found = classified(confidence=0.75)
    assert routed(found, tier="free").attempt
    assert routed(found, tier="enterprise").decision.rule == "route.low_confidence"
    assert POLICY.threshold("data_privacy", "free") == 0.8
    assert POLICY.threshold("login_access", "enterprise") == 0.8
    assert POLICY.threshold("billing_question", "free") == 0.7


def ranking(**shares: float) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(shares.items(), key=lambda item: -item[1]))


def test_doubt_between_kinds_that_are_both_answered_is_no_doubt() -> None:
    found = classified(confidence=0.5, ranking=ranking(billing_question=0.5, subscription_change=0.4, cancellation=0.1))
    assert confidence(POLICY, FREE, found) == pytest.approx(0.9)
    assert routed(found).attempt


def test_doubt_with_a_kind_that_a_person_handles_counts() -> None:
    found = classified(confidence=0.5, ranking=ranking(billing_question=0.5, billing_dispute=0.45, cancellation=0.05))
    assert confidence(POLICY, FREE, found) == pytest.approx(0.5)
    assert routed(found).decision.rule == "route.low_confidence"


def test_a_kind_that_asks_for_more_confidence_lends_none_to_one_that_asks_for_less() -> None:
    found = classified(confidence=0.5, ranking=ranking(billing_question=0.5, data_privacy=0.5))
    assert confidence(POLICY, FREE, found) == pytest.approx(0.5)
    strict = classified("data_privacy", 0.5, ranking=ranking(billing_question=0.5, data_privacy=0.5))
    assert confidence(POLICY, FREE, strict) == pytest.approx(1.0)


def test_a_kind_that_the_tier_gives_to_a_person_lends_none() -> None:
    found = classified(confidence=0.6, ranking=ranking(billing_question=0.6, technical_problem=0.4))
    assert confidence(POLICY, Identified(tier="enterprise"), found) == pytest.approx(0.6)


def test_without_a_ranking_the_best_guess_counts_alone() -> None:
    assert confidence(POLICY, FREE, classified(confidence=0.42)) == 0.42


def test_an_intent_that_the_profile_does_not_know_is_named() -> None:
    with pytest.raises(ConfigInvalid, match=r"'refund'.*Train the heads"):
        routed(classified("refund"))


@pytest.mark.parametrize("profile", ["saas", "shop", "it_helpdesk"])
def test_every_intent_of_a_profile_is_decided_at_full_confidence(profile: str) -> None:
    policy = load_policy(profile)
    for intent in policy.intents:
        assert routed(classified(intent.name, 1.0), policy=policy).attempt is not intent.always_escalate

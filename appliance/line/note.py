"""The note of a hand-over: what the next person needs, made from what is known, without a language model."""

from __future__ import annotations

from appliance.policy import Policy
from appliance.ticket import Case, Decision, Drafted, HandoffNote
from appliance.translations import language_name
from kb.article import Candidate

_NEXT_STEPS = {
    "route.asked_for_person": "Greet the customer by what they asked; do not ask them to repeat it.",
    "route.always_escalate": "Handle it by the procedure for this kind of ticket; verify who the customer is before any change.",
    "route.mixed": "Handle the part that only a person may handle first, then answer the rest.",
    "route.tier_override": "Handle it personally: the customer's tier asks for it.",
    "route.out_of_scope": "Read whether it concerns us at all; decline kindly if it does not.",
    "route.not_automated": "Answer it: too few labelled tickets of this kind prove that it may be automated (a change of category adds one).",
    "route.low_confidence": "Decide what kind of request this is (a change of category teaches the classifier), then answer.",
    "retrieve.nothing": "Answer from your own knowledge, then write an article: none covers this.",
    "retrieve.below_floor": "Answer from your own knowledge; check the articles named below, and extend one if the answer belongs there.",
    "ground.nothing_left": "Check the passages named below: articles came up, but no sentence could be shown to answer.",
    "draft.not_covered": "Answer from your own knowledge; the articles that came up do not cover this.",
    "language.not_covered": "Answer in the customer's language, or have the message translated; the knowledge base has no article in it.",
    "language.unsure": "Read it, perhaps with a translator: the message may be in another language; answer it if it concerns us.",
    "language.not_read": "Answer in the customer's language from the articles in it; the models in use do not read it.",
    "line.overloaded": "Answer the ticket: the assistant was overloaded and has not tried.",
    "line.deadline": "Answer the ticket: the assistant could not finish within the time that a customer may wait.",
    "draft.no_rung": "Answer the ticket from the articles named below, and tell the operator: nothing that writes drafts was up.",
    "line.fault": "Answer the ticket, and tell the operator: the assistant failed on it.",
}
_OF_THE_CRM = frozenset(("crm.down", "crm.stale"))
_ASKED_CHARS = 1_200


def handoff_note(policy: Policy, case: Case, decision: Decision) -> HandoffNote:
    """Asked, tried, urgency with evidence, next step, and what might be sent."""
    classified = case.classified
    return HandoffNote(
        asked=_asked(case),
        tried=tuple(_tried(policy, case, decision)),
        urgency=classified.urgency,
        urgency_evidence=_evidence(case),
        next_step=_NEXT_STEPS.get(decision.rule, "Read the conversation and answer."),
        suggested_reply=_suggested(case),
        passages=tuple(f"{found.title} ({found.passage.article_id})" for found in _distinct(case)),
    )


def _asked(case: Case) -> str:
    question = case.classified.question.strip()
    earlier = [message.text.strip() for message in case.ticket.history if message.author == "customer"]
    asked = f"{earlier[-1]}\n{question}" if case.classified.wants_person and earlier else question
    return asked if len(asked) <= _ASKED_CHARS else asked[:_ASKED_CHARS] + " …"


def _tried(policy: Policy, case: Case, decision: Decision) -> list[str]:
    classified = case.classified
    tried = [one.reason for one in case.decisions if one.rule in _OF_THE_CRM]
    if classified.intent:
        tried.append(f"Classified as {policy.intent(classified.intent).title} (confidence {case.confidence:.2f}).")
    if classified.language.foreign and not classified.language.rule:
        tried.append(f"Read as a message in {language_name(classified.language.code)}.")
    if any(message.author == "assistant" for message in case.ticket.history):
        tried.append(
            f"The assistant has replied {sum(message.author == 'assistant' for message in case.ticket.history)} times before in this conversation."
        )
    if case.retrieved and case.retrieved.passages:
        tried.append(f"Searched the knowledge base: {len(_distinct(case))} articles came close.")
    if case.drafted and case.drafted.sentences:
        tried.append(
            f"Drafted {len(case.drafted.sentences)} sentences ({case.drafted.synthesizer}); none passed the checks."
        )
    if case.drafted:
        tried += _hosted(case.drafted)
    tried.append(decision.reason)
    return tried


def _hosted(drafted: Drafted) -> list[str]:
    """Agents are told when a model outside the building was asked, whatever became of its words."""
    names = dict.fromkeys(one.rung for one in drafted.attempts if one.hosted and one.outcome != "skipped")
    return [f"Asked {name}, a model outside the building, under a mask; the egress ledger has it." for name in names]


def _evidence(case: Case) -> str:
    evidence = case.classified.urgency_evidence
    if case.classified.frustration:
        evidence += f"; frustration in {case.classified.frustration} of the customer's messages"
    return evidence


def _suggested(case: Case) -> str:
    """The nearest article, for the agent to judge; never more than a pointer, since nothing here passed the gates."""
    near = next((found for found in _distinct(case) if found.url), None)
    return f"This article may help: {near.title} ({near.url})" if near else ""


def _distinct(case: Case) -> list[Candidate]:
    """The passages that came up, one an article."""
    seen: dict[str, Candidate] = {}
    for found in case.retrieved.passages if case.retrieved else ():
        seen.setdefault(found.passage.article_id, found)
    return list(seen.values())

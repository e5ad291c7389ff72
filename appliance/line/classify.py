"""Station 2: what is asked, how urgent it is and how sure we are. One encoder pass serves classification and search."""

from __future__ import annotations

from appliance.line.desk import Desk
from appliance.line.signals.followup import standalone
from appliance.line.signals.mood import frustration, urgency_words
from appliance.line.signals.wishes import courtesy, wants_person
from appliance.ticket import Classified, Ticket
from models.roles import URGENCIES, Classification, Urgency


async def classify(desk: Desk, ticket: Ticket) -> Classified:
    """Read the message together with its subject and, for a follow-up, with what it leans on. Raises ``Overloaded``."""
    text = ticket.message.text.strip()
    question, follow_up = standalone(text, ticket.history)
    if ticket.subject and not ticket.history:
        question = f"{ticket.subject.strip()}\n{question}"
    [vector] = await desk.encode([question])
    found = desk.classify(vector)
    words = urgency_words(text)
    return Classified(
        question=question,
        vector=vector,
        intent=found.intent,
        confidence=found.confidence,
        ranking=found.ranking,
        urgency=_urgency(found, words),
        urgency_evidence=_evidence(found, words),
        out_of_scope=found.out_of_scope,
        wants_person=wants_person(text),
        follow_up=follow_up,
        frustration=frustration([message.text for message in ticket.history if message.author == "customer"] + [text]),
        courtesy=courtesy(text),
    )


def _urgency(found: Classification, words: tuple[str, ...]) -> Urgency:
    """The classifier's word, and never below ``high`` when the customer says in so many words that it is urgent (two signs) or the like."""
    if len(words) >= 2 and URGENCIES.index(found.urgency) < URGENCIES.index("high"):
        return "high"
    return found.urgency


def _evidence(found: Classification, words: tuple[str, ...]) -> str:
    if words:
        return "; ".join(f"“{word}”" for word in words[:4])
    return f"classifier ({found.urgency}, {found.urgency_confidence:.0%} sure); no urgent wording"

"""Station 2: the language that the customer writes in, and whether we can answer in it."""

from __future__ import annotations

from appliance.line.desk import Desk
from appliance.ticket import Identified, Spoken, Ticket
from appliance.translations import language_name
from kb.article import Visibility
from models.roles import UNDECIDED, Language


async def language(desk: Desk, ticket: Ticket, identified: Identified) -> Spoken:
    """The profile's language unless the customer's words clearly say otherwise.

    In another one an automatic answer needs models that read it and an article that this customer may see; otherwise a person answers.
    """
    found, home = heard(desk, ticket), desk.policy.home
    if found.code in {"", home}:
        return Spoken(home, found.confidence)
    read = found.code in desk.reads
    rule, reason = await _obstacle(desk, identified, found, read=read)
    return Spoken(found.code, round(found.confidence, 4), foreign=True, read=read, rule=rule, reason=reason)


def heard(desk: Desk, ticket: Ticket) -> Language:
    """By the message and its subject; what is too short to tell goes with what the customer said before."""
    said = ticket.message.text if ticket.history else f"{ticket.subject}\n{ticket.message.text}"
    found = desk.detect(said)
    if _sure(desk, found):
        return found
    before = [message.text for message in ticket.history if message.author == "customer"]
    found = desk.detect("\n".join([*before, said])) if before else UNDECIDED
    return found if _sure(desk, found) else UNDECIDED


def _sure(desk: Desk, found: Language) -> bool:
    return bool(found.code) and found.confidence >= desk.policy.thresholds.language


async def _obstacle(desk: Desk, identified: Identified, found: Language, *, read: bool) -> tuple[str, str]:
    """(rule, reason) why a person has to answer; empty when nothing is in the way."""
    words = f"The customer writes in {language_name(found.code)} ({found.confidence:.2f} sure)"
    offered = await desk.languages(Visibility(identified.audiences, desk.today()))
    if found.code not in offered:
        return "language.not_covered", f"{words}; the knowledge base has no article in it."
    if not read:
        return "language.not_read", f"{words}; there are articles in it, but the models in use do not read it."
    return "", ""

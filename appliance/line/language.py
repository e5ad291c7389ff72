"""Station 2: the language that the customer writes in, and whether we can answer in it."""

from __future__ import annotations

from appliance.line.desk import Desk
from appliance.line.signals.courtesies import courtesy_language
from appliance.ticket import Identified, Spoken, Ticket
from appliance.translations import language_name
from kb.article import Visibility
from models.hearing import hear
from models.roles import UNDECIDED, UNKNOWN, Language


async def language(desk: Desk, ticket: Ticket, identified: Identified) -> Spoken:
    """The profile's language unless the customer's words clearly say otherwise.

    In another one an automatic answer needs models that read it and an article that this customer may see; otherwise a person answers.
    """
    found, home = heard(desk, ticket), desk.policy.home
    if not _sure(desk, found):
        return Spoken(home, guess="" if found.code == home else found.code)
    if found.code == home:
        return Spoken(home, found.confidence)
    read = found.code in desk.reads
    rule, reason = await _obstacle(desk, identified, found, read=read)
    return Spoken(found.code, round(found.confidence, 4), foreign=True, read=read, rule=rule, reason=reason)


def heard(desk: Desk, ticket: Ticket) -> Language:
    """By the message and its subject; what is too short to tell goes with what the customer said before. It may be unsure."""
    said = ticket.message.text if ticket.history else f"{ticket.subject}\n{ticket.message.text}"
    home = desk.policy.home
    alone = hear(desk.detect, said, home)
    if alone.code and (polite := courtesy_language(said, home)):
        return Language(polite, 1.0)
    if _sure(desk, alone):
        return alone
    before = [message.text for message in ticket.history if message.author == "customer"]
    found = hear(desk.detect, "\n".join([*before, said]), home) if before else UNDECIDED
    return found if _sure(desk, found) else alone


def _sure(desk: Desk, found: Language) -> bool:
    return bool(found.code) and found.confidence >= desk.policy.thresholds.language


async def _obstacle(desk: Desk, identified: Identified, found: Language, *, read: bool) -> tuple[str, str]:
    """(rule, reason) why a person has to answer; empty when nothing is in the way."""
    if found.code == UNKNOWN:
        return "language.not_covered", "The customer writes in letters of a language that the detector does not know."
    words = f"The customer writes in {language_name(found.code)} ({found.confidence:.2f} sure)"
    offered = await desk.languages(Visibility(identified.audiences, desk.today()))
    if found.code not in offered:
        return "language.not_covered", f"{words}; the knowledge base has no article in it."
    if not read:
        return "language.not_read", f"{words}; there are articles in it, but the models in use do not read it."
    return "", ""

"""What people read when a ticket of a desk is theirs: in the desk, and in the appliance when the desk could not be reached."""

from __future__ import annotations

from appliance.ticket import HandoffNote

_HEAD = "Handed over by the support assistant; the customer has been told that a person will answer."
_STOPPED = (
    "The support assistant has stopped answering in this ticket: it had replied as often as it may within an hour, "
    "so another machine may be answering. Please look who writes, and go on from here."
)


def handoff_words(note: HandoffNote | None) -> str:
    """Plain text: every desk shows it as it is."""
    if note is None:
        return _HEAD
    urgency = f"Urgency: {note.urgency}" + (f" ({note.urgency_evidence})" if note.urgency_evidence else "")
    parts = [_HEAD, f"Asked:\n{note.asked}", _listed("Tried", note.tried), urgency, f"Next step: {note.next_step}"]
    parts += [_listed("Articles that came up", note.passages)]
    parts += [f"Suggested reply:\n{note.suggested_reply}"] if note.suggested_reply else []
    return "\n\n".join(part for part in parts if part)


def stopped_words() -> str:
    return _STOPPED


def unsent_note(fault: str) -> HandoffNote:
    """``fault`` holds no customer's text."""
    return HandoffNote(
        asked="See the conversation.",
        tried=(f"What was to be posted into the help desk did not arrive: {fault}",),
        urgency="normal",
        urgency_evidence="",
        next_step="Answer the customer in the help desk, and have the fault mended: appliance doctor names it.",
    )


def _listed(title: str, items: tuple[str, ...]) -> str:
    return "\n".join([f"{title}:", *(f"- {item}" for item in items)]) if items else ""

"""The values that travel along the line. Each station adds one of them and changes none.

``Ticket`` -> ``Identified`` -> ``Classified`` -> ``Routed`` -> ``Retrieved`` -> ``Drafted`` -> ``Grounded`` -> ``Reply``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kb.article import Audience, Candidate
from models.roles import DraftSentence, Urgency, Vector

SUSPECTED = "route.suspected_spam"
"""Rule of what looks like spam: people read it, and nothing is mailed to the address that was typed."""

Tier = Literal["free", "paid", "enterprise"]
TIERS: tuple[Tier, ...] = ("free", "paid", "enterprise")
Channel = Literal["chat", "form", "api", "cli", "mail", "desk"]
Trust = Literal["none", "relay", "dmarc", "session"]
"""How surely a message is from whom it says: not at all, by a mail relay of the company's own, by an aligned DMARC pass that the company's own mail server states, by a signed-in session."""
TRUSTS: tuple[Trust, ...] = ("none", "relay", "dmarc", "session")
"""Weakest first."""
Author = Literal["customer", "assistant", "agent"]
Outcome = Literal["answered", "handed_over", "needs_confirmation", "refused"]
ConversationStatus = Literal["open", "handed_over", "closed"]


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that somebody said. ``seq`` counts from 1 within the conversation."""

    id: str
    conversation_id: str
    seq: int
    author: Author
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """The message to be answered, with the conversation it stands in (earlier messages, oldest first)."""

    message: Message
    history: tuple[Message, ...] = ()
    channel: Channel = "chat"
    subject: str = ""
    customer_id: str | None = None
    status: ConversationStatus = "open"
    suspicion: str = ""
    """Why the conversation looks like spam; then people read it first."""
    trust: Trust = "none"
    """Of the message itself, not the best of the conversation."""
    profile: str = ""
    """Whose desk answers; empty: the appliance's own profile."""


@dataclass(frozen=True, slots=True)
class Identified:
    """Who asks. ``tier`` comes from the CRM or the customer table; ``verified`` is true only for an authenticated customer, never for a typed address."""

    tier: Tier = "free"
    verified: bool = False
    audiences: frozenset[Audience] = frozenset({"public"})
    decisions: tuple[Decision, ...] = ()
    """What an agent should know of how this came about, such as a CRM that is down."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The language that the customer writes in, and whether the line can answer in it.

    ``code`` is the profile's language when the message does not tell (``confidence`` 0). With ``rule`` the ticket goes to a person,
    for the ``reason`` in words.
    """

    code: str = ""
    confidence: float = 0.0
    foreign: bool = False
    """Another language than the profile's."""
    guess: str = ""
    """What the message most likely is in when that is another language, but not surely so: good enough not to refuse, and no more."""
    read: bool = True
    """The models read it; what they say of a text in another language is worth nothing."""
    rule: str = ""
    reason: str = ""


NOT_HEARD = Spoken()
"""Nobody listened: taken for the profile's language."""


@dataclass(frozen=True, slots=True)
class Classified:
    """What is asked. ``question`` stands on its own: a follow-up carries what it refers to."""

    question: str
    vector: Vector
    intent: str
    confidence: float
    urgency: Urgency
    urgency_evidence: str
    out_of_scope: float
    wants_person: bool
    names_person: bool = False
    """Speaks of people, agents, bots or machines: perhaps a wish that we did not understand."""
    parts: tuple[tuple[str, float], ...] = ()
    """(intent, calibrated confidence) of each piece of a long or mixed message."""
    follow_up: bool = False
    frustration: int = 0
    courtesy: str = ""
    """``thanks`` or ``greeting`` when the message is nothing else."""
    ranking: tuple[tuple[str, float], ...] = ()
    """All intents with their calibrated probabilities, best first."""
    language: Spoken = NOT_HEARD


@dataclass(frozen=True, slots=True)
class Decision:
    """Why something was done: a stable rule id and a reason in words, for agents, auditors and reports."""

    stage: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Routed:
    """Attempt an answer, or give the ticket to a person."""

    attempt: bool
    decision: Decision
    reply: str = ""
    """Which of the profile's replies the customer reads when no answer is given; empty: stay silent."""
    doubtful: bool = False
    """Attempt only if the knowledge base clearly answers: the classifier holds the question for foreign."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages that go on, best first. ``answerable`` is the calibrated probability (0..1) that the best one answers."""

    passages: tuple[Candidate, ...]
    answerable: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate said of one sentence."""

    gate: str
    passed: bool
    sentence: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of one rung's turn. ``ms`` from asking to the end of its draft, ``first_ms`` to the first sentence that passed."""

    rung: str
    occasion: str
    outcome: Literal["answered", "not_covered", "nothing_left", "fault", "skipped", "abandoned"]
    """``abandoned``: the line itself broke off, which says nothing of the rung."""
    drafted: int = 0
    passed: int = 0
    ms: float = 0.0
    first_ms: float | None = None
    reason: str = ""
    hosted: bool = False
    fault: Literal["", "passing", "lasting"] = ""
    """What kind of fault ended its turn, even where sentences had passed before; ``lasting``: a person has to change something."""

    @property
    def rule(self) -> str:
        """The rule by which it was skipped."""
        return self.reason.partition(":")[0] if self.outcome == "skipped" else ""


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a rung wrote, before any gate looked at it, and the turns of all rungs that were asked or skipped."""

    synthesizer: str
    sentences: tuple[DraftSentence, ...]
    faults: tuple[str, ...] = ()
    attempts: tuple[Attempted, ...] = ()

    @property
    def hosted(self) -> bool:
        """Words of a model outside the building are in the reply: agents are told so."""
        return any(one.hosted and one.passed for one in self.attempts)


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a sentence of the reply stands: article, and the words of the passage that carry it."""

    n: int
    article_id: str
    title: str
    url: str
    quote: str


@dataclass(frozen=True, slots=True)
class Grounded:
    """The sentences that passed every gate, and every verdict on the way."""

    sentences: tuple[DraftSentence, ...]
    citations: tuple[Citation, ...]
    verdicts: tuple[Verdict, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket with all that the stations have added so far; each station's result is put in once."""

    ticket: Ticket
    classified: Classified
    routed: Routed
    confidence: float
    """What was held against the threshold."""
    decisions: tuple[Decision, ...] = ()
    retrieved: Retrieved | None = None
    drafted: Drafted | None = None
    grounded: Grounded | None = None


@dataclass(frozen=True, slots=True)
class HandoffNote:
    """What the next person needs to know, so that the customer never has to repeat themselves."""

    asked: str
    tried: tuple[str, ...]
    urgency: Urgency
    urgency_evidence: str
    next_step: str
    suggested_reply: str = ""
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What leaves, and why. ``text`` is what the customer reads; empty when a person has the conversation and we stay silent."""

    message_id: str
    outcome: Outcome
    text: str
    citations: tuple[Citation, ...]
    intent: str
    urgency: Urgency
    confidence: float
    rule: str
    reason: str
    timings_ms: dict[str, float] = field(default_factory=dict)
    language: str = ""
    """Of ``text``, as ISO 639-1; the customer's as far as we have the words."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of a run: the reply, and all that has to be written down in the same transaction."""

    reply: Reply
    decisions: tuple[Decision, ...]
    verdicts: tuple[Verdict, ...] = ()
    draft: Drafted | None = None
    note: HandoffNote | None = None
    gap: str = ""
    """The question, when no article answers it."""
    priority: int = 0
    """Of the customer's tier: the order in which people take hand-overs."""

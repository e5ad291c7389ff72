"""Station 5: a rung of the ladder writes, sentence by sentence. What it writes is data until every gate has passed it."""

from __future__ import annotations

from appliance.line.desk import Desk
from appliance.line.signals.length import wants_more
from appliance.ticket import Classified, Retrieved, Ticket
from models.roles import PromptPassage, SynthesisRequest

_HISTORY = 6
"""Earlier messages that a rung may read."""
_HISTORY_CHARS = 1_000


def request(desk: Desk, ticket: Ticket, classified: Classified, retrieved: Retrieved) -> SynthesisRequest:
    """All that a rung may know: our words, this conversation, and passages which this customer may see."""
    policy, style = desk.policy, desk.policy.style
    return SynthesisRequest(
        question=classified.question,
        passages=tuple(
            PromptPassage(n=n, title=found.title, text=found.passage.text, url=found.url)
            for n, found in enumerate(retrieved.passages, 1)
        ),
        history=tuple((message.author, message.text[:_HISTORY_CHARS]) for message in ticket.history[-_HISTORY:]),
        company=policy.company,
        tone=policy.voice.tone,
        examples=tuple((example.customer, example.reply) for example in policy.voice.examples),
        language=classified.language.code if classified.language.foreign else policy.language,
        max_sentences=style.max_sentences_when_asked if wants_more(ticket.message.text) else style.max_sentences,
        mark=desk.private.mark,
        scores=tuple(found.score for found in retrieved.passages),
    )

"""A conversation as the pages show it: each answer beside its sources, and what is still open."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.store.conversations import ConversationView, MessageView
from appliance.ticket import Citation, Reply


@dataclass(frozen=True, slots=True)
class Source:
    """One cited article, with the words of it that carry the answer."""

    title: str
    url: str
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One message; ``reply`` carries the sources of an assistant's message."""

    message: MessageView
    reply: Reply | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """Citations name passages; a reader cares for articles. In the order in which they are first cited."""
        quotes: dict[str, list[str]] = {}
        first: dict[str, Citation] = {}
        for citation in self.reply.citations if self.reply else ():
            first.setdefault(citation.article_id, citation)
            quotes.setdefault(citation.article_id, []).extend([citation.quote] if citation.quote else [])
        return tuple(Source(one.title, one.url, tuple(quotes[name])) for name, one in first.items())

    @property
    def text(self) -> str:
        """A reply for every channel ends with the address of its article; a page says that better in the sources below."""
        before, _, last = self.message.text.rpartition("\n\n")
        citations = self.reply.citations if self.reply else ()
        pointer = any(each.url and each.title in last and each.url in last for each in citations)
        return before if before and pointer else self.message.text


@dataclass(frozen=True, slots=True)
class Thread:
    """``pending``: a message of the customer is still being answered. ``asks``: the last answer may be judged."""

    entries: tuple[Entry, ...]
    pending: bool
    handed_over: bool
    closed: bool
    asks: bool


def thread_of(view: ConversationView) -> Thread:
    """The view holds a reply beside the question; a reader expects the sources below the answer."""
    replies = [message.reply for message in view.messages if message.reply and message.reply.text]
    entries = tuple(Entry(message, _take(replies, message)) for message in view.messages)
    customers = [message for message in view.messages if message.author == "customer"]
    last = customers[-1].reply if customers else None
    handed_over = view.status == "handed_over"
    return Thread(
        entries=entries,
        pending=bool(customers) and last is None and not handed_over,
        handed_over=handed_over,
        closed=view.status == "closed",
        asks=last is not None and last.outcome == "answered" and bool(last.citations),
    )


def _take(replies: list[Reply], message: MessageView) -> Reply | None:
    """Two answers may have the same words, so each reply is given away once."""
    if message.author != "assistant":
        return None
    found = next((reply for reply in replies if reply.text == message.text), None)
    if found is not None:
        replies.remove(found)
    return found

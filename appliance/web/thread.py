"""A conversation as the pages show it: each answer beside its sources, and what is still open."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.store.conversations import ConversationView, MessageView
from appliance.ticket import Reply
from appliance.web.pages import web_link


@dataclass(frozen=True, slots=True)
class Entry:
    """One message; ``reply`` carries the sources of an assistant's message."""

    message: MessageView
    reply: Reply | None = None

    @property
    def text(self) -> str:
        """A reply for every channel ends with the address of its article; a page says that better in the sources below."""
        before, _, last = self.message.text.rpartition("\n\n")
        citations = self.reply.citations if self.reply else ()
        pointer = any(web_link(each.url) and each.title in last and each.url in last for each in citations)
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

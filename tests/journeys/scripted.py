"""An appliance whose replies follow a script, so that the web can be tried at its edges: faults, slowness, hostile articles.

Run as a program: ``python scripted.py PORT [EMBED_ORIGIN…]``. What a message begins with decides what happens to it.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import mkdtemp

from prometheus_client import CollectorRegistry

from appliance.attachment import StoredFile
from appliance.channels.attachments import Attachments, open_attachments
from appliance.channels.desks.intake import Heeded
from appliance.channels.reception import Once, Opened
from appliance.channels.strangers import Strangers
from appliance.channels.visitors import Visitors
from appliance.config import Config, Server
from appliance.egress.office import Office
from appliance.errors import Busy, Conflict, InputInvalid, InputTooLarge, NotFound, StorageFailed
from appliance.line.admission import Admission
from appliance.line.events import Event, position, reply_document
from appliance.opening_settings import Openings
from appliance.policy import Policy, load_policy
from appliance.store.access import SqlAccess
from appliance.store.conversations import Accepted, ConversationView, MessageView, SqlConversations
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.store.views import AttachmentView
from appliance.ticket import Channel, Citation, Message, Reply
from appliance.web.server import serve
from kb.article import Article

XSS = "<img src=x onerror=alert(1)><script>alert(2)</script>"
SENTENCES = ("Open Settings and choose Members.", "Then press Invite.")
ANSWER = " ".join(SENTENCES)
POINTER = "More in: Invite members to a workspace (https://help.example.com/invite)"
QUOTE = "Open Settings and choose Members. Then press Invite. New members get an e-mail."
HOSTILE_MARKDOWN = f"""{XSS}

![x in words](https://evil.example/p.png) [a](javascript:alert(1)) [b](data:text/html,x) <https://evil.example/auto>
[r]: https://evil.example/ref.png

![y][r] [good](https://good.example/page) [mail](mailto:help@example.com)

<style>body {{ background: url(https://evil.example/s.png) }}</style>
<iframe src="https://evil.example"></iframe>
"""
NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


@dataclass
class Talk:
    """One conversation in memory."""

    id: str
    token: str
    channel: Channel
    subject: str
    name: str
    messages: list[Message] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)
    keys: dict[str, Message] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    files: dict[str, tuple[AttachmentView, ...]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    handed_over: bool = False
    cut: bool = False

    def add(self, author: str, text: str) -> Message:
        message = Message(secrets.token_hex(8), self.id, len(self.messages) + 1, author, text, NOW)  # type: ignore[arg-type]
        self.messages.append(message)
        return message

    def tell(self, message: Message, kind: str, data: dict[str, object]) -> None:
        n = sum(event.position()[0] == message.seq for event in self.events) + 1
        self.events.append(Event(f"{message.seq}.{n}", kind, data))  # type: ignore[arg-type]
        self.changed.set()
        self.changed = asyncio.Event()


class ScriptedReception:
    def __init__(self, talks: dict[str, Talk], limit: int, admission: Admission) -> None:
        self._talks = talks
        self._limit = limit
        self._admission = admission
        self._tasks: set[asyncio.Task[None]] = set()
        self.judged: list[dict[str, object]] = []

    async def open(
        self,
        *,
        channel: Channel,
        customer_id: str | None = None,
        customer_email: str = "",
        customer_name: str = "",
        subject: str = "",
        text: str | None = None,
        files: Sequence[StoredFile] = (),
        once: Once | None = None,
        suspicion: str = "",
        opened_by: str | None = None,
    ) -> Opened:
        talk = Talk(secrets.token_hex(8), secrets.token_urlsafe(24), channel, subject, customer_name)
        if text is not None:
            self._check(text)
        self._talks[talk.id] = talk
        accepted = await self.receive(talk.id, talk.token, text, files=files) if text is not None else None
        return Opened(talk.id, talk.token, accepted)

    async def receive(
        self,
        conversation_id: str,
        token: str,
        text: str,
        idempotency_key: str | None = None,
        *,
        attachments: Sequence[str] = (),
        files: Sequence[StoredFile] = (),
    ) -> Accepted:
        self._check(text)
        talk = self._talk(conversation_id, token)
        if idempotency_key and (earlier := talk.keys.get(idempotency_key)):
            if earlier.text != text:
                raise Conflict("This idempotency key was used for another text.")
            return Accepted(earlier, talk.replies.get(earlier.id))
        message = talk.add("customer", text)
        talk.files[message.id] = tuple(AttachmentView(f.id, f.name, f.sniffed_type, f.size) for f in files)
        if idempotency_key:
            talk.keys[idempotency_key] = message
        queue = self._admission if text.startswith("queue") else None
        task = asyncio.create_task(play(talk, message) if queue is None else waiting(queue, talk, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Accepted(message)

    async def authorize(self, conversation_id: str, token: str) -> None:
        self._talk(conversation_id, token)

    async def view(self, conversation_id: str, token: str) -> ConversationView:
        talk = self._talk(conversation_id, token)
        shown = tuple(
            MessageView(m.id, m.seq, m.author, m.text, m.created_at, talk.replies.get(m.id), talk.files.get(m.id, ()))
            for m in talk.messages
        )
        return ConversationView(
            talk.id, "handed_over" if talk.handed_over else "open", talk.channel, talk.subject, NOW, shown
        )

    async def feedback(
        self, conversation_id: str, token: str, *, resolved: bool | None, csat: int | None, comment: str | None
    ) -> None:
        self._talk(conversation_id, token)
        self.judged.append({"resolved": resolved, "csat": csat, "comment": comment})

    def _talk(self, conversation_id: str, token: str) -> Talk:
        talk = self._talks.get(conversation_id)
        if talk is None or talk.token != token:
            raise NotFound("There is no such conversation.", remedy="Check the id and the token.")
        return talk

    def _check(self, text: str) -> None:
        if text.startswith("busy"):
            raise Busy("Too many messages are waiting.", retry_after_s=7)
        if text.startswith("disk full"):
            raise StorageFailed("/secret/path/appliance.db: disk full")
        if text.startswith("defect"):
            raise RuntimeError(f"a defect that quotes the customer: {text}")
        if not text.strip():
            raise InputInvalid("The message is empty.", remedy="Write what you need help with.")
        if len(text) > self._limit:
            raise InputTooLarge(f"The message has {len(text):,} characters.", remedy="Shorten it.")


class ScriptedRunner:
    def __init__(self, talks: dict[str, Talk]) -> None:
        self._talks = talks
        self.admission = Admission(1_000, each=100)

    async def reply(self, message_id: str) -> Reply:
        talk = next(talk for talk in self._talks.values() if any(m.id == message_id for m in talk.messages))
        while message_id not in talk.replies:
            await talk.changed.wait()
        return talk.replies[message_id]

    async def message_events(self, message: Message) -> AsyncIterator[Event]:
        async for event in self.events(message.conversation_id, f"{message.seq}.0"):
            if event.position()[0] == message.seq:
                talk = self._talks[message.conversation_id]
                if message.text.startswith("cut") and event.id.endswith(".5") and not talk.cut:
                    talk.cut = True
                    raise RuntimeError("the stream breaks here")
                yield event
                if event.type == "done":
                    return

    async def events(self, conversation_id: str, after: str | None) -> AsyncIterator[Event]:
        talk, last = self._talks[conversation_id], position(after or "")
        while True:
            changed = talk.changed
            for event in [event for event in talk.events if event.position() > last]:
                last = event.position()
                yield event
            await changed.wait()


async def waiting(admission: Admission, talk: Talk, message: Message) -> None:
    """Behind two others, of whom one has a turn after a while, and then the other."""
    permits = [admission.take(name) for name in ("first", "second", talk.id)]
    for permit, name in zip(permits, ("m1", "m2", message.id), strict=True):
        permit.wait_as(name)
    await asyncio.sleep(2.5)
    permits[0].release()
    await asyncio.sleep(2.5)
    permits[1].release()
    permits[2].begin()
    await play(talk, message)
    permits[2].release()


async def play(talk: Talk, message: Message) -> None:
    """The run of one message."""
    text = message.text
    pause = 1.6 if text.startswith("very slow") else 1.0 if text.startswith("slow") else 0.02
    for stage in ("classify", "route", "retrieve"):
        talk.tell(message, "stage", {"stage": stage, "ms": 1.0})
        await asyncio.sleep(pause)
    if talk.handed_over or "person" in text:
        reply = _reply(
            message, "handed_over", "" if talk.handed_over else "Of course. A person will reply to you here.", ()
        )
        talk.handed_over = True
    else:
        reply = _answer(talk, message)
        for sentence in SENTENCES if reply.text.startswith(ANSWER) else (reply.text,):
            talk.tell(message, "sentence", {"text": sentence, "citations": [1]})
            await asyncio.sleep(pause)
    talk.replies[message.id] = reply
    if reply.text:
        talk.add("assistant", reply.text)
    talk.tell(message, "done", reply_document(reply))
    if "colleague" in text:
        await asyncio.sleep(0.3)
        agent = talk.add("agent", f"Hello, this is Mara. {XSS}")
        talk.tell(agent, "message", {"id": agent.id, "seq": agent.seq, "author": "agent", "text": agent.text})


def _answer(talk: Talk, message: Message) -> Reply:
    if message.text.startswith("hostile"):
        citations = (
            Citation(1, "a", XSS, "javascript:alert(3)", XSS),
            Citation(2, "b", "Data address", "data:text/html,<script>alert(4)</script>", ""),
        )
        return _reply(message, "answered", f"{XSS}\n{talk.name} {message.text}", citations)
    citations = (Citation(1, "invite", "Invite members to a workspace", "https://help.example.com/invite", QUOTE),)
    return _reply(message, "answered", f"{ANSWER}\n\n{POINTER}", citations)


def _reply(message: Message, outcome: str, text: str, citations: tuple[Citation, ...]) -> Reply:
    return Reply(
        message.id, outcome, text, citations, "how_to", "normal", 0.93, "test.rule", "A script says so.", {"total": 1.0}
    )  # type: ignore[arg-type]


@dataclass(frozen=True)
class ScriptedKnowledge:
    """The articles by id; it is its own repository."""

    by_id: dict[str, Article]

    @property
    def articles(self) -> ScriptedKnowledge:
        return self

    def get(self, article_id: str) -> Article | None:
        return self.by_id.get(article_id)


def library() -> ScriptedKnowledge:
    text = f"# Heading\n\nOpen **Settings**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n{HOSTILE_MARKDOWN}"
    articles = [
        Article("invite", "Invite members", text),
        Article("team/roles", "Roles", "Plain."),
        Article("internal", "Internal", "Secret.", audience="internal"),
        Article("customer", "Customers", "Secret.", audience="customer"),
        Article("draft", "Draft", "Secret.", approved=False),
        Article("later", "Later", "Secret.", valid_from=date(9000, 1, 1)),
        Article("over", "Over", "Secret.", valid_until=date(2000, 1, 1)),
    ]
    return ScriptedKnowledge({article.id: article for article in articles})


class ScriptedDesks:
    """One desk that is always overloaded; others are not configured."""

    async def hear(self, name: str, headers: Mapping[str, str], body: bytes, *, path_secret: str = "") -> Heeded:
        if name == "busy":
            raise Busy("64 messages are being answered.", retry_after_s=7)
        raise NotFound(
            f"No desk {name!r} for {len(headers)} headers, {len(body)} bytes, {len(path_secret)} characters."
        )


@dataclass(frozen=True)
class ScriptedDoors:
    config: Config
    policy: Policy
    reception: ScriptedReception
    runner: ScriptedRunner
    knowledge: ScriptedKnowledge
    metrics: CollectorRegistry
    access: SqlAccess
    egress: Office
    visitors: Visitors
    desks: ScriptedDesks
    attachments: Attachments
    strangers: Strangers

    def rungs(self) -> dict[str, object]:
        return {}

    def ready(self) -> list[tuple[str, bool, str]]:
        return [("database", True, "SQLite"), ("reranker", False, "no weights")]


def scripted(port: int, embed_origins: tuple[str, ...] = ()) -> ScriptedDoors:
    folder = Path(mkdtemp())
    config = Config(
        data=folder,
        server=Server(port=port, allowed_embed_origins=embed_origins, max_message_chars=2000),
        openings=Openings(per_client=0, total=0, form_per_client=0, form_min_s=0),  # a whole run of tests is one client
    )
    talks: dict[str, Talk] = {}
    database = Database(f"sqlite:///{folder}/appliance.db")
    files = open_attachments(config, database, SqlConversations(database), now=lambda: NOW)
    access, office = SqlAccess(database), Office(config, database, now=lambda: NOW)
    runner = ScriptedRunner(talks)
    reception = ScriptedReception(talks, config.server.max_message_chars, runner.admission)
    visitors = Visitors(None, SqlCustomers(database), config.identity, new_id=lambda: "k", now=lambda: NOW)
    return ScriptedDoors(
        config,
        load_policy("saas"),
        reception,
        runner,
        library(),
        CollectorRegistry(),
        access,
        office,
        visitors,
        ScriptedDesks(),
        files,
        Strangers(config.openings, b"a key of these tests"),
    )


if __name__ == "__main__":
    own_port, *origins = sys.argv[1:]
    asyncio.run(serve(scripted(int(own_port), tuple(origins)), host="127.0.0.1", port=int(own_port), announce=print))

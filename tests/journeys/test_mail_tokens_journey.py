"""Signed tokens from end to end: a reply lands by the address alone, and nobody else's reply acts in a ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mail_fixtures import Post

QUESTION = "How long is the password reset link valid?"


async def test_a_reply_that_has_only_our_address_lands_in_its_ticket(post: Post, open_desk: Callable[..., Any]) -> None:
    async with open_desk(mailboxes=(post.mailbox(plus_addresses=True),)) as desk:
        post.write(QUESTION, subject="Reset link")
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        [mail] = post.inbox()
        address = mail["Reply-To"].addresses[0].addr_spec
        assert address.startswith(f"{post.desk.partition('@')[0]}+")
        raw = f"From: {post.customer}\nTo: {address.upper()}\nSubject: Other\nMessage-ID: <2.{post.customer}>\n\n{QUESTION}\n"
        post.deliver(raw.encode())
        await desk.until(lambda: len(post.inbox()) == 2, "the second answer")
        [(conversation, _, _, _)] = desk.conversations()
        assert [author for author, _ in desk.said(conversation)] == ["customer", "assistant"] * 2


async def test_somebody_elses_answer_with_our_token_is_a_ticket_of_its_own_which_only_agents_are_told(
    post: Post, open_desk: Callable[..., Any]
) -> None:
    async with open_desk() as desk:
        post.write("Let me talk to a person please", subject="Help")
        await desk.until(lambda: len(post.inbox()) == 1, "the word that a person has it")
        [mail] = post.inbox()
        assert mail["Reply-To"].addresses[0].addr_spec == post.desk
        post.write(QUESTION, answers=mail, number=2, sender="eve@elsewhere.example", Cc=post.customer)
        await desk.until(lambda: len(desk.conversations()) == 2, "a ticket of its own")
        first, second = (row[0] for row in desk.conversations())
        assert [text for author, text in desk.said(first) if author == "customer"] == ["Let me talk to a person please"]
        told = f"Somebody else answered this ticket by mail (thread.other_sender): ticket {second}."
        await desk.until(lambda: any(told in tried for _, _, tried in desk.notes()), "the line for agents")
        assert [mail for mail in post.inbox() if second in str(mail) or "eve@" in str(mail)] == []

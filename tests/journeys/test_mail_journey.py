"""E-mail from end to end: a mail in a real mailbox, a reply through a real SMTP server, and everything that must not happen on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mail_fixtures import Post, text_of

QUESTION = "How long is the password reset link valid?"


async def test_a_mail_is_answered_in_its_thread_and_the_answer_to_that_lands_in_the_same_ticket(
    post: Post, open_desk: Callable[..., Any]
) -> None:
    async with open_desk() as desk:
        post.write(QUESTION, subject="Reset link")
        await desk.until(lambda: len(post.inbox()) == 1, "the answer")
        [mail] = post.inbox()
        assert "valid for 60 minutes" in text_of(mail)
        assert mail["Subject"] == "Re: Reset link"
        assert mail["In-Reply-To"] == f"<1.{post.customer}>"
        assert mail["References"] == f"<1.{post.customer}>"
        assert mail["From"].addresses[0].addr_spec == post.desk
        assert mail["Auto-Submitted"] == "auto-replied"
        assert mail["X-Auto-Response-Suppress"] == "All"
        assert "<p>" in text_of(mail, "html")
        post.write("And how do I change my password?", answers=mail, number=2)
        await desk.until(lambda: len(post.inbox()) == 2, "the second answer")
        [(conversation, _, subject, _)] = desk.conversations()
        assert subject == "Reset link"
        assert [author for author, _ in desk.said(conversation)] == ["customer", "assistant"] * 2
        second = post.inbox()[1]
        assert second["In-Reply-To"] == f"<2.{post.customer}>"
        assert second["References"].split() == [f"<1.{post.customer}>", mail["Message-ID"], f"<2.{post.customer}>"]
        await desk.until(lambda: desk.settled(4), "our copies")
        assert [(state, rule) for state, rule, _ in desk.mails()] == [
            ("taken", "mail.taken"),
            ("ignored", "mail.own_copy"),
        ] * 2
        assert [state for _, state, _ in desk.outbox()] == ["sent", "sent"]

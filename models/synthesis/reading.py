"""From the pieces of an answer to its sentences: the strict reader, whoever writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from models.errors import ModelUnavailable
from models.roles import DraftSentence
from models.synthesis import wire
from models.synthesis.chunks import Finish


async def read_draft(
    texts: AsyncGenerator[str, None], finish: Finish, *, passages: int, max_sentences: int, server: str
) -> AsyncGenerator[DraftSentence, None]:
    """Sentences as soon as each is whole, at most ``max_sentences``. Raises ``ModelUnavailable`` for what is no draft."""
    reader, written = wire.DraftReader(passages), 0
    try:
        async with aclosing(texts):
            async for text in texts:
                for sentence in reader.feed(text):
                    yield sentence
                    written += 1
                    if written == max_sentences:
                        return  # what follows is only closing brackets, or more than was asked for
        if not (written and finish.reason == "length"):  # a draft cut at its token limit keeps its whole sentences
            reader.finish()
    except wire.WireError as error:
        raise ModelUnavailable(
            f"The model server {server} did not keep to the form of a draft: {error}.",
            remedy="If it happens often, the model is too small or the server ignores response_format.",
        ) from None


async def unfenced(texts: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """The same pieces without a Markdown fence around the whole, which a model that is only asked in words likes to put there."""
    head, begun, fenced = "", False, False
    async with aclosing(texts):
        async for text in texts:
            if begun:
                yield text.replace("`", "") if fenced and "`" in text else text
                continue
            head += text
            if len(head.lstrip()) < 3 and "{" not in head:
                continue
            fenced = head.lstrip().startswith("```")
            if fenced and "{" not in head and len(head) < 20:
                continue
            begun = True
            yield head[head.find("{") :].replace("`", "") if fenced and "{" in head else head
        if not begun and head:
            yield head

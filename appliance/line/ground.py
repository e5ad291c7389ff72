"""Station 6: the gates. A sentence leaves only when it has passed all of them, whoever wrote it.

form -> citations -> language -> literals -> support. Each verdict is kept with the draft.
"""

from __future__ import annotations

import re

from appliance.line.desk import Desk
from appliance.line.literals import misbound, unsupported
from appliance.ticket import NOT_HEARD, Citation, Retrieved, Spoken, Verdict
from kb.article import Candidate
from models.roles import DraftSentence
from models.sentences import split_sentences

_MAX_CHARS = 600
_FORBIDDEN = re.compile(
    r"<[a-z/!][^>]*>|^\s*#{1,6}\s|```|!\[|\{\s*\"|\b(?:passage|source|document)s?\s*\[?\d|\bas an ai\b|\bsystem prompt\b"
    r"|[\u200b-\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f\x00-\x08\x0b-\x1f\ud800-\udfff]",
    re.I,
)


async def ground(
    desk: Desk, sentence: DraftSentence, retrieved: Retrieved, spoken: Spoken = NOT_HEARD
) -> tuple[Verdict, ...]:
    """The verdicts of the gates in order; the first that fails is the last that is asked. Raises ``Overloaded``."""
    verdicts = [_form(sentence)]
    if verdicts[-1].passed:
        verdicts.append(_citations(sentence, len(retrieved.passages)))
    if not verdicts[-1].passed:
        return tuple(verdicts)
    cited = [retrieved.passages[n - 1] for n in sentence.citations]
    verdicts.append(_language(desk, sentence, cited, spoken))
    if verdicts[-1].passed:
        verdicts.append(_literals(sentence, cited))
    if verdicts[-1].passed:
        verdicts.append(await _support(desk, sentence, cited))
    return tuple(verdicts)


def _form(sentence: DraftSentence) -> Verdict:
    text = sentence.text.strip()
    if not re.search(r"\w", text):
        return Verdict("form", False, sentence.text, "empty")
    if len(text) > _MAX_CHARS:
        return Verdict("form", False, sentence.text, f"longer than {_MAX_CHARS} characters")
    if found := _FORBIDDEN.search(text):
        return Verdict("form", False, sentence.text, f"markup or talk about itself: {found.group()!r}")
    return Verdict("form", True, sentence.text)


def _citations(sentence: DraftSentence, passages: int) -> Verdict:
    if not sentence.citations:
        return Verdict("citations", False, sentence.text, "cites nothing")
    unknown = [n for n in sentence.citations if not 1 <= n <= passages]
    if unknown:
        return Verdict("citations", False, sentence.text, f"cites {unknown}, which was not in the prompt")
    return Verdict("citations", True, sentence.text)


def _language(desk: Desk, sentence: DraftSentence, cited: list[Candidate], spoken: Spoken) -> Verdict:
    """Another language than the customer's, when both are known for sure. What an article says word for word was chosen by its language."""
    if any(sentence.text.strip() in found.passage.text for found in cited):
        return Verdict("language", True, sentence.text)
    limits = desk.policy.thresholds
    found = desk.detect(sentence.text)
    heard, told = spoken.confidence >= limits.language, found.confidence >= limits.language_of_text
    if heard and told and found.code != spoken.code:
        why = f"reads like {found.code!r} ({found.confidence:.2f}), the customer writes in {spoken.code!r}"
        return Verdict("language", False, sentence.text, why)
    return Verdict("language", True, sentence.text)


def _literals(sentence: DraftSentence, cited: list[Candidate]) -> Verdict:
    sources = [source_text(found) for found in cited]
    missing = unsupported(sentence.text, sources)
    if missing:
        return Verdict(
            "literals",
            False,
            sentence.text,
            "in no cited passage: " + ", ".join(f"{one.kind} {one.surface!r}" for one in missing),
        )
    if why := misbound(sentence.text, sources):
        return Verdict("literals", False, sentence.text, why)
    return Verdict("literals", True, sentence.text)


async def _support(desk: Desk, sentence: DraftSentence, cited: list[Candidate]) -> Verdict:
    least = desk.policy.thresholds.support
    scores = await desk.support([(sentence.text, source_text(found)) for found in cited])
    best = max(scores)
    return Verdict("support", best >= least, sentence.text, f"{best:.2f} of {least:.2f}")


def source_text(found: Candidate) -> str:
    """What a sentence may draw on: the passage with the title and headings under which it stands.

    Blank lines between them: a title that denies ("If you do not have a card") is no part of the first sentence.
    """
    return "\n\n".join(part for part in (found.title, found.passage.heading, found.passage.text) if part)


def citations(sentences: tuple[DraftSentence, ...], retrieved: Retrieved) -> tuple[Citation, ...]:
    """One citation a passage that is used, numbered as in the draft, with the words of the passage nearest to what was said."""
    used = sorted({n for sentence in sentences for n in sentence.citations})
    return tuple(
        _citation(n, retrieved.passages[n - 1], [one.text for one in sentences if n in one.citations]) for n in used
    )


def _citation(n: int, found: Candidate, said: list[str]) -> Citation:
    words = set(re.findall(r"\w+", " ".join(said).lower()))
    quotes = split_sentences(found.passage.text) or [found.passage.text]
    best = max(
        quotes, key=lambda quote: len(words & set(re.findall(r"\w+", quote.lower()))) / (1 + 0.1 * len(quote.split()))
    )
    verbatim = [text for text in said if text in found.passage.text]
    return Citation(
        n=n, article_id=found.passage.article_id, title=found.title, url=found.url, quote=" ".join(verbatim) or best
    )

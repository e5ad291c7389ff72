"""Station 6: the gates. A sentence leaves only when it has passed all of them, whoever wrote it.

form -> citations -> tone -> language -> literals -> support -> promises -> leak. Each verdict is kept with the draft.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from appliance.line.desk import Desk
from appliance.line.gates import malformed, promised, settle
from appliance.line.literals import misbound, unsupported
from appliance.ticket import NOT_HEARD, Citation, Retrieved, Spoken, Verdict
from kb.article import Candidate
from models.roles import DraftSentence
from models.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence as it may be said (tone may have cut it), and the verdicts in order: the first that failed is the last that was asked."""

    sentence: DraftSentence
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        return self.verdicts[-1].passed


async def ground(desk: Desk, sentence: DraftSentence, retrieved: Retrieved, spoken: Spoken = NOT_HEARD) -> Judged:
    """Ask the gates in order. Raises ``Overloaded``."""
    verdicts = [_form(sentence)]
    if verdicts[-1].passed:
        verdicts.append(_citations(sentence, len(retrieved.passages)))
    if not verdicts[-1].passed:
        return Judged(sentence, tuple(verdicts))
    cited = [retrieved.passages[n - 1] for n in sentence.citations]
    said, tone = _tone(sentence, cited)
    verdicts.append(tone)
    if verdicts[-1].passed:
        verdicts.append(_language(desk, said, cited, spoken))
    if verdicts[-1].passed:
        verdicts.append(_literals(said, cited))
    if verdicts[-1].passed:
        verdicts.append(await _support(desk, said, cited))
    if verdicts[-1].passed:
        verdicts.append(_promises(said, cited))
    if verdicts[-1].passed:
        verdicts.append(_leak(desk, said, cited))
    return Judged(said, tuple(verdicts))


def _verdict(gate: str, sentence: DraftSentence, why: str) -> Verdict:
    return Verdict(gate, not why, sentence.text, why)


def _form(sentence: DraftSentence) -> Verdict:
    return _verdict("form", sentence, malformed(sentence.text.strip()))


def _tone(sentence: DraftSentence, cited: list[Candidate]) -> tuple[DraftSentence, Verdict]:
    """What an article says word for word is the company's own voice."""
    if _copied(sentence, cited):
        return sentence, Verdict("tone", True, sentence.text)
    settled = settle(sentence.text)
    if not settled.text:
        return sentence, Verdict("tone", False, sentence.text, f"says nothing without its {settled.detail or 'words'}")
    return replace(sentence, text=settled.text), Verdict("tone", True, sentence.text, settled.detail)


def _promises(sentence: DraftSentence, cited: list[Candidate]) -> Verdict:
    claim = promised(sentence.text, [source_text(found) for found in cited])
    return _verdict("promises", sentence, f"{claim!r}: nothing was done that bears it out" if claim else "")


def _leak(desk: Desk, sentence: DraftSentence, cited: list[Candidate]) -> Verdict:
    return _verdict("leak", sentence, desk.private.leaked(sentence.text, [source_text(found) for found in cited]))


def _copied(sentence: DraftSentence, cited: list[Candidate]) -> bool:
    return any(sentence.text.strip() in found.passage.text for found in cited)


def _citations(sentence: DraftSentence, passages: int) -> Verdict:
    if not sentence.citations:
        return Verdict("citations", False, sentence.text, "cites nothing")
    unknown = [n for n in sentence.citations if not 1 <= n <= passages]
    if unknown:
        return Verdict("citations", False, sentence.text, f"cites {unknown}, which was not in the prompt")
    return Verdict("citations", True, sentence.text)


def _language(desk: Desk, sentence: DraftSentence, cited: list[Candidate], spoken: Spoken) -> Verdict:
    """Another language than the customer's, when both are known for sure. What an article says word for word was chosen by its language."""
    if _copied(sentence, cited):
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

"""What is wrong with the knowledge base: one function a check, each giving findings that name the article.

A new check is one more function, and one more name in ``CHECKS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np

from kb.article import REASONS, Article
from kb.terms import content_terms
from models.roles import Matrix

Severity = Literal["error", "warning", "hint"]
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")

LONG_WORDS = 1_500
"""Beyond this an article answers many questions, and each of them badly."""
NEAR_DUPLICATE = 0.95
"""Cosine of two articles' mean vectors from which a person should look whether they say the same."""
_LINK = re.compile(r"\[[^\]\n]{0,300}\]\(([^)\s]{1,500})\)")
_ARTICLE_FILE = re.compile(r"^(?:\./)?(?:[\w.%-]+/)*([\w.%-]+)\.(?:md|markdown|html?)(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class Finding:
    """``error``: customers may be told something wrong; ``warning``: they may; ``hint``: answers could be better."""

    check: str
    article_id: str
    message: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Shelf:
    """All that a check may look at. ``vectors``: article id -> mean vector of its passages, norm 1; may be empty."""

    articles: Sequence[Article]
    today: date
    intents: Collection[str] = ()
    vectors: Mapping[str, Matrix] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    """Article id -> language that its text clearly shows; ``home``: the language of articles that name none."""
    home: str = "en"


Check = Callable[[Shelf], Iterator[Finding]]


def lint(shelf: Shelf) -> list[Finding]:
    """Findings of every check, the gravest first."""
    found = [finding for check in CHECKS for finding in check(shelf)]
    return sorted(found, key=lambda one: (_SEVERITIES.index(one.severity), one.check, one.article_id))


def article_vectors(article_ids: Sequence[str], vectors: Matrix) -> dict[str, Matrix]:
    """Mean vector of each article's passages, norm 1; row i of ``vectors`` belongs to ``article_ids[i]``."""
    rows: dict[str, list[int]] = {}
    for row, article_id in enumerate(article_ids):
        rows.setdefault(article_id, []).append(row)
    means = {article_id: vectors[chosen].mean(axis=0) for article_id, chosen in rows.items()}
    return {article_id: mean / max(float(np.linalg.norm(mean)), 1e-9) for article_id, mean in means.items()}


def no_summary(shelf: Shelf) -> Iterator[Finding]:
    for article in shelf.articles:
        if not article.summary:
            yield Finding("no_summary", article.id, "has no summary: say in one sentence what it answers.", "hint")


def no_owner(shelf: Shelf) -> Iterator[Finding]:
    for article in shelf.articles:
        if not article.owner:
            yield Finding("no_owner", article.id, "has no owner: nobody is asked when it goes stale.", "hint")


def review_due(shelf: Shelf) -> Iterator[Finding]:
    for article in shelf.articles:
        if article.review_by and article.review_by < shelf.today:
            yield Finding("review_due", article.id, f"was to be reviewed by {article.review_by}.", "warning")


def expired(shelf: Shelf) -> Iterator[Finding]:
    for article in shelf.articles:
        if article.valid_until and article.valid_until < shelf.today:
            message = f"is not used since {article.valid_until}: renew or delete it."
            yield Finding("expired", article.id, message, "warning")


def never_valid(shelf: Shelf) -> Iterator[Finding]:
    for article in shelf.articles:
        if article.valid_from and article.valid_until and article.valid_from > article.valid_until:
            message = f"ends ({article.valid_until}) before it begins ({article.valid_from})."
            yield Finding("never_valid", article.id, message, "error")


def not_approved(shelf: Shelf) -> Iterator[Finding]:
    for article in shelf.articles:
        if not article.approved:
            yield Finding("not_approved", article.id, "is not used until somebody approves it.", "hint")


def held(shelf: Shelf) -> Iterator[Finding]:
    """Articles in whose source something was hidden, or whose text speaks to a model."""
    for article in shelf.articles:
        if article.waiting:
            first, *others = article.held
            more = f" (and {len(others)} more)" if others else ""
            message = (
                f"is not used until an author approves it: {REASONS[first.why]}: “{first.text[:200]}”{more}. "
                "Look with `appliance kb held`, then mend the file or run `appliance kb approve`."
            )
            yield Finding("held", article.id, message, "error")


def duplicate_title(shelf: Shelf) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for article in shelf.articles:
        key = " ".join(article.title.casefold().split())
        if key in first:
            yield Finding("duplicate_title", article.id, f"has the same title as {first[key]}.", "warning")
        first.setdefault(key, article.id)


def near_duplicate(shelf: Shelf) -> Iterator[Finding]:
    """Pairs with mean vectors this near say much the same, or contradict each other about the same."""
    ids = [article.id for article in shelf.articles if article.id in shelf.vectors]
    if len(ids) < 2:
        return
    matrix = np.stack([shelf.vectors[article_id] for article_id in ids])
    for start in range(0, len(ids), 1_000):  # a block at a time: 100,000 articles squared do not fit into memory
        near = matrix[start : start + 1_000] @ matrix.T
        for row, column in np.argwhere(near >= NEAR_DUPLICATE):
            if start + row < column:
                message = f"is nearly the same as {ids[start + row]} ({near[row, column]:.2f}): merge them or tell them apart."
                yield Finding("near_duplicate", ids[column], message, "warning")


def too_long(shelf: Shelf) -> Iterator[Finding]:
    for article in shelf.articles:
        words = len(article.text.split())
        if words > LONG_WORDS:
            message = f"has {words} words: split it by question (at most {LONG_WORDS})."
            yield Finding("too_long", article.id, message, "hint")


def too_short(shelf: Shelf) -> Iterator[Finding]:
    for article in shelf.articles:
        if len(content_terms(article.text)) < 5:
            yield Finding("too_short", article.id, "says too little to answer anything.", "warning")


def unknown_intent(shelf: Shelf) -> Iterator[Finding]:
    if not shelf.intents:
        return
    for article in shelf.articles:
        for intent in article.intents:
            if intent not in shelf.intents:
                yield Finding(
                    "unknown_intent", article.id, f"names the intent '{intent}', which the profile lacks.", "warning"
                )


def broken_link(shelf: Shelf) -> Iterator[Finding]:
    """Links to other articles by file name whose article does not exist."""
    ids = {article.id for article in shelf.articles} | {article.id.rpartition("/")[2] for article in shelf.articles}
    for article in shelf.articles:
        for target in dict.fromkeys(_LINK.findall(article.text)):
            match = _ARTICLE_FILE.match(target)
            if match and match.group(1) not in ids:
                yield Finding("broken_link", article.id, f"links to '{target}', which is no article.", "warning")


def other_language(shelf: Shelf) -> Iterator[Finding]:
    """An article is offered to customers of the language that it names, so a wrong one is shown to the wrong people."""
    for article in shelf.articles:
        shown, named = shelf.shown.get(article.id, ""), article.language or shelf.home
        if shown and shown != named:
            says = (
                f"names the language '{named}'" if article.language else f"names no language and so counts as '{named}'"
            )
            message = f"{says}, but its text reads like '{shown}': set `language: {shown}` or mend the text."
            yield Finding("other_language", article.id, message, "warning")


CHECKS: tuple[Check, ...] = (
    no_summary,
    no_owner,
    review_due,
    expired,
    never_valid,
    not_approved,
    held,
    duplicate_title,
    near_duplicate,
    too_long,
    too_short,
    unknown_intent,
    broken_link,
    other_language,
)

"""Articles to passages: parts small enough for the models to read, cut where an author would cut."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator

from kb.article import Article, Passage
from kb.outline import Atom, atoms, joined, sections
from kb.plain import plain

VERSION = 2
"""Part of the index's revision: passages of another version are made anew by ``kb rebuild``."""
SOFT_LIMIT = 900
"""Characters of a passage: about 200 tokens, which with title and heading stays within the 256 that the encoder reads."""

SMALLEST = 200
"""Characters below which a section joins its neighbour: alone it would be found for its heading and say nothing."""


def chunk(article: Article, *, limit: int = SOFT_LIMIT) -> list[Passage]:
    """Passages of ``article`` in reading order. Every word of its text is in one of them, or in a heading.

    Ids depend on the article's id, the headings above and the place under that heading, so a change in one section
    leaves the ids of all others as they are.
    """
    passages: list[Passage] = []
    counted: Counter[str] = Counter()
    for section in joined(sections(article.text, article.title), SMALLEST, limit * 2 // 3):
        heading = " > ".join(section.path)
        for text in pieces(section.text, limit):
            passage_id = _passage_id(article.id, heading, counted[heading])
            counted[heading] += 1
            passages.append(Passage(passage_id, article.id, len(passages), heading, plain(text)))
    return passages


def pieces(text: str, limit: int) -> Iterator[str]:
    """Parts of one section of about equal length, none much longer than ``limit``."""
    parts = math.ceil(len(text.strip()) / limit)
    held: list[Atom] = []
    for atom in _bounded(text, atoms(text), limit):
        if held and _is_full(held, atom, (len(text) - held[0].start) / max(parts, 1), limit, last=parts <= 1):
            yield _joined(text, held)
            held, parts = [], parts - 1
        held.append(atom)
    if held:
        yield _joined(text, held)


def _is_full(held: list[Atom], atom: Atom, target: float, limit: int, *, last: bool) -> bool:
    """Whether to cut before ``atom``: where the part comes nearest to ``target``, the sooner for a new paragraph.

    A line that introduces a list stays with its first item, and the last part takes what is left, both within reason:
    a tail of a few words would be a passage that says nothing.
    """
    length, longer = held[-1].end - held[0].start, atom.end - held[0].start
    introduced = _is_introduced(held, atom)
    if longer > limit * (1.3 if introduced or last else 1.0):
        return True
    if introduced or last:
        return False
    return length >= target * 0.8 if atom.fresh else (length + longer) / 2 >= target


def _is_introduced(held: list[Atom], atom: Atom) -> bool:
    return bool(atom.lead) and atom.kind != held[-1].kind


def _bounded(text: str, whole: list[Atom], limit: int) -> Iterator[Atom]:
    """Atoms no longer than ``limit``: a log line without a full stop is cut between words, or anywhere if it has none."""
    for atom in whole:
        start = atom.start
        while atom.end - start > limit:
            space = max(
                text.rfind(" ", start + limit // 2, start + limit), text.rfind("\n", start + limit // 2, start + limit)
            )
            cut = space + 1 if space > 0 else start + limit
            yield Atom(start, cut, atom.kind, fresh=False, lead=atom.lead)
            start = cut
        yield Atom(start, atom.end, atom.kind, atom.fresh and start == atom.start, atom.lead)


def _joined(text: str, held: list[Atom]) -> str:
    body = text[held[0].start : held[-1].end].strip("\n").rstrip()
    lead = held[0].lead
    return f"{lead}\n{body}" if lead and not body.startswith(lead) else body


def _passage_id(article_id: str, heading: str, ordinal: int) -> str:
    return hashlib.sha256(f"{article_id}\0{heading}\0{ordinal}".encode()).hexdigest()[:24]

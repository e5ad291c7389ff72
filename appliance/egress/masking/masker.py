"""Finds what must not leave: every recogniser in one place, and what of their findings counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from appliance.egress.masking.addresses import addresses, whole
from appliance.egress.masking.contact import emails, ips, urls
from appliance.egress.masking.encoded import encoded
from appliance.egress.masking.found import Found, Span, joined
from appliance.egress.masking.identity import national_ids
from appliance.egress.masking.numbers import ibans, numbers, spread
from appliance.egress.masking.persons import accounts, beside, from_mail, initials, introduced
from appliance.egress.masking.placeholders import Placeholders
from appliance.egress.masking.secrets import secrets
from appliance.masking_rules import Masking
from models.roles import NameTagger

if TYPE_CHECKING:
    from appliance.egress.masking.session import MaskSession

_NAMED = frozenset(("PERSON", "ADDRESS", "LOCATION", "ORGANIZATION"))
_EDGES = " \t\n\r,;:.!?\"'`*_()[]{}<>|/-"


class Masker:
    """Safe to call from several threads: it keeps nothing of what it reads."""

    def __init__(self, rules: Masking, tagger: NameTagger, *, keep: Iterable[str] = ()) -> None:
        """``keep``: names that stay readable beside those of the rules, such as the company's."""
        self._rules = rules
        self._tagger = tagger
        self._types = {*rules.types, *(pattern.type for pattern in rules.patterns), "TAG"}
        self._own = [(pattern.type, re.compile(pattern.regex)) for pattern in rules.patterns]
        self._keep = {" ".join(word.split()).casefold() for word in (*rules.keep, *keep)}
        self._hosts = tuple(host.lower() for host in rules.hosts)
        self.placeholders = Placeholders(pattern.type for pattern in rules.patterns)

    @property
    def types(self) -> frozenset[str]:
        """What it is set to mask."""
        return frozenset(self._types)

    def find(self, text: str, *, names: bool = True) -> tuple[Found, ...]:
        """Pieces of the text that must not leave, not overlapping, in order. ``names`` False: what has a form of its own alone, as in
        articles of the company's, which name products and no customers."""
        spans = [("TAG", start, end) for start, end in self.placeholders.written(text)]
        spans += self.formal(text, names=names)
        if names:
            spans += self._named(text, spans)
        return joined((span for span in spans if span[0] in self._types), text)

    def formal(self, text: str, *, names: bool) -> list[Span]:
        """What can be told by its form, encoded or not."""
        spans = self._plain(text, names=names)
        spans += encoded(text, lambda word: any(kind in self._types for kind, _, _ in self._plain(word, names=False)))
        return [span for span in spans if span[0] in self._types]

    def session(self) -> MaskSession:
        """For one hosted request."""
        from appliance.egress.masking.session import MaskSession

        return MaskSession(self)

    def _plain(self, text: str, *, names: bool) -> list[Span]:
        spans: list[Span] = [
            *secrets(text),
            *emails(text),
            *urls(text, kept=self._hosts, telling_only=not names),
            *ips(text),
        ]
        spans += [*ibans(text), *spread(text), *national_ids(text), *numbers(text, regions=self._rules.regions)]
        spans += [(kind, *found.span()) for kind, pattern in self._own for found in pattern.finditer(text)]
        return spans

    def _named(self, text: str, formal: Iterable[Span]) -> list[Span]:
        [mentions] = self._tagger.tag([text], at_least=self._rules.names)
        tagged: list[Span] = [span for one in mentions for span in self._trimmed(one.type, one.start, one.end, text)]
        mails = [text[start:end] for kind, start, end in formal if kind == "EMAIL"]
        persons = [*introduced(text), *accounts(text), *from_mail(mails, text)]
        digits = [span for span in formal if span[0] == "NUMBER"]
        persons += [*beside([span for span in (*tagged, *persons) if span[0] == "PERSON"], text)]
        people = [span for span in (*tagged, *persons) if span[0] == "PERSON"]
        places = [span for span in tagged if span[0] != "PERSON"]
        spans = [*people, *initials(people, text), *whole([*people, *places, *addresses(text), *digits], text)]
        return [span for span in spans if span[0] != "PERSON" or text[span[1] : span[2]].casefold() not in self._keep]

    def _trimmed(self, kind: str, start: int, end: int, text: str) -> Iterator[Span]:
        """Without marks at the edges, line by line for all but addresses; nothing where no letter or digit is left."""
        at = start
        for piece in (text[start:end],) if kind == "ADDRESS" else text[start:end].split("\n"):
            first = at + len(piece) - len(piece.lstrip(_EDGES))
            last = at + len(piece.rstrip(_EDGES))
            at += len(piece) + 1
            if first < last and " ".join(text[first:last].split()).casefold() not in self._keep:
                yield kind, first, last


def open_masker(rules: Masking, tagger: NameTagger, *, keep: Iterable[str] = ()) -> Masker:
    """The masker of a profile. ``tagger``: ``appliance.model_set.open_name_tagger``; ``keep``: the company's name."""
    return Masker(rules, tagger, keep=keep)

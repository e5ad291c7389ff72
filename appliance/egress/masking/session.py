"""One hosted request: values become placeholders, and placeholders values again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from appliance.egress.masking.encoded import encoded
from appliance.egress.masking.found import Found, Span, joined
from appliance.egress.masking.masker import Masker
from appliance.egress.masking.mentions import Mentions
from appliance.egress.masking.placeholders import BLANK, placeholder

_ROUNDS = 6


class MaskSession:
    """The same value has the same placeholder in all texts of the request. Not for several threads at once."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._placeholders: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._used: Counter[str] = Counter()
        self._mentions = Mentions()

    def mask(self, text: str, *, names: bool = True) -> str:
        """The text with a placeholder for each value. ``names`` False: for the company's own articles, of which only what has a form of its own
        (numbers, addresses of e-mail, keys) is masked, and what another text of this request has already told to be somebody's."""
        masked = self._replaced(text, self._masker.find(text, names=names))
        for _ in range(_ROUNDS):  # what is left beside a placeholder may take a form of its own
            left = self.leftovers(masked)
            if not left:
                return masked
            masked = self._replaced(masked, left)
        while left := self.leftovers(masked):
            masked = self._replaced(masked, _lines(left, masked, self._blanked(masked)))
        return masked

    def mask_all(self, texts: Sequence[str], *, names: bool = True) -> list[str]:
        """Texts of one conversation: a name that only a later one gives away is masked in the earlier ones too."""
        for text in texts:
            self.mask(text, names=names)
        return [self.mask(text, names=names) for text in texts]

    @property
    def counts(self) -> dict[str, int]:
        """How many different values of each type were masked."""
        return dict(self._used)

    def leftovers(self, text: str) -> tuple[Found, ...]:
        """What must not leave and still stands in a text: anything that has the form of an identifier or key, and any further mention of a value
        that was masked, in other letters, marks or encodings. Placeholders of this request are passed over."""
        blanked = self._blanked(text)
        spans = self._masker.formal(blanked, names=False)
        for start, end in _segments(blanked):
            part = blanked[start:end]
            spans += [(kind, start + first, start + last) for kind, first, last in self._mentions.find(part)]
        spans += encoded(blanked, lambda word: any(True for _ in self._mentions.find(word)))
        return joined(_outside(spans, blanked), text)

    def restore(self, text: str) -> str:
        """A reply with the values in place of the placeholders, whatever the model did to their brackets and case."""
        made, at = [], 0
        for start, end, name in self._masker.placeholders.read(text):
            if name in self._values:
                made += [text[at:start], self._values[name]]
                at = end
        return "".join([*made, text[at:]])

    def unknown(self, text: str) -> tuple[str, ...]:
        """Placeholders in a reply that this request never gave out, each once."""
        named = [name for _, _, name in self._masker.placeholders.read(text)] + self._masker.placeholders.foreign(text)
        return tuple(dict.fromkeys(name for name in named if name not in self._values))

    def _blanked(self, text: str) -> str:
        return self._masker.placeholders.blanked(text, self._values)

    def _replaced(self, text: str, found: Iterable[Found]) -> str:
        made, at = [], 0
        for one in found:
            made += [text[at : one.start], self._placeholder(one)]
            at = one.end
        return "".join([*made, text[at:]])

    def _placeholder(self, found: Found) -> str:
        if found.value not in self._placeholders:
            self._used[found.type] += 1
            name = placeholder(found.type, self._used[found.type])
            self._placeholders[found.value] = name
            self._values[name] = found.value
            if found.type != "TAG":
                self._mentions.add(found.type, found.value)
        return self._placeholders[found.value]


def _segments(blanked: str) -> list[tuple[int, int]]:
    """Where a text stands between placeholders."""
    made, at = [], 0
    for part in blanked.split(BLANK):
        if part:
            made.append((at, at + len(part)))
        at += len(part) + 1
    return made


def _outside(spans: Iterable[Span], blanked: str) -> list[Span]:
    """The spans without placeholders in them."""
    return [
        (kind, start + first, start + last)
        for kind, start, end in spans
        for first, last in _segments(blanked[start:end])
    ]


def _lines(found: Iterable[Found], text: str, blanked: str) -> list[Found]:
    """All that stands between two placeholders or line ends, for what does not come to rest."""
    made = []
    for one in found:
        start = max(blanked.rfind(BLANK, 0, one.start), blanked.rfind("\n", 0, one.start)) + 1
        ends = [at for at in (blanked.find(BLANK, one.end), blanked.find("\n", one.end)) if at >= 0]
        made.append((one.type, start, min(ends, default=len(text))))
    return list(joined(made, text))

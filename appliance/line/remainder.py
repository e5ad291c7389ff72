"""What is left of a draft once sentences were removed: may it leave, or would it say something else, or nothing that was asked?

Two rules, and no more. A sentence that leans on the one before it ("However …", "It …", "Then …") falls with it. And where the question asks for a
kind of answer (a duration, an amount, a number, a way to do it), sentences of another kind wait until one of that kind has passed, or until the
draft has ended with nothing removed: so nothing is told to the customer that would have to be taken back.
A quote is copied and chosen whole; only the first rule holds for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.ticket import Verdict
from models.roles import DraftSentence
from models.synthesis.answer_type import answers, asked_for
from models.synthesis.candidates import leans

_MISSING = {
    "steps": "no sentence that is left says how to do it",
    "duration": "no sentence that is left says when or how long",
    "money": "no sentence that is left names the amount",
    "count": "no sentence that is left names the number",
}


@dataclass(slots=True)
class Remainder:
    """Of one draft. ``told`` have left; ``held`` passed the gates and wait for the sentence that answers."""

    question: str
    verbatim: bool = False
    told: list[DraftSentence] = field(default_factory=list)
    held: list[DraftSentence] = field(default_factory=list)
    removed: int = 0
    apology: list[DraftSentence] = field(default_factory=list)
    _before_fell: bool = False

    def passed(self, sentence: DraftSentence) -> tuple[list[DraftSentence], Verdict | None]:
        """The sentences that may leave now that this one has passed the gates, in order; or the verdict that removes it after all."""
        if self._before_fell and leans(sentence.text):
            self.fell()
            return [], Verdict("antecedent", False, sentence.text, "leans on a sentence that was removed")
        self._before_fell = False
        if any(sentence.text == earlier.text for earlier in (*self.told, *self.held)):
            return [], None
        self.held.append(sentence)
        if self.verbatim or self.told or answers(asked_for(self.question), sentence.text):
            return self._release(), None
        return [], None

    def sorry(self, sentence: DraftSentence) -> None:
        """An apology waits for the first sentence that answers, and leaves before it; alone it says nothing."""
        if not self.told and not self.apology:
            self.apology = [sentence]

    def fell(self) -> None:
        """The next sentence of the draft did not pass."""
        self.removed += 1
        self._before_fell = True

    def ended(self, *, whole: bool) -> tuple[list[DraftSentence], list[Verdict]]:
        """The draft is over: what may still leave, or why what was held may not. ``whole``: the writer came to its own end."""
        if whole and not self.removed:
            return self._release(), []
        why = _MISSING.get(asked_for(self.question), "")
        fallen = [Verdict("answers", False, sentence.text, why) for sentence in self.held]
        self.removed += len(self.held)
        self.held = []
        return [], fallen

    @property
    def count(self) -> int:
        return len(self.told) + len(self.held)

    def _release(self) -> list[DraftSentence]:
        freed = [*self.apology, *self.held] if self.held else []
        self.apology, self.held = [] if freed else self.apology, []
        self.told.extend(freed)
        return freed

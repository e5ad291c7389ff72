"""The gate: kill switch, rules, hours, budget, mask, second scan, ledger row, and only then a permit. Nothing else makes one.

Everything here may block (a database, a masker); the rung calls it off the event loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

from appliance.egress.ledger import Ledger, Outcome
from appliance.egress.masks import Masker, MaskSession, left_over, masked
from appliance.egress.rules import INTERNAL, Asked, Cost, Refused, budget_days, judge, over_budget
from appliance.egress.switch import KillSwitch
from appliance.errors import ApplianceFault
from appliance.line.ladder import Errand
from appliance.policy import Policy
from appliance.store.ledger import LedgerReader
from kb.article import Audience
from models.permits import Seal
from models.roles import Permit, SynthesisRequest, Usage
from models.synthesis.prompts import build
from models.synthesis.providers import Provider, payload

PERMIT_S = 10.0
"""How long a permit may be used; it is taken at once, so this only bounds one that is not."""
_TOKENS_AROUND = 256
"""Of the request's frame: roles, separators, and what a provider puts before a prompt."""
_MOST_TOKENS = 10_000_000
"""A count beyond it, or below zero, is no count: what was reserved stays spent."""
_FREE_STATUS = range(400, 600)
"""HTTP statuses with which a provider says that it has worked on nothing."""

Audiences = Callable[[Sequence[str]], Mapping[str, Audience]]
"""Article id -> for whom it is, as the knowledge base says now."""
Names = Callable[[str], Sequence[str]]
"""Customer id -> whatever the settings may call that customer by."""


def _itself(customer: str) -> Sequence[str]:
    return (customer,)


@dataclass(frozen=True, slots=True)
class Terms:
    """With whom, for how much. Prices are for a million tokens, so they are millionths a token."""

    provider: Provider
    host: str
    model: str
    price_input: Decimal
    price_output: Decimal
    max_tokens: int
    residency: str = ""
    customer_residency: Mapping[str, str] | None = None

    def cost(self, tokens_in: int, tokens_out: int) -> Cost:
        money = self.price_input * tokens_in + self.price_output * tokens_out
        return Cost(int(money.to_integral_value(ROUND_CEILING)), tokens_in + tokens_out)

    def worst(self, sent: bytes) -> Cost:
        """No tokenizer makes more tokens of a text than it has bytes, so neither the provider's nor ours is needed."""
        return self.cost(len(sent) + _TOKENS_AROUND, self.max_tokens)


@dataclass(frozen=True, slots=True)
class Ready:
    """A payload that the policy allows, masked and scanned, and not yet in the ledger. ``session`` reads the answer."""

    errand: Errand
    rule: str
    sent: bytes
    passages: int
    cost: Cost
    session: MaskSession


class Gate:
    """Made only while hosted models are enabled. ``broken``: why the ledger cannot be trusted; then nothing leaves."""

    def __init__(
        self,
        policy: Policy,
        terms: Terms,
        ledger: Ledger,
        switch: KillSwitch,
        masker: Masker,
        *,
        seal: Seal,
        audiences: Audiences,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        broken: str = "",
        names: Names = _itself,
    ) -> None:
        self._policy, self.terms, self._ledger, self._switch, self._masker = policy, terms, ledger, switch, masker
        self._seal, self._audiences, self._now, self._clock = seal, audiences, now, clock
        self._broken, self._names = broken, names

    def consider(self, errand: Errand, session: MaskSession | None = None) -> Ready | Refused:
        """All that can be said before a row is written. ``session``: of the same ticket's draft before this one."""
        try:
            if self._broken:
                return Refused("egress.ledger", self._broken)
            asked = self._asked(errand)
            with self._ledger.reading() as book:
                if stopped := self._switch.stopped(book):
                    return Refused("egress.killed", f"The kill switch stops it: {stopped}.")
                rule = judge(self._policy.fallback, asked, self._now())
                if isinstance(rule, Refused):
                    return rule
                if over := self._over(book, self.terms.worst(b"")):  # cheap, and spares the mask
                    return over
        except ApplianceFault as fault:
            return Refused("egress.ledger", f"The ledger cannot be read: {fault.message}")
        return self._under_mask(errand, rule.id, session or self._masker.session())

    def permit(self, ready: Ready) -> Permit | Refused:
        """The row, committed and anchored, then the permit. Two at once never go over the budget: who writes holds the ledger alone."""
        try:
            with self._ledger.page() as page:
                if stopped := self._switch.stopped(page.book):
                    return Refused("egress.killed", f"The kill switch stops it: {stopped}.")
                rule = judge(self._policy.fallback, self._asked(ready.errand), self._now())
                if isinstance(rule, Refused):
                    return rule
                if over := self._over(page.book, ready.cost):
                    return over
                today, _, _ = budget_days(self._policy.fallback, self._now())
                row = page.add(
                    "left",
                    self._row(replace(ready, rule=rule.id)),
                    budget_day=today,
                    money_micros=ready.cost.money_micros,
                    tokens=ready.cost.tokens,
                )
        except ApplianceFault as fault:
            return Refused("egress.ledger", f"The ledger cannot be written: {fault.message}")
        return self._seal.issue(
            row=row.sequence,
            host=self.terms.host,
            model=self.terms.model,
            payload=ready.sent,
            expires_at=self._clock() + PERMIT_S,
        )

    def stopped(self) -> str:
        """Why a request under way must end now; empty while it may go on. A switch that cannot be read counts as off."""
        try:
            return self._switch.braked() or self._switch.stopped()
        except (ApplianceFault, ValueError) as fault:
            return f"the kill switch cannot be read ({type(fault).__name__})"

    def settle(self, row: int, status: str, usage: Usage, *, duration_ms: int, fault: str = "") -> None:
        """What became of the row. A count is final only at the end of a whole answer; of one that was cut, what was reserved stays spent. Raises ``ApplianceFault``."""
        counted = (
            status == "ok" and 0 < usage.prompt_tokens < _MOST_TOKENS and 0 <= usage.completion_tokens < _MOST_TOKENS
        )
        refused = usage.extra.get("status") in _FREE_STATUS or status == "not_sent"
        if counted:
            cost = self.terms.cost(usage.prompt_tokens, usage.completion_tokens)
            outcome = Outcome(
                status, usage.prompt_tokens, usage.completion_tokens, cost.money_micros, duration_ms, fault
            )
        elif refused:
            outcome = Outcome(status, 0, 0, 0, duration_ms, fault)
        else:
            outcome = Outcome(status, duration_ms=duration_ms, fault=fault)
        self._ledger.settle(row, outcome)

    def _asked(self, errand: Errand) -> Asked:
        case, tier = errand.case, errand.identified.tier
        intents = [case.classified.intent, *(intent for intent, _ in case.classified.parts)]
        known = [name for name in intents if name]
        return Asked(
            intent=case.classified.intent,
            tier=tier,
            residency=self._residency(case.ticket.customer_id),
            occasion=errand.occasion,
            data_classes=frozenset(self._data_classes(errand)),
            always_person=next((name for name in known if self._policy.always_person(name, tier)), ""),
        )

    def _residency(self, customer: str | None) -> frozenset[str]:
        """The installation's tag, and the customer's where one is set: a rule must allow both, so that nobody loosens it by naming another customer."""
        if not self.terms.residency:
            return frozenset()
        tags = self.terms.customer_residency
        own = {tags[name] for name in self._names(customer) if name in tags} if tags and customer else set()
        return frozenset((self.terms.residency, *own)) - {""}

    def _data_classes(self, errand: Errand) -> set[str]:
        """Kinds of text in the prompt. An article that the knowledge base no longer knows counts as one for staff alone."""
        kinds = {"customer_message"}
        if errand.request.history or errand.case.classified.follow_up:
            kinds.add("history")
        found = errand.case.retrieved.passages if errand.case.retrieved else ()
        ids = list(dict.fromkeys(one.passage.article_id for one in found))
        if len(found) != len(errand.request.passages):
            kinds.add(INTERNAL)  # passages of which nobody says where they come from
        audiences = self._audiences(ids)
        kinds |= {f"{audiences.get(name, 'internal')}_articles" for name in ids}
        return kinds

    def _over(self, book: LedgerReader, cost: Cost) -> Refused | None:
        fallback = self._policy.fallback
        today, first, last = budget_days(fallback, self._now())
        return over_budget(fallback, cost, book.spent(today, today), book.spent(first, last))

    def _under_mask(self, errand: Errand, rule: str, session: MaskSession) -> Ready | Refused:
        request = masked(session, errand.request)
        prompt = build(request)
        if left := left_over(session, prompt, mark=request.mark):
            return Refused("egress.unmasked", f"The second scan still finds {', '.join(left)} in the masked prompt.")
        sent = self._payload(request)
        return Ready(errand, rule, sent, prompt.passages, self.terms.worst(sent), session)

    def _payload(self, request: SynthesisRequest) -> bytes:
        return payload(
            build(request),
            self.terms.provider,
            self.terms.model,
            max_tokens=self.terms.max_tokens,
            max_sentences=request.max_sentences,
        )

    def _row(self, ready: Ready) -> dict[str, Any]:
        message = ready.errand.case.ticket.message
        return {
            "conversation_id": message.conversation_id,
            "message_id": message.id,
            "purpose": "redraft" if ready.errand.request.rejected else "draft",
            "occasion": ready.errand.occasion,
            "rule": ready.rule,
            "intent": ready.errand.case.classified.intent,
            "host": self.terms.host,
            "model": self.terms.model,
            "bytes": len(ready.sent),
            "sha256": hashlib.sha256(ready.sent).hexdigest(),
            "masked": dict(sorted(ready.session.counts.items())),
        }

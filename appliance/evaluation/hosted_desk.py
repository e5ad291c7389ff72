"""The price of masking in answer quality: the hosted rung, its gate and its ledger, against a server of this machine, with the mask on or off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import httpx2

from appliance.config import Config, Hosted
from appliance.egress.masking import open_masker
from appliance.egress.masks import Found, Masker, MaskSession
from appliance.egress.opening import open_rung
from appliance.errors import InputInvalid
from appliance.evaluation.hosted import Server
from appliance.fallback import Budget, DataClass, Fallback, FallbackRule, Occasion
from appliance.line.desk import Desk
from appliance.model_set import open_name_tagger
from appliance.policy import Policy
from appliance.store.database import Database
from appliance.ticket import TIERS
from models.synthesis.hosted import is_loopback

_TAG = "evaluation"


@asynccontextmanager
async def hosted_desk(config: Config, database: Database, desk: Desk, server: Server) -> AsyncIterator[Desk]:
    """The same desk with the hosted rung above the quote, allowed everything that a person does not always handle. Raises ``InputInvalid``."""
    try:
        host = httpx2.URL(server.base_url).host
    except httpx2.InvalidURL:
        host = ""
    if not is_loopback(host):
        raise InputInvalid(
            f"{server.base_url} is not on this machine.",
            remedy="Measuring sends nothing out of the building: give the address of a server on 127.0.0.1.",
        )
    policy = desk.policy.model_copy(update={"fallback": _everything(desk.policy)})
    hosted = Hosted(
        enabled=True,
        provider="custom",
        base_url=server.base_url,
        model=server.model,
        api_key_file=server.api_key_file,
        residency=_TAG,
        price_input=0,
        price_output=0,
        max_tokens=600,
    )
    masker: Masker = (
        open_masker(policy.masking, open_name_tagger(config), keep=(policy.company,)) if server.mask else Unmasked()
    )
    chosen = config.model_copy(update={"hosted": hosted})
    rung = open_rung(chosen, policy, database, masker, now=lambda: datetime.now(UTC))
    try:
        yield replace(desk, ladder=(rung, desk.ladder[-1]))
    finally:
        await rung.aclose()


def _everything(policy: Policy) -> Fallback:
    rule = FallbackRule(
        id=_TAG,
        intents=tuple(one.name for one in policy.intents if not one.always_escalate),
        tiers=TIERS,
        residency=(_TAG,),
        occasions=get_args(Occasion),
        data_classes=get_args(DataClass),
    )
    plenty = Budget(money=1.0, tokens=10**12)
    return Fallback(daily_budget=plenty, monthly_budget=plenty, rules=(rule,))


class Unmasked:
    """Masks nothing and finds nothing. Only here, where the server is this machine's own."""

    counts: Mapping[str, int] = {}

    def session(self) -> MaskSession:
        return self

    def mask(self, text: str, *, names: bool = True) -> str:
        return text

    def leftovers(self, text: str) -> tuple[Found, ...]:
        return ()

    def restore(self, text: str) -> str:
        return text

    def unknown(self, text: str) -> tuple[str, ...]:
        return ()

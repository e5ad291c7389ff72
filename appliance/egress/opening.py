"""From settings to the hosted rung. Called only while ``hosted.enabled``: without it nothing of this is imported, let alone made."""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from appliance.config import Config, Hosted
from appliance.egress.gate import Gate, Terms
from appliance.egress.ledger import Ledger
from appliance.egress.masks import Masker
from appliance.egress.rung import Hosted as HostedRung
from appliance.egress.switch import KillSwitch
from appliance.egress.verify import verify
from appliance.errors import ConfigInvalid
from appliance.line.breaker import Breaker, Limits
from appliance.policy import Policy
from appliance.store.articles import SqlArticles
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from kb.article import Audience
from models.permits import Seal
from models.synthesis.hosted import HostedModel
from models.synthesis.providers import PROVIDERS, Provider


def open_rung(
    config: Config,
    policy: Policy,
    database: Database,
    masker: Masker,
    *,
    now: Callable[[], datetime],
    clock: Callable[[], float] = time.monotonic,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> HostedRung:
    """The rung with its gate, client and ledger; what a crash left open in the ledger is settled. Raises ``ConfigInvalid``, ``ModelRefused``, ``StorageFailed``."""
    if not config.hosted.enabled:
        raise ConfigInvalid("hosted.enabled is false.", remedy="Nothing hosted is made without it.")
    provider = chosen(config.hosted)
    price_input, price_output = prices(config.hosted)
    seal = Seal(random(32))
    model = HostedModel(
        provider.base_url,
        provider.model,
        api_key(config.hosted),
        seal=seal,
        timeout_s=config.hosted.timeout_s,
        first_token_timeout_s=config.hosted.first_token_timeout_s,
        clock=clock,
    )
    ledger = Ledger(database, config.egress_anchor, now=now)
    terms = Terms(
        provider,
        host=model.host,
        model=model.model,
        price_input=price_input,
        price_output=price_output,
        max_tokens=config.hosted.max_tokens,
        residency=config.hosted.residency,
        customer_residency=config.hosted.customer_residency,
    )
    gate = Gate(
        policy,
        terms,
        ledger,
        KillSwitch(ledger, config.egress_brake),
        masker,
        seal=seal,
        audiences=_audiences(SqlArticles(database)),
        now=now,
        clock=clock,
        broken=_broken(ledger),
        names=SqlCustomers(database).names,
    )
    opens = config.synthesis.breaker
    breaker = Breaker(Limits(opens.faults, opens.open_s, opens.lasting_s), clock)
    return HostedRung(gate, model, breaker=breaker, clock=clock)


def chosen(hosted: Hosted) -> Provider:
    """The preset with what the settings say instead. Raises ``ConfigInvalid``."""
    preset = PROVIDERS[hosted.provider]
    address, model = hosted.base_url or preset.base_url, hosted.model or preset.model
    if not address or not model:
        raise ConfigInvalid(
            "hosted.base_url and hosted.model are needed for a provider of your own.",
            remedy="Set both, or choose a preset with hosted.provider.",
        )
    form = preset.form if hosted.form == "preset" else hosted.form
    return Provider(
        preset.name, address, model, preset.price_input, preset.price_output, form, preset.limit, preset.extra
    )


def prices(hosted: Hosted) -> tuple[Decimal, Decimal]:
    """For a million tokens in and out. Raises ``ConfigInvalid`` for a preset's prices that nobody has confirmed: budgets are worth what the prices are."""
    preset = PROVIDERS[hosted.provider]
    own = (hosted.price_input, hosted.price_output)
    if None not in own:
        return Decimal(str(own[0])), Decimal(str(own[1]))
    known = (
        own[0] if own[0] is not None else preset.price_input,
        own[1] if own[1] is not None else preset.price_output,
    )
    if None in known:
        raise ConfigInvalid(
            "hosted.price_input and hosted.price_output are not set.",
            remedy="Set the prices of a million tokens; 0 for a server of your own that costs nothing.",
        )
    other = (hosted.model and hosted.model != preset.model) or (hosted.base_url and hosted.base_url != preset.base_url)
    if other or not hosted.prices_confirmed:
        raise ConfigInvalid(
            f"Nobody has confirmed the prices of {hosted.provider}: {known[0]} and {known[1]} for a million tokens in and out.",
            remedy="Compare them with your contract; then set hosted.prices_confirmed, or hosted.price_input and hosted.price_output.",
        )
    return Decimal(str(known[0])), Decimal(str(known[1]))


def api_key(hosted: Hosted) -> str:
    """From the file, which only its owner may read, or the environment. Raises ``ConfigInvalid``; no message holds it."""
    if not hosted.api_key_file:
        return os.environ.get("APPLIANCE_HOSTED_API_KEY", "").strip()
    file = Path(hosted.api_key_file)
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigInvalid(
                f"The key file {file} can be read by others than its owner.", remedy=f"chmod 600 {file}"
            )
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigInvalid(
            f"The key file {file} cannot be read: {error.strerror}.",
            remedy="Check hosted.api_key_file and its permissions.",
        ) from error


def _broken(ledger: Ledger) -> str:
    """Why the ledger cannot be trusted, in words; empty when it is intact. Then what a crash left open is settled."""
    report = verify(ledger.rows, ledger.anchor)
    if report.intact:
        ledger.settle_unknown()
        return ""
    first = report.breaks[0]
    return f"The egress ledger is broken at row {first.sequence} ({first.what}); run `appliance egress verify`."


def _audiences(articles: SqlArticles) -> Callable[[Sequence[str]], Mapping[str, Audience]]:
    def look(ids: Sequence[str]) -> Mapping[str, Audience]:
        return {article.id: article.audience for article, _ in articles.several(ids)}

    return look

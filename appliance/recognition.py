"""From the settings to the parts that know who writes: signed identities, the customer table, and the CRM behind it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter

from appliance.channels.visitors import Visitors
from appliance.config import Config
from appliance.crm.book import Book
from appliance.crm.opening import open_connector, secret_of
from appliance.customers import Customers
from appliance.identity.opening import open_verifier, secrets_of
from appliance.store.customers import SqlCustomers
from appliance.store.database import Database
from appliance.ticket import Identified, Trust
from appliance.trusted import Trusted

_ASKING = 8
"""Twice what may wait for the CRM at once, so that tickets which need not ask it go on."""


@dataclass(frozen=True, slots=True)
class Recognition:
    visitors: Visitors
    customers: SqlCustomers
    identify_by: Callable[[Trusted], Callable[[str | None, Trust], Identified]]
    """Who somebody is, by the floors of a profile."""
    threads: Executor | None
    """Of its own, where a CRM may keep them waiting."""
    crm: Callable[[], str] | None
    """How the CRM is doing; None without one."""

    def ready(self) -> list[tuple[str, bool, str]]:
        """For the list of parts. A CRM that is down is told and stops nothing: tickets go on without it."""
        return [("crm", True, self.crm())] if self.crm else []


def open_recognition(
    config: Config,
    database: Database,
    registry: CollectorRegistry,
    on_close: Callable[[Callable[[], None]], object],
    *,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
    clock: Callable[[], float] = time.monotonic,
) -> Recognition:
    """Asks nobody yet. Raises ``ConfigInvalid``."""
    identities = Counter("appliance_identities", "Signed identities looked at.", ("outcome",), registry=registry)
    questions = Counter("appliance_crm_questions", "How questions to the CRM ended.", ("outcome",), registry=registry)
    customers = SqlCustomers(database)
    visitors = Visitors(
        open_verifier(config.identity),
        customers,
        config.identity,
        new_id=new_id,
        now=now,
        observe=lambda outcome: identities.labels(outcome).inc(),
    )
    connector = open_connector(config)
    book, threads = None, None
    if connector is not None:
        threads = ThreadPoolExecutor(_ASKING, thread_name_prefix="identify")
        on_close(threads.shutdown)
        book = Book(config.crm, connector, clock=clock, observe=lambda outcome: questions.labels(outcome).inc())
        on_close(book.close)

    def identify_by(trusted: Trusted) -> Callable[[str | None, Trust], Identified]:
        return Customers(customers, trusted, now=now, book=book).identify

    return Recognition(visitors, customers, identify_by, threads, book.state if book else None)


def customer_keys(config: Config) -> dict[str, str]:
    """What each secret is for -> the secret; they may stand in no reply."""
    shared = secrets_of(config.identity)
    keys = {f"the secret of signed identities ({n})": secret.decode() for n, secret in enumerate(shared, 1)}
    if config.crm.kind != "none":
        keys["the key of the CRM"] = secret_of(config)
    return keys

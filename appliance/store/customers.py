"""Customers in SQL: found by what was proven of them, and what is theirs. Every call is one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from appliance.crm.book import Standing
from appliance.customers import Customer
from appliance.errors import IdentityInvalid
from appliance.identity.claims import Verified
from appliance.store.conversation_rows import hold, owned, token_hash
from appliance.store.customer_tables import CustomerRow, CustomerTokenRow, IdentityUseRow
from appliance.store.database import Database
from appliance.store.tables import ConversationRow
from appliance.store.views import OwnConversation


class SqlCustomers:
    def __init__(self, database: Database) -> None:
        self._database = database

    def customer(self, customer_id: str) -> Customer | None:
        with self._database.read() as session:
            row = session.get(CustomerRow, customer_id)
            return _customer(row) if row else None

    def known_as(self, key: str) -> Customer | None:
        """By the host page's id or the e-mail address."""
        with self._database.read() as session:
            query = select(CustomerRow).where(or_(CustomerRow.external_id == key, CustomerRow.email == key.lower()))
            row = session.scalars(query).first()
            return _customer(row) if row else None

    def names(self, customer_id: str) -> tuple[str, ...]:
        """All that a setting may call this customer by: our id, the host page's id, the e-mail address."""
        found = self.customer(customer_id)
        return tuple(name for name in (customer_id, found and found.external_id, found and found.email) if name)

    def put_customer(self, *, customer_id: str, email: str, name: str, tier: str, now: datetime) -> str:
        """Add or change a customer by e-mail address, by the word of the operator; returns the id of the row."""
        with self._database.write() as session:
            row = _by_email(session, email.lower())
            if row is None:
                row = _new(session, CustomerRow(id=customer_id, email=email.lower(), name=name, created_at=now))
            row.name, row.tier, row.listed = name or row.name, tier, True
            return row.id

    def put_standing(self, customer_id: str, standing: Standing, *, now: datetime) -> None:
        """What the CRM said. An older word never replaces a newer one: answers may come late."""
        with self._database.write() as session:
            row = session.get(CustomerRow, customer_id, with_for_update=True)
            if row is None or (row.crm_at is not None and row.crm_at > now):
                return
            row.tier, row.listed, row.crm_at = standing.tier, standing.listed, now
            row.name = standing.name or row.name

    def recognise(self, who: Verified, *, new_id: Callable[[], str], now: datetime) -> str:
        """The row of a signed-in customer, made or brought up to date; returns its id.

        The host page's id goes before the address. An address that is not proven is not written down: it would give its mails away. One that was
        another customer's moves to the one who proved it last.
        """
        return self._unchanged(who) or self._again(lambda: self._recognise(who, new_id=new_id, now=now))

    def of_address(self, email: str, *, name: str = "", new_id: Callable[[], str], now: datetime) -> str:
        """The row of whoever owns that address, made when there is none; returns its id. Only for an address that the channel has authenticated."""

        def find() -> str:
            with self._database.write() as session:
                row = _by_email(session, email.lower())
                if row is None:
                    row = _new(session, CustomerRow(id=new_id(), email=email.lower(), name=name, created_at=now))
                    row.listed = False
                return row.id

        return self._again(find)

    def use(self, jti: str, *, within_s: float, expires: datetime, now: datetime) -> None:
        """Count a use of an identity. Raises ``IdentityInvalid`` when its first use is longer ago than ``within_s``."""
        key = token_hash(jti)

        def count() -> str:
            with self._database.write() as session:
                session.execute(delete(IdentityUseRow).where(IdentityUseRow.expires_at <= now))
                row = session.get(IdentityUseRow, key)
                if row is None:
                    session.add(IdentityUseRow(jti_hash=key, first_at=now, expires_at=expires))
                elif row.first_at + timedelta(seconds=within_s) <= now:
                    raise IdentityInvalid(
                        "The signed identity is not valid: it was used before.",
                        remedy="Sign a new one for each page that is shown.",
                    )
                return ""

        self._again(count)

    def conversations_of(self, customer_id: str, *, limit: int) -> list[OwnConversation]:
        """The customer's own, the one with the latest message first."""
        with self._database.read() as session:
            query = (
                select(ConversationRow)
                .where(ConversationRow.customer_id == customer_id)
                .order_by(ConversationRow.updated_at.desc(), ConversationRow.id)
                .limit(limit)
            )
            return [
                OwnConversation(row.id, row.channel, row.subject, row.status, row.created_at, row.updated_at)  # type: ignore[arg-type] # literals, as they were written
                for row in session.scalars(query)
            ]

    def admit(self, customer_id: str, conversation_id: str, token: str, *, until: datetime, now: datetime) -> None:
        """Let a token into one of the customer's own conversations. Raises ``NotFound`` for another one's, and for one that does not exist."""
        with self._database.write() as session:
            conversation = owned(session, conversation_id, customer_id)
            hold(session, token, conversation.id, customer_id, until=until, now=now)

    def _unchanged(self, who: Verified) -> str:
        """The row of a customer of whom nothing new is said, without a write; empty when there is something to write."""
        with self._database.read() as session:
            row = session.scalar(select(CustomerRow).where(CustomerRow.external_id == who.id)) if who.id else None
            if row is None or who.proven_email not in {"", row.email}:
                return ""
            news = row.crm_at is None and (not row.listed or who.name not in {"", row.name})
            return "" if news else row.id

    def _recognise(self, who: Verified, *, new_id: Callable[[], str], now: datetime) -> str:
        with self._database.write() as session:
            by_email = _by_email(session, who.proven_email) if who.proven_email else None
            if not who.id:
                row = by_email
            else:
                row = session.scalar(select(CustomerRow).where(CustomerRow.external_id == who.id))
                if row is None and by_email is not None and by_email.external_id is None:
                    row = by_email
            if row is None:
                row = _new(session, CustomerRow(id=new_id(), created_at=now, name=""))
            if by_email is not None and by_email is not row:
                _move_address(session, by_email, row)
            row.external_id = who.id or row.external_id
            row.email = who.proven_email or row.email
            if row.crm_at is None:
                row.listed = True
                row.name = who.name or row.name
            return row.id

    def _again(self, work: Callable[[], str]) -> str:
        """Two processes may make the same row at once (PostgreSQL); the second then finds the first one's."""
        try:
            return work()
        except IntegrityError:
            return work()


def _move_address(session: Session, before: CustomerRow, row: CustomerRow) -> None:
    """The address was another row's. One that only its mails had made is the same customer, whose conversations come along."""
    before.email = None
    session.flush()
    if before.external_id is None:
        for table in (ConversationRow, CustomerTokenRow):
            session.execute(update(table).where(table.customer_id == before.id).values(customer_id=row.id))
        before.name = ""


def _by_email(session: Session, email: str) -> CustomerRow | None:
    return session.scalar(select(CustomerRow).where(CustomerRow.email == email))


def _new(session: Session, row: CustomerRow) -> CustomerRow:
    row.tier, row.listed = "free", True
    session.add(row)
    return row


def _customer(row: CustomerRow) -> Customer:
    return Customer(row.id, row.external_id or "", row.email or "", row.name, row.tier, row.listed, row.crm_at)

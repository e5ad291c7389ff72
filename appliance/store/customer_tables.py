"""The tables of customers, and of what their signed-in devices hold."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from appliance.store.tables import Base


class CustomerRow(Base):
    """A customer, known by the host page's own id (``external_id``), by a proven e-mail address, or both.

    ``tier`` and ``name`` are what the CRM said at ``crm_at``; without a CRM they stand here for themselves.
    """

    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("external_id", name="uq_customers_external_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    external_id: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(Text, default="")
    tier: Mapped[str] = mapped_column(String(16), default="free")
    crm_at: Mapped[datetime | None]
    listed: Mapped[bool] = mapped_column(default=True, server_default=true())
    """The CRM, a host page or the operator says that this is a customer."""
    created_at: Mapped[datetime]


class CustomerTokenRow(Base):
    """A token of a conversation that one of its customer's signed-in devices holds; it counts as the customer until it expires."""

    __tablename__ = "customer_tokens"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class IdentityUseRow(Base):
    """When the identity with this ``jti`` was first used; the row goes when the identity has expired anyhow."""

    __tablename__ = "identity_uses"
    jti_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    first_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

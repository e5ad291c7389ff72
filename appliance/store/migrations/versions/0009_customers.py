"""customers by the host's id, when the CRM last spoke of them, tokens of signed-in customers, identities used"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _customers(nullable=True)
    op.create_table(
        "customer_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"]),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_customer_tokens_conversation_id"), "customer_tokens", ["conversation_id"])
    op.create_index(op.f("ix_customer_tokens_customer_id"), "customer_tokens", ["customer_id"])
    op.create_index(op.f("ix_customer_tokens_expires_at"), "customer_tokens", ["expires_at"])
    op.create_table(
        "identity_uses",
        sa.Column("jti_hash", sa.String(length=64), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("jti_hash"),
    )
    op.create_index(op.f("ix_identity_uses_expires_at"), "identity_uses", ["expires_at"])


def downgrade() -> None:
    op.drop_table("identity_uses")
    op.drop_table("customer_tokens")
    op.execute("UPDATE customers SET email = 'none-' || id WHERE email IS NULL")
    _customers(nullable=False)


def _customers(*, nullable: bool) -> None:
    """SQLite makes the table anew, which its foreign keys forbid while conversations name customers: they forget and remember them."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if on_sqlite:
        op.execute(
            "CREATE TEMP TABLE kept_customers AS SELECT id, customer_id FROM conversations WHERE customer_id IS NOT NULL"
        )
        op.execute("UPDATE conversations SET customer_id = NULL WHERE customer_id IS NOT NULL")
    with op.batch_alter_table("customers") as table:
        table.alter_column("email", existing_type=sa.String(length=320), nullable=nullable)
        if nullable:
            table.add_column(sa.Column("external_id", sa.String(length=255), nullable=True))
            table.add_column(sa.Column("crm_at", sa.DateTime(timezone=True), nullable=True))
            table.add_column(sa.Column("listed", sa.Boolean(), server_default=sa.true(), nullable=False))
            table.create_unique_constraint("uq_customers_external_id", ["external_id"])
        else:
            table.drop_constraint("uq_customers_external_id", type_="unique")
            table.drop_column("listed")
            table.drop_column("crm_at")
            table.drop_column("external_id")
    if on_sqlite:
        op.execute(
            "UPDATE conversations SET customer_id = (SELECT customer_id FROM kept_customers WHERE kept_customers.id = conversations.id) "
            "WHERE id IN (SELECT id FROM kept_customers)"
        )
        op.execute("DROP TABLE kept_customers")

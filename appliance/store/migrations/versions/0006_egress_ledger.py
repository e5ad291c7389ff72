"""the egress ledger, which the database itself refuses to change"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQLITE = """
CREATE TRIGGER egress_ledger_no_{event} BEFORE {event} ON egress_ledger
BEGIN SELECT RAISE(ABORT, 'the egress ledger is append-only'); END
"""
_FUNCTION = """
CREATE FUNCTION egress_ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the egress ledger is append-only'; END $$
"""


def upgrade() -> None:
    op.create_table(
        "egress_ledger",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("settles", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("budget_day", sa.String(length=10), nullable=False),
        sa.Column("money_micros", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    for column in ("kind", "settles", "at", "budget_day"):
        op.create_index(op.f(f"ix_egress_ledger_{column}"), "egress_ledger", [column])
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(event=event))
        return
    op.execute(_FUNCTION)
    op.execute(
        "CREATE TRIGGER egress_ledger_rows BEFORE UPDATE OR DELETE ON egress_ledger"
        " FOR EACH ROW EXECUTE FUNCTION egress_ledger_append_only()"
    )
    op.execute(
        "CREATE TRIGGER egress_ledger_whole BEFORE TRUNCATE ON egress_ledger"
        " FOR EACH STATEMENT EXECUTE FUNCTION egress_ledger_append_only()"
    )


def downgrade() -> None:
    op.drop_table("egress_ledger")  # with its triggers
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION egress_ledger_append_only()")

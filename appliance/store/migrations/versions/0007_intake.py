"""what a durable intake needs: trust of messages, what was told, what has to leave, who is alive"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NONE = sa.text("''")


def upgrade() -> None:
    op.add_column("conversations", sa.Column("profile", sa.String(length=64), server_default=NONE, nullable=False))
    op.add_column("conversations", sa.Column("source", sa.String(length=64), server_default=NONE, nullable=False))
    op.add_column("conversations", sa.Column("external_id", sa.String(length=255), nullable=True))
    op.create_index("uq_conversations_source", "conversations", ["source", "external_id"], unique=True)
    op.create_index(op.f("ix_conversations_updated_at"), "conversations", ["updated_at"])
    op.add_column(
        "messages", sa.Column("trust", sa.String(length=16), server_default=sa.text("'none'"), nullable=False)
    )
    op.add_column("messages", sa.Column("covered_by", sa.String(length=32), nullable=True))
    op.add_column("messages", sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "told",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("citations", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"]),
        sa.PrimaryKeyConstraint("message_id", "n"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=32), nullable=True),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_outbox_conversation_id"), "outbox", ["conversation_id"])
    op.create_index("ix_outbox_due", "outbox", ["state", "due_at"])
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("replicas")
    op.drop_table("outbox")
    op.drop_table("told")
    for column in ("attempts", "covered_by", "trust"):
        op.drop_column("messages", column)
    op.drop_index(op.f("ix_conversations_updated_at"), "conversations")
    op.drop_index("uq_conversations_source", "conversations")
    for column in ("external_id", "source", "profile"):
        op.drop_column("conversations", column)

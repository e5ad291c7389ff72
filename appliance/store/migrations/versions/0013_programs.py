"""keys of programs have scopes, and a conversation knows the key that opened it"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_keys", sa.Column("scopes", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("access_keys", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversations", sa.Column("opened_by", sa.String(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column("conversations", "opened_by")
    op.drop_column("access_keys", "last_used_at")
    op.drop_column("access_keys", "scopes")

"""why a conversation looks like spam"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "conversations", sa.Column("suspicion", sa.String(length=32), server_default=sa.text("''"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("conversations", "suspicion")

"""articles that wait for an author, and what an author approved"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("articles", sa.Column("held", sa.JSON(none_as_null=True), nullable=True))
    op.add_column(
        "articles", sa.Column("approved_hash", sa.String(length=64), server_default=sa.text("''"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("articles", "approved_hash")  # in place: a table made anew would take the passages with it
    op.drop_column("articles", "held")

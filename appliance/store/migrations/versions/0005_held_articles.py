"""articles that wait for an author, and what an author approved"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("articles", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(
            sa.Column("approved_hash", sa.String(length=64), server_default=sa.text("''"), nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("articles", schema=None) as batch_op:
        batch_op.drop_column("approved_hash")
        batch_op.drop_column("held")

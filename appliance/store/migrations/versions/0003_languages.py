"""the language of a reply, and one form for the languages of articles"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("language", sa.String(length=16), server_default=sa.text("''"), nullable=False))
    articles = sa.table("articles", sa.column("language", sa.String))
    connection = op.get_bind()
    for tag in connection.scalars(sa.select(articles.c.language).distinct()).all():
        if tag != (code := _code(tag)):
            connection.execute(sa.update(articles).where(articles.c.language == tag).values(language=code))


def downgrade() -> None:
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("language")


def _code(tag: str) -> str:
    """``pt`` of ``pt-BR``; nothing for what was never a language tag, since articles are now chosen by it. Frozen here: the rule may change later."""
    found = re.fullmatch(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*", tag.strip())
    code = found.group(1).lower() if found else ""
    return {"nb": "no", "nn": "no"}.get(code, code)

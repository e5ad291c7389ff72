"""Schema 0009 on data that is there: SQLite makes the customer table anew while conversations name customers."""

from __future__ import annotations

from importlib import resources

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from appliance.store.customers import SqlCustomers
from appliance.store.database import Database


def migrate(url: str, revision: str, *, down: bool = False) -> None:
    engine = create_engine(url)
    config = Config()
    with resources.as_file(resources.files("appliance.store") / "migrations") as folder:
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        with engine.connect() as connection, connection.begin():
            if url.startswith("sqlite"):
                connection.execute(text("PRAGMA foreign_keys=ON"))
            config.attributes["connection"] = connection
            (command.downgrade if down else command.upgrade)(config, revision)
    engine.dispose()


OWNERS = text("SELECT id, customer_id FROM conversations ORDER BY id")


def test_customers_and_their_conversations_stay_together(database_url: str) -> None:
    migrate(database_url, "0008")
    engine = create_engine(database_url)
    with engine.connect() as connection, connection.begin():
        connection.execute(
            text(
                "INSERT INTO customers (id, email, name, tier, created_at) VALUES ('k1', 'a@x.example', 'Ann', 'paid', '2026-01-01 00:00:00')"
            )
        )
        for id, owner in (("c1", "'k1'"), ("c2", "NULL")):
            connection.execute(
                text(
                    "INSERT INTO conversations (id, token_hash, channel, subject, status, customer_id, contact_email, contact_name, created_at, updated_at)"
                    f" VALUES ('{id}', 'h', 'chat', '', 'open', {owner}, '', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
                )
            )
    engine.dispose()
    database = Database(database_url)
    with database.read() as session:
        assert [tuple(row) for row in session.execute(OWNERS)] == [("c1", "k1"), ("c2", None)]
    found = SqlCustomers(database).customer("k1")
    assert found is not None
    assert (found.email, found.tier, found.listed, found.external_id, found.crm_at) == (
        "a@x.example",
        "paid",
        True,
        "",
        None,
    )
    database.close()
    migrate(database_url, "0008", down=True)
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(OWNERS)] == [("c1", "k1"), ("c2", None)]
    engine.dispose()

"""Customers who do not write in the profile's language, through HTTP."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from web_fixtures import ServerProcess, Visitor, free_port

from appliance.config import Config
from appliance.knowledge import open_knowledge
from appliance.languages import open_tongue
from appliance.policy import load_policy
from appliance.stand_in import stand_in_models
from appliance.store.database import Database
from models.standin import StandInWarning

GERMAN = "Guten Tag, wo finde ich bitte meine Rechnungen vom letzten Jahr?"
MISSPELT = "How mcuh dose the Team plan cost per memeber?"


def serve(data: Path, log: Path) -> ServerProcess:
    port = free_port()
    return ServerProcess([sys.executable, "-m", "appliance", "up", "--data", str(data), "--port", str(port)], port, log)


@contextmanager
def visit(server: ServerProcess) -> Iterator[Visitor]:
    with httpx.Client(base_url=server.url, timeout=60.0, trust_env=False) as client:
        opened = client.post("/api/conversations", json={"channel": "chat"}).json()
        yield Visitor(client, opened["id"], opened["token"])


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The shipped models and the starter knowledge base, which is English."""
    server = serve(tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("log") / "log")
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.output


@pytest.fixture
def visitor(shipped: ServerProcess) -> Iterator[Visitor]:
    with visit(shipped) as arrived:
        yield arrived


@pytest.mark.slow
def test_a_german_message_goes_to_a_person_and_is_told_so_in_german(visitor: Visitor) -> None:
    reply = visitor.say(GERMAN).json()
    assert (reply["outcome"], reply["rule"], reply["language"]) == ("handed_over", "language.not_covered", "de")
    assert "auf Deutsch noch nicht" in reply["text"]
    stored = visitor.client.get(visitor.path, headers=visitor.headers).json()
    assert stored["messages"][0]["reply"] == reply


@pytest.mark.slow
def test_misspelt_english_is_answered_as_ever(visitor: Visitor) -> None:
    reply = visitor.say(MISSPELT).json()
    assert reply["language"] == "en"
    assert not reply["rule"].startswith("language.")


PROFILE = """
name = "tienda"
title = "Soporte"
company = "Tienda"

[replies]
handed_over = "A colleague takes over."
asked_for_person = "A person will answer."
always_escalate = "A person looks at this."
out_of_scope = "Not ours."
not_covered = "Not covered."
unsure = "Not sure."
overloaded = "Busy."

[thresholds]
confidence = 0.2
answerable = 0.3
"""
INTENTS = ("factura", "envio", "cuenta", "devolucion", "producto")


@pytest.fixture(scope="module")
def spanish(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Stand-in models that read every language, and articles in English and Spanish."""
    home = tmp_path_factory.mktemp("tienda")
    data, articles = home / "data", home / "articles"
    data.mkdir()
    articles.mkdir()
    profile = home / "tienda.toml"
    titles = "".join(f'\n[[intents]]\nname = "{name}"\ntitle = "{name}"\n' for name in INTENTS)
    profile.write_text(PROFILE + titles, "utf-8")
    (data / "appliance.toml").write_text(f'profile = "{profile}"\n\n[models]\nstand_in = true\n')
    (articles / "descargar.md").write_text(
        "---\ntitle: Descargar la factura\n---\nPuede descargar la factura en Ajustes, Facturación. "
        "Cada factura se guarda durante diez años y siempre se puede descargar en PDF.\n",
        "utf-8",
    )
    (articles / "download.md").write_text(
        "---\ntitle: Download the factura\n---\nThe factura can be downloaded under Settings, Billing, by everybody who pays.\n"
    )
    stock(data, str(profile), articles)
    server = serve(data, home / "log")
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.output


def stock(data: Path, profile: str, articles: Path) -> None:
    config = Config(data=data, profile=profile)
    database = Database(config.database_url)
    with pytest.warns(StandInWarning):
        encoder = stand_in_models().encoder
    tongue = open_tongue(config, load_policy(profile))
    assert open_knowledge(config, database, encoder, tongue=tongue).add([articles]).added == 2
    database.close()


def test_a_spanish_question_is_answered_from_the_spanish_article(spanish: ServerProcess) -> None:
    with visit(spanish) as arrived:
        reply = arrived.say("¿Dónde puedo descargar mi factura y el PDF de la factura?").json()
    assert (reply["outcome"], reply["language"]) == ("answered", "es")
    assert [citation["article_id"] for citation in reply["citations"]] == ["descargar"]
    assert "Más información: Descargar la factura" in reply["text"]

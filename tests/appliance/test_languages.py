"""Which languages an installation hears, and which its models read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from line_parts import POLICY
from sqlalchemy import text

from appliance.config import Config, Models, Spoken
from appliance.errors import ConfigInvalid
from appliance.languages import open_detector, open_tongue, read_by
from appliance.store import migrate
from appliance.store.articles import SqlArticles
from appliance.store.database import Database
from kb.article import Article, Passage, Visibility
from models.language import KNOWN, LangidDetector
from models.roles import UNDECIDED
from models.standin import CommonWordsDetector, HashEncoder, OverlapReranker, StandInWarning

TODAY = date(2026, 6, 1)


@dataclass
class Model:
    """As much of an encoder or reranker as is looked at."""

    languages: tuple[str, ...] = ()


def test_the_settings_choose_the_detector() -> None:
    assert isinstance(open_detector(Config(), POLICY), LangidDetector)
    with pytest.warns(StandInWarning):
        assert isinstance(open_detector(Config(models=Models(stand_in=True)), POLICY), CommonWordsDetector)
    off = open_detector(Config(language=Spoken(detect=False)), POLICY)
    assert off.detect("Wo finde ich meine Rechnung?") == UNDECIDED


def test_the_profiles_language_is_always_expected() -> None:
    detector = open_detector(Config(language=Spoken(expected=("de", "pt-BR"))), POLICY)
    assert detector.languages == ("de", "en", "pt")


def test_an_unknown_expected_language_names_the_key_and_the_choice() -> None:
    with pytest.raises(ConfigInvalid, match=r"language\.expected: .* 'klingon'") as refused:
        open_detector(Config(language=Spoken(expected=("klingon",))), POLICY)
    assert "Choose of: ar bg" in refused.value.remedy


def test_without_a_detector_articles_keep_what_their_authors_said() -> None:
    tongue = open_tongue(Config(language=Spoken(detect=False)), POLICY)
    article = Article(
        "a", "Facturas", "Puede descargar las facturas de su cuenta en Ajustes cuando quiera, en formato PDF."
    )
    assert tongue.named(article) == article


@pytest.mark.parametrize(
    ("encoder", "reranker", "read"),
    [
        ((), (), {"en"}),
        (("en", "es", "nb"), (), {"en"}),
        (("en", "es", "nb"), ("es", "no", "de"), {"es", "no"}),
        (("de",), ("fr",), set()),
    ],
)
def test_what_is_read_is_what_both_models_read(
    encoder: tuple[str, ...], reranker: tuple[str, ...], read: set[str]
) -> None:
    assert read_by(Model(encoder), Model(reranker)) == read  # type: ignore[arg-type] # only the languages are looked at


def test_stand_ins_know_words_of_any_language() -> None:
    with pytest.warns(StandInWarning):
        assert read_by(HashEncoder(), OverlapReranker()) == set(KNOWN)


def test_the_languages_on_offer_are_those_of_articles_that_may_be_seen(database: Database) -> None:
    articles = SqlArticles(database)
    plain = Article("en", "A", "Text.")
    rows = [
        plain,
        replace(plain, id="es", language="es"),
        replace(plain, id="de", language="de", audience="internal"),
        replace(plain, id="fr", language="fr", approved=False),
        replace(plain, id="it", language="it", valid_until=date(2026, 5, 31)),
        replace(plain, id="nl", language="nl", valid_from=date(2026, 6, 2)),
        replace(plain, id="pl", language="pl", valid_from=TODAY, valid_until=TODAY),
    ]
    articles.save([(article, ()) for article in rows])
    assert articles.languages(Visibility(frozenset({"public"}), TODAY)) == {"", "es", "pl"}
    assert articles.languages(Visibility(frozenset({"internal"}), TODAY)) == {"de"}
    assert articles.named_languages() == {code: code for code in ("es", "de", "fr", "it", "nl", "pl")}


def test_languages_of_the_version_before_become_codes(database: Database, database_url: str) -> None:
    articles = SqlArticles(database)
    tags = {"a": "pt-BR", "b": "nb", "c": "English", "d": "", "e": "de"}
    articles.save(
        [(Article(name, "A", "Text.", language=tag), [Passage(name, name, 0, "", "x")]) for name, tag in tags.items()]
    )
    with database.write() as session:
        config = AlembicConfig()
        config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0002")
    Database(database_url).close()
    assert articles.named_languages() == {"a": "pt", "b": "no", "e": "de"}
    assert articles.count() == (5, 5)
    assert articles.held() == []
    with database.read() as session:
        assert session.execute(text("SELECT language FROM runs")).all() == []

"""Articles in several languages: told at import, filtered before ranking, and added to an index that did not know them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import lancedb
import pytest
from shelf import Shelf, WordEncoder

from kb.article import Article, Visibility
from kb.errors import IndexMismatch
from kb.ingest import import_articles
from kb.manifest import SCHEMA_VERSION, read_manifest, write_manifest
from kb.search import Search
from kb.sources import Rejected, read
from kb.store import LanceIndex
from kb.tongue import Tongue
from models.language import LangidDetector

SPANISH = (
    "Las facturas de su cuenta están en Ajustes > Facturación. Allí puede descargarlas cuando quiera en formato PDF."
)
ENGLISH = (
    "The invoices of your account are under Settings > Billing. There you can download them as PDF whenever you like."
)
TODAY = date(2026, 6, 1)


def who(*languages: str) -> Visibility:
    return Visibility(frozenset({"public"}), TODAY, frozenset(languages))


@pytest.fixture(scope="module")
def tongue() -> Tongue:
    return Tongue(LangidDetector.open(), "en", 0.9)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "facturas.md").write_text(f"---\ntitle: Facturas PDF\n---\n{SPANISH}\n", "utf-8")
    (folder / "invoices.md").write_text(f"---\ntitle: Invoices PDF\n---\n{ENGLISH}\n", "utf-8")
    (folder / "rechnungen.md").write_text(
        "---\ntitle: Rechnungen PDF\nlanguage: de-AT\n---\nUnter Abrechnung.\n", "utf-8"
    )
    return folder


def languages(shelf: Shelf) -> dict[str, str]:
    return {article.id: article.language for article, _ in shelf.every()}


def found(index: LanceIndex, shelf: Shelf, encoder: WordEncoder, visibility: Visibility) -> set[str]:
    hits = Search(index, shelf).find("PDF", encoder.encode(["PDF"])[0], visibility)
    return {hit.passage.article_id for hit in hits}


def test_the_language_is_the_authors_or_what_the_text_shows(
    mixed: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, tongue: Tongue
) -> None:
    import_articles([mixed], shelf, index, encoder, tongue=tongue)
    assert languages(shelf) == {"facturas": "es", "invoices": "", "rechnungen": "de"}
    assert import_articles([mixed], shelf, index, encoder, tongue=tongue).unchanged == 3


def test_only_articles_of_the_asked_languages_come_up(
    mixed: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, tongue: Tongue
) -> None:
    import_articles([mixed], shelf, index, encoder, tongue=tongue)
    assert found(index, shelf, encoder, who("en", "")) == {"invoices"}
    assert found(index, shelf, encoder, who("es")) == {"facturas"}
    assert found(index, shelf, encoder, who("fr")) == set()
    assert found(index, shelf, encoder, who("'; DROP", "de")) == {"rechnungen"}
    assert found(index, shelf, encoder, who()) == {"facturas", "invoices", "rechnungen"}


@pytest.mark.parametrize("text", ["Ja.", "SSO-403 " * 40, "Ajustes > Facturación > PDF"])
def test_a_short_text_counts_as_the_profiles_language(text: str, tongue: Tongue) -> None:
    assert tongue.named(Article("a", "A", text)).language == ""


def test_a_language_that_is_no_code_is_rejected_by_line(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("---\ntitle: A\nlanguage: English, mostly\n---\nText.\n")
    [outcome] = read([file])
    assert isinstance(outcome, Rejected)
    assert (outcome.line, "language code such as en or pt-BR" in outcome.reason) == (3, True)


def old(index: LanceIndex, folder: Path) -> None:
    """What the version before wrote: no column for the language, and format 1."""
    manifest = read_manifest(folder / "index.json")
    assert manifest is not None
    table = lancedb.connect(folder).open_table(manifest.table)
    table.drop_columns(["language"])
    write_manifest(folder / "index.json", replace(manifest, version=table.version, schema=1))


def test_an_index_of_the_version_before_is_upgraded_in_place(
    mixed: Path, tmp_path: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    import_articles([mixed], shelf, index, encoder)
    old(index, tmp_path / "lance")
    with pytest.raises(IndexMismatch):
        index.check()
    encoded = encoder.calls
    assert index.upgrade(lambda: {"facturas": "es", "rechnungen": "de"})
    assert not index.upgrade(dict)
    assert json.loads((tmp_path / "lance" / "index.json").read_text())["schema"] == SCHEMA_VERSION
    assert found(index, shelf, encoder, who("es")) == set()  # SQL has the last word, and names no language for it
    shelf.save([(replace(article, language="es"), passages) for article, passages in shelf.several(["facturas"])])
    assert found(index, shelf, encoder, who("es")) == {"facturas"}
    assert encoder.calls == encoded + 2  # the two questions; no passage was encoded again


def test_an_upgraded_index_can_be_added_to(
    mixed: Path, tmp_path: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, tongue: Tongue
) -> None:
    import_articles([mixed], shelf, index, encoder)
    old(index, tmp_path / "lance")
    index.upgrade(dict)
    (mixed / "facturas.md").write_text(f"---\ntitle: Facturas PDF\n---\n{SPANISH} Gracias por su visita.\n", "utf-8")
    (mixed / "reembolsos.md").write_text(f"---\ntitle: Reembolsos PDF\n---\n{SPANISH}\n", "utf-8")
    report = import_articles([mixed], shelf, index, encoder, tongue=tongue)
    assert (report.added, report.updated) == (1, 1)
    assert found(index, shelf, encoder, who("es")) == {"facturas", "reembolsos"}


def test_an_upgrade_shows_nothing_that_a_killed_import_left(
    mixed: Path, tmp_path: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    import_articles([mixed], shelf, index, encoder)
    old(index, tmp_path / "lance")
    manifest = read_manifest(tmp_path / "lance" / "index.json")
    assert manifest is not None
    lancedb.connect(tmp_path / "lance").open_table(manifest.table).delete("article_id = 'invoices'")
    index.upgrade(dict)
    assert "invoices" in index.article_hashes()

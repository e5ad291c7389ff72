"""An index is held to whose vectors it has, not to the file that gave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import load_config
from appliance.knowledge import open_knowledge
from appliance.store.database import Database
from kb.errors import IndexMismatch
from models.standin import HashEncoder, StandInWarning


def _open(folder: Path, revision: str, vector_revision: str) -> None:
    with pytest.warns(StandInWarning):
        encoder = HashEncoder()
    encoder.revision, encoder.vector_revision = revision, vector_revision  # type: ignore[attr-defined] # as an encoder that ships
    config = load_config(None, data=folder)
    database = Database(config.database_url)
    try:
        knowledge = open_knowledge(config, database, encoder)
        knowledge.index.check()
        if not knowledge.articles.count()[0]:
            page = folder / "reset.md"
            page.write_text("# Reset\n\nOpen the page and choose Reset.\n", encoding="utf-8")
            knowledge.add([page])
    finally:
        database.close()


def test_an_index_of_the_same_vectors_serves_and_one_of_others_does_not(tmp_path: Path) -> None:
    _open(tmp_path, "first", "first")
    _open(tmp_path, "second-file", "first")
    with pytest.raises(IndexMismatch, match="encoder"):
        _open(tmp_path, "third", "third")

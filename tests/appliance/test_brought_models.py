"""A model of the catalogue, brought here, added and named in the settings: it serves, and nothing of another encoder mixes with it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from torch_folders import cross_encoder, needs_torch, sentence_transformer

from appliance.config import Config, Models
from appliance.knowledge import open_knowledge
from appliance.model_set import open_catalog
from appliance.rerankers import open_encoder, open_reranker, order_in_use
from appliance.store.database import Database
from kb.errors import IndexMismatch
from models.catalog import WEIGHTS, Catalog
from models.catalog_add import add
from models.catalog_entries import Entry, Shape
from models.classifier import OnnxIntentClassifier
from models.errors import ModelRefused

NOW = datetime(2026, 6, 1, tzinfo=UTC)
REPOSITORY = Path(__file__).parents[2]


def _entry(model_id: str, role: str, architecture: str, folder: Path) -> Entry:
    shape = Shape(
        architecture=architecture, layers=6, hidden_size=384, heads=12, kv_heads=12, head_dim=32, vocab_size=30522
    )
    return Entry(
        id=model_id,
        role=role,  # type: ignore[arg-type] # one of its literals
        revision="0" * 40,
        licence="Apache-2.0",
        source="made by this test",
        hub="test/test",
        verified=False,
        weights_bytes=(folder / "model.safetensors").stat().st_size,
        shape=shape,
        max_tokens=256,
        dimension=384 if role == "encoder" else None,
        pooling="mean" if role == "encoder" else None,
        loader=None if role == "encoder" else "cross-encoder",
        question_prefix="query: " if role == "encoder" else "",
        passage_prefix="passage: " if role == "encoder" else "",
        note="small",
    )


@needs_torch
def test_an_encoder_and_a_reranker_from_a_folder_serve(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    encoder_folder = sentence_transformer(volume / "small-encoder")
    reranker_folder = cross_encoder(volume / "small-reranker")
    shipped = Catalog.open()
    entries = (
        _entry("small-encoder", "encoder", "BertModel", encoder_folder),
        _entry("small-reranker", "reranker", "BertForSequenceClassification", reranker_folder),
    )
    catalog = Catalog((*shipped.entries, *entries), WEIGHTS)
    data = tmp_path / "data"
    for entry, folder in zip(entries, (encoder_folder, reranker_folder), strict=True):
        add(catalog, entry.id, folder, data=data, now=NOW, revision="1" * 40)
    config = Config(data=data, models=Models(encoder="small-encoder", reranker="small-reranker", folder=str(volume)))

    encoder, reranker = open_encoder(config, catalog), open_reranker(config, catalog)
    assert encoder.revision.startswith("small-encoder@")
    assert not np.allclose(encoder.encode(["refund"]), encoder.encode_questions(["refund"])), "prefixes differ"  # type: ignore[attr-defined]
    assert reranker.score([("refund", "Refunds take a week.")]).shape == (1,)
    order = order_in_use(config, catalog, encoder, reranker)
    assert not order.fitted
    assert "encoder and reranker" in order.reason

    database = Database(config.database_url)
    own = open_knowledge(Config(data=data), database, open_encoder(Config(data=data), shipped))
    own.add_starter("saas")
    with pytest.raises(IndexMismatch, match="encoder") as mismatch:
        open_knowledge(config, database, encoder).index.check()
    assert "kb rebuild" in mismatch.value.remedy
    with pytest.raises(ModelRefused, match="trained on encoder") as refused:
        OnnxIntentClassifier.open(WEIGHTS / "intent" / "saas", encoder_revision=encoder.revision)
    assert "models train intent" in refused.value.remedy
    assert "kb rebuild" in refused.value.remedy
    database.close()

    with (encoder_folder / "model.safetensors").open("r+b") as file:
        file.seek(-8, 2)
        file.write(b"\0" * 8)
    with pytest.raises(ModelRefused):
        open_encoder(config, catalog)


def test_an_appliance_on_what_ships_never_loads_torch(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from appliance.config import Config\n"
        "from appliance.model_set import open_models\n"
        "from pathlib import Path\n"
        "import appliance.bootstrap, appliance.cli.main\n"
        f"open_models(Config(data=Path({str(tmp_path)!r})))\n"
        "sys.exit(bool({'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_model_that_was_not_added_is_refused_with_both_commands(tmp_path: Path) -> None:
    config = Config(data=tmp_path, models=Models(encoder="multilingual-e5-base"))
    with pytest.raises(ModelRefused, match="models add multilingual-e5-base FOLDER"):
        open_encoder(config, open_catalog(config))

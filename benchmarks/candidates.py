"""Writes what the fusion is fitted on: for each question the pool of candidates that the search brings up, with their signals.

    python -m benchmarks.candidates --kb kb/starter/saas --questions tests/data/questions/saas.jsonl --kind starter --out C.jsonl

``--held-out`` keeps only those questions which the reranker's training leaves out (``models.training.mining.held_out``). Questions on which a
figure is quoted do not belong here.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from appliance.config import load_config
from appliance.errors import ApplianceFault
from appliance.evaluation.datasets import Question, read_questions
from appliance.evaluation.stock import stock
from appliance.knowledge import Knowledge, open_knowledge
from appliance.model_set import open_models
from appliance.store.database import Database
from kb.article import AUDIENCES, Visibility
from kb.errors import KnowledgeFault
from kb.ranking import first_stage_signals
from models.errors import ModelFault
from models.questions import question_vectors, readings_of, search_vector
from models.training.mining import held_out


def candidates(knowledge: Knowledge, question: Question, kind: str) -> dict[str, Any]:
    """One line for ``models.training.fusion``."""
    vector = search_vector([*question_vectors(knowledge.encoder, readings_of(question.title, question.question))])
    visibility = Visibility(frozenset(AUDIENCES), datetime.now(UTC).date())
    found = knowledge.search.find(question.text, vector, visibility, limit=knowledge.pool)
    return {
        "id": question.id,
        "kind": kind,
        "question": question.text,
        "gold_ids": list(question.gold_ids),
        "candidates": [
            {
                "article_id": one.passage.article_id,
                "passage": one.passage.searchable(one.title),
                "signals": first_stage_signals(one),
            }
            for one in found
        ],
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.candidates", description=__doc__)
    parser.add_argument("--kb", type=Path, nargs="+", required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--kind", required=True, help="'link' for unreviewed pairs, any other name for reviewed ones")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        questions = [one for one in read_questions(given.questions) if not given.held_out or held_out(one.id)]
        with TemporaryDirectory() as folder:
            _write(given, questions, Path(folder))
    except (ApplianceFault, KnowledgeFault, ModelFault) as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _write(given: argparse.Namespace, questions: list[Question], folder: Path) -> None:
    config = load_config(None, data=folder)
    database = Database(config.database_url)
    try:
        knowledge = open_knowledge(config, database, open_models(config).encoder)
        stock(knowledge, given.kb)
        with given.out.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(candidates(knowledge, one, given.kind)) + "\n" for one in questions if one.text)
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main())

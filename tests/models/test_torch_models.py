"""Bigger models from a folder: what they compute agrees with the ONNX path, and a folder that is none is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from torch_folders import cross_encoder, needs_torch, sentence_transformer, torch_missing

from models.errors import ModelRefused
from models.questions import question_vectors
from models.roles import Encoder
from models.standin import HashEncoder, StandInWarning
from models.torch_models import TorchEncoder, TorchModel, TorchReranker
from models.training.texts import read_jsonl

QUESTIONS = Path(__file__).parents[1] / "data" / "questions" / "saas.jsonl"

TEXTS = [
    "How do I reset my password?",
    "The parcel has not arrived and the tracking page shows nothing since Monday.",
    "refund",
    "Invoices are issued on the first day of the month and can be downloaded as PDF.",
    "Our single sign-on stopped working after the certificate was renewed yesterday evening.",
    "Which plan includes the audit log?",
    "I was charged twice for the same order. " * 8,
    "wifi keeps dropping in the big meeting room",
]


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sentence_transformer(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def reranker_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cross_encoder(tmp_path_factory.mktemp("reranker"))


@needs_torch
def test_vectors_agree_with_the_onnx_export_of_the_same_weights(encoder_folder: Path, tmp_path: Path) -> None:
    from models.encoder import OnnxEncoder
    from models.training.torch_export import export_encoder

    sample = tmp_path / "sample.jsonl"
    sample.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS * 9), encoding="utf-8")
    export_encoder(tmp_path / "onnx", [sample])
    asked = [row["question"] for row in read_jsonl(QUESTIONS)[:60]]
    torch, onnx = TorchEncoder.open(TorchModel(encoder_folder, "a")), OnnxEncoder.open(tmp_path / "onnx")
    upper = np.triu_indices(len(asked), 1)
    both = [(vectors @ vectors.T)[upper] for vectors in (torch.encode(asked), onnx.encode(asked))]
    assert np.corrcoef(*both)[0, 1] >= 0.99


@needs_torch
def test_scores_agree_with_the_onnx_export_of_the_same_weights(reranker_folder: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    from models.reranker import OnnxReranker
    from models.training.torch_export import export_graph

    class Logit(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = AutoModelForSequenceClassification.from_pretrained(
                str(reranker_folder), local_files_only=True, attn_implementation="eager"
            )

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
            return self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types).logits[:, 0]

    onnx = tmp_path / "onnx"
    onnx.mkdir()
    export_graph(Logit(), ("input_ids", "attention_mask", "token_type_ids"), ("score",), onnx / "model.onnx")
    (onnx / "tokenizer.json").write_bytes((reranker_folder / "tokenizer.json").read_bytes())
    meta = {"role": "reranker", "revision": "b", "max_tokens": 192, "max_question_tokens": 96}
    (onnx / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    pairs = [(question, passage) for question in TEXTS[:3] for passage in TEXTS]
    scores = TorchReranker.open(TorchModel(reranker_folder, "a", max_tokens=192)).score(pairs)
    assert np.corrcoef(scores, OnnxReranker.open(onnx).score(pairs))[0, 1] >= 0.99


@needs_torch
def test_questions_and_passages_get_their_own_prefix(encoder_folder: Path) -> None:
    plain = TorchEncoder.open(TorchModel(encoder_folder, "a"))
    prefixed = TorchEncoder.open(TorchModel(encoder_folder, "a", question_prefix="query: ", passage_prefix="passage: "))
    np.testing.assert_allclose(
        question_vectors(prefixed, TEXTS[:2]), plain.encode([f"query: {one}" for one in TEXTS[:2]]), atol=1e-5
    )
    np.testing.assert_allclose(
        prefixed.encode(TEXTS[:2]), plain.encode([f"passage: {one}" for one in TEXTS[:2]]), atol=1e-5
    )


@needs_torch
def test_a_folder_of_another_kind_is_refused(encoder_folder: Path, reranker_folder: Path) -> None:
    with pytest.raises(ModelRefused, match="does not hold a reranker"):
        TorchReranker.open(TorchModel(encoder_folder, "a"))
    with pytest.raises(ModelRefused, match="does not hold an encoder"):
        TorchEncoder.open(TorchModel(reranker_folder, "a"))


@needs_torch
def test_damaged_weights_are_refused(encoder_folder: Path, tmp_path: Path) -> None:
    import shutil

    damaged = tmp_path / "damaged"
    shutil.copytree(encoder_folder, damaged)
    (damaged / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelRefused, match="cannot be loaded"):
        TorchEncoder.open(TorchModel(damaged, "a"))


@needs_torch
def test_a_gpu_that_is_not_there_is_refused(encoder_folder: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelRefused, match="finds no GPU"):
        TorchEncoder.open(TorchModel(encoder_folder, "a"), device="cuda")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="models add"):
        TorchReranker.open(TorchModel(tmp_path / "gone", "a"))


@pytest.mark.skipif(not torch_missing(), reason="torch is installed here")
def test_without_torch_the_remedy_is_a_command(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ModelRefused, match="pip install"):
        TorchEncoder.open(TorchModel(tmp_path, "a"))


def test_an_encoder_without_prefixes_reads_questions_like_passages() -> None:
    with pytest.warns(StandInWarning):
        encoder: Encoder = HashEncoder()
    np.testing.assert_array_equal(question_vectors(encoder, TEXTS), encoder.encode(TEXTS))

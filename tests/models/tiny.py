"""Real ONNX models of a few bytes, with a real tokenizer, whose outputs can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import parser
from tokenizers import Tokenizer, models, pre_tokenizers, processors

HEAD = '<ir_version: 9, opset_import: ["" : 17]>\n'

# The embedding counts the words "red" (id 3) and "blue" (id 4), plus a constant, and is normalised to length 1.
ENCODER = (
    HEAD
    + """
tiny (int64[n,l] input_ids, int64[n,l] attention_mask) => (float[n,3] embedding)
<float[6,3] table = {0.0,0.0,0.0, 0.0,0.0,0.1, 0.0,0.0,0.1, 1.0,0.0,0.0, 0.0,1.0,0.0, 0.0,0.0,0.1}, int64[1] one = {1}, int64[1] two = {2}>
{
    rows = Gather(table, input_ids)
    mask = Cast<to = 1>(attention_mask)
    wide = Unsqueeze(mask, two)
    kept = Mul(rows, wide)
    total = ReduceSum<keepdims = 0>(kept, one)
    embedding = LpNormalization<axis = 1, p = 2>(total)
}
"""
)
# The score is the number of tokens of the second text, its closing [SEP] included.
RERANKER = (
    HEAD
    + """
tiny (int64[n,l] input_ids, int64[n,l] token_type_ids) => (float[n,1] score)
<int64[1] one = {1}>
{
    total = ReduceSum<keepdims = 1>(token_type_ids, one)
    score = Cast<to = 1>(total)
}
"""
)
# Two intents, that of the larger of the first two numbers; urgency always the third label; out of scope = third number.
HEADS = (
    HEAD
    + """
tiny (float[n,3] features) => (float[n,2] intent_probability, float[n,4] urgency_probability, float[n] out_of_scope)
<float[3,2] w = {9.0,0.0, 0.0,9.0, 0.0,0.0}, float[3,4] z = {0.0,0.0,0.0,0.0, 0.0,0.0,0.0,0.0, 0.0,0.0,0.0,0.0},
 float[4] b = {0.0,0.0,5.0,0.0}, float[3] last = {0.0,0.0,1.0}>
{
    a = MatMul(features, w)
    intent_probability = Softmax<axis = 1>(a)
    u = MatMul(features, z)
    v = Add(u, b)
    urgency_probability = Softmax<axis = 1>(v)
    out_of_scope = MatMul(features, last)
}
"""
)


def save(graph: str, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(parser.parse_model(graph), path)
    return path


def save_tokenizer(path: Path) -> None:
    vocabulary = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "red": 3, "blue": 4, "[UNK]": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_truncation(3)  # what the file says on truncation and padding must not matter
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(path))


def save_meta(folder: Path, **meta: Any) -> None:
    (folder / "meta.json").write_text(json.dumps(meta))


def encoder_folder(folder: Path, **meta: Any) -> Path:
    save(ENCODER, folder / "model.onnx")
    save_tokenizer(folder / "tokenizer.json")
    save_meta(folder, **{"role": "encoder", "revision": "tiny-1", "dimension": 3, "max_tokens": 8, **meta})
    return folder


def reranker_folder(folder: Path, **meta: Any) -> Path:
    save(RERANKER, folder / "model.onnx")
    save_tokenizer(folder / "tokenizer.json")
    fields = {"role": "reranker", "revision": "tiny-1", "max_tokens": 16, "max_question_tokens": 4, **meta}
    save_meta(folder, **fields)
    return folder


def intent_folder(folder: Path, **meta: Any) -> Path:
    save(HEADS, folder / "heads.onnx")
    fields = {
        "role": "intent",
        "revision": "tiny-1",
        "encoder_revision": "tiny-1",
        "dimension": 3,
        "intents": ["red", "blue"],
        "urgencies": ["low", "normal", "high", "critical"],
        **meta,
    }
    save_meta(folder, **fields)
    return folder

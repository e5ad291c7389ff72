"""Fits the name tagger to texts of ``names_text`` (needs the ``train`` extra).

    python -m models.training.torch_names --encoder models/weights/encoder --out models/weights/names --messages CSV... [--prose JSONL...]

The encoder stays as it is: each word's states in two of its layers, its letters and its shape go through two convolutions over neighbouring
words. ``--prose`` is text without names of persons (help articles), for what is written with a capital and is no name.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.meta import EncoderMeta, read_meta
from models.sentences import split_sentences
from models.token_states import TokenStates
from models.training.names_text import TAGS, TEMPLATES, Example, examples
from models.training.quantise import fingerprint, write_meta
from models.training.texts import read_csv, read_jsonl
from models.words import BUCKETS, SHAPES, grams, shapes, split_words

LAYERS = (1, 3)
"""Of the encoder's six, from 0. Later ones know the sentence better than the word, and cost time."""
_WIDTH = 384 * len(LAYERS)
_MOST_PROSE = 30_000


class Tagger(nn.Module):
    """(texts, words, …) features to (texts, words, tags) logits."""

    def __init__(self, *, width: int = _WIDTH, letters: int = 32, meaning: int = 96, hidden: int = 128) -> None:
        super().__init__()
        self.letters = nn.Embedding(BUCKETS, letters, padding_idx=0)
        self.meaning = nn.Linear(width, meaning)
        self.near = nn.Conv1d(letters + meaning + SHAPES, hidden, kernel_size=5, padding=2)
        self.far = nn.Conv1d(hidden, hidden, kernel_size=5, padding=2)
        self.out = nn.Linear(2 * hidden, len(TAGS))
        self.drop = nn.Dropout(0.25)

    def forward(self, states: torch.Tensor, pieces: torch.Tensor, forms: torch.Tensor) -> torch.Tensor:
        known = (pieces > 0).sum(dim=-1, keepdim=True).clamp(min=1).to(states.dtype)
        spelled = self.letters(pieces).sum(dim=-2) / known.sqrt()
        joined = torch.cat([self.drop(spelled), self.drop(torch.tanh(self.meaning(states))), forms], dim=-1).transpose(
            1, 2
        )
        near = torch.relu(self.near(joined))
        far = torch.relu(self.far(self.drop(near)))
        return self.out(self.drop(torch.cat([near, far], dim=1).transpose(1, 2)))


@dataclass(slots=True)
class Row:
    """The features of one window of a text, and the tag of each word."""

    states: np.ndarray
    pieces: np.ndarray
    forms: np.ndarray
    tags: np.ndarray


def rows_of(example: Example, states: TokenStates) -> list[Row]:
    words = split_words(example.text)[:400]
    tags = np.zeros(len(words), dtype=np.int64)
    for start, end, tag in example.spans:
        for at, word in enumerate(words):
            if word.start >= start and word.end <= end:
                tags[at] = TAGS.index(tag)
    texts = [word.text for word in words]
    pieces, forms = grams(texts).astype(np.int16), shapes(words, example.text)
    made = []
    for first, found in states.of(texts):
        last = first + len(found)
        made.append(Row(found.astype(np.float16), pieces[first:last], forms[first:last], tags[first:last]))
    return made


def batches(rows: list[Row], chance: random.Random, words: int = 2_400) -> list[list[Row]]:
    order = sorted(rows, key=lambda row: (len(row.tags), chance.random()))
    made: list[list[Row]] = []
    group: list[Row] = []
    for row in order:
        if group and (len(group) + 1) * len(row.tags) > words:
            made.append(group)
            group = []
        group.append(row)
    made.append(group)
    chance.shuffle(made)
    return made


def tensors(group: list[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(row.tags) for row in group)
    states = np.zeros((len(group), longest, _WIDTH), dtype=np.float32)
    pieces = np.zeros((len(group), longest, group[0].pieces.shape[1]), dtype=np.int64)
    forms = np.zeros((len(group), longest, SHAPES), dtype=np.float32)
    tags = np.full((len(group), longest), -100, dtype=np.int64)
    for at, row in enumerate(group):
        size = len(row.tags)
        states[at, :size], pieces[at, :size], forms[at, :size], tags[at, :size] = (
            row.states,
            row.pieces,
            row.forms,
            row.tags,
        )
    return torch.from_numpy(states), torch.from_numpy(pieces), torch.from_numpy(forms), torch.from_numpy(tags)


def fit(rows: list[Row], *, epochs: int, seed: int) -> Tagger:
    """A wrong O costs twice a wrong name: what is missed leaves the house."""
    torch.manual_seed(seed)
    chance = random.Random(seed)
    model = Tagger()
    loss_of = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 1.5, 1.0, 1.0]), ignore_index=-100)
    steps = epochs * len(batches(rows, random.Random(seed)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps + epochs)
    for epoch in range(epochs):
        total = 0.0
        groups = batches(rows, chance)
        for group in groups:
            states, pieces, forms, tags = tensors(group)
            if chance.random() < 0.15:
                pieces = torch.zeros_like(pieces)  # names that are in no list are known by their surroundings
            loss = loss_of(model(states, pieces, forms).transpose(1, 2), tags)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(groups):.4f}", file=sys.stderr, flush=True)
    return model.eval()


def judged(model: Tagger, rows: list[Row]) -> dict[str, dict[str, float]]:
    """Recall and precision by word and tag."""
    right, said, true = (np.zeros(len(TAGS)) for _ in range(3))
    with torch.no_grad():
        for group in batches(rows, random.Random(0)):
            states, pieces, forms, tags = tensors(group)
            guess = model(states, pieces, forms).argmax(-1).numpy()
            gold = tags.numpy()
            for tag in range(1, len(TAGS)):
                said[tag] += ((guess == tag) & (gold >= 0)).sum()
                true[tag] += (gold == tag).sum()
                right[tag] += ((guess == tag) & (gold == tag)).sum()
    return {
        TAGS[tag]: {
            "recall": round(right[tag] / max(1, true[tag]), 4),
            "precision": round(right[tag] / max(1, said[tag]), 4),
        }
        for tag in range(1, len(TAGS))
    }


def export(model: Tagger, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    sample = (torch.zeros((1, 4, _WIDTH)), torch.zeros((1, 4, 24), dtype=torch.int64), torch.zeros((1, 4, SHAPES)))
    names = ["states", "grams", "shapes"]
    torch.onnx.export(
        model, sample, str(out / "tagger.onnx"), input_names=names, output_names=["logits"], opset_version=17, dynamo=False,
        dynamic_axes={name: {0: "texts", 1: "words"} for name in [*names, "logits"]},
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.training.torch_names", description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--messages", type=Path, nargs="+", required=True, help="CSV with a column text")
    parser.add_argument("--prose", type=Path, nargs="*", default=[], help="JSONL of articles, or folders of Markdown")
    parser.add_argument("--count", type=int, default=45_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args(arguments)
    torch.set_num_threads(2)
    meta = read_meta(EncoderMeta, given.encoder)
    layers = [f"/bert/encoder/layer.{at}/output/LayerNorm/LayerNormalization_output_0" for at in LAYERS]
    states = TokenStates.open(given.encoder, layers, threads=2)
    messages = [row["text"] for path in given.messages for row in read_csv(path)]
    prose = prose_of(given.prose)
    print(f"{len(messages)} messages, {len(prose)} pieces of prose", file=sys.stderr, flush=True)
    rows = [
        row
        for one in examples(messages, prose, templates=TEMPLATES, seed=given.seed, count=given.count)
        for row in rows_of(one, states)
    ]
    print(f"{len(rows)} windows, {sum(len(row.tags) for row in rows)} words", file=sys.stderr, flush=True)
    held = [
        row
        for one in examples(messages, prose, templates=TEMPLATES, seed=given.seed + 1, count=2_000)
        for row in rows_of(one, states)
    ]
    model = fit(rows, epochs=given.epochs, seed=given.seed)
    figures = judged(model, held)
    export(model, given.out)
    write_meta(given.out, {
        "role": "names",
        "revision": f"names-{fingerprint(given.out / 'tagger.onnx', given.encoder / 'model.onnx')}",
        "encoder_revision": meta.revision,
        "layers": layers,
        "tags": list(TAGS),
        "licence": "Apache-2.0",
        "texts": given.count,
        "by_word_on_2000_texts_of_the_same_making": figures,
    })  # fmt: skip
    print(json.dumps(figures), file=sys.stderr)
    return 0


def prose_of(paths: list[Path]) -> list[str]:
    """Runs of one to four sentences of the articles."""
    chance = random.Random(5)
    texts = []
    for path in paths:
        if path.is_dir():
            texts += [file.read_text("utf-8") for file in sorted(path.rglob("*.md"))]
        else:
            texts += [str(row.get("text", "")) for row in read_jsonl(path)]
    pieces = []
    for text in texts:
        sentences = split_sentences(text[:20_000])
        at = 0
        while at < len(sentences):
            size = chance.choice([1, 1, 2, 3, 4])
            pieces.append(
                "\n".join(sentences[at : at + size]) if chance.random() < 0.3 else " ".join(sentences[at : at + size])
            )
            at += size
    chance.shuffle(pieces)
    return pieces[:_MOST_PROSE]


if __name__ == "__main__":
    raise SystemExit(main())

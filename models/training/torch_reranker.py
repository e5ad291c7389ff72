"""Trains the reranker on mined groups within a budget of minutes (needs the ``train`` extra; CPU is enough).

    python -m models.training.torch_reranker --groups G.jsonl… --dev D.jsonl… --checkpoint DIR --minutes 50

Listwise softmax over one positive and its hard negatives. The checkpoint with the best mean reciprocal rank on the
held-out questions is kept, beside a log of every evaluation.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.training.ranks import reciprocal_rank
from models.training.texts import read_jsonl
from models.training.torch_export import package_model_dir
from models.training.torch_pair import PairScorer, freeze_lower, from_bi_encoder

MAX_TOKENS = 192
TRAIN_TOKENS = 160
MAX_QUESTION_TOKENS = 64
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Budget:
    """``negatives`` a group; learning rates of the body and of the new head."""

    minutes: float
    groups_a_step: int = 4
    negatives: int = 4
    body_rate: float = 5e-5
    head_rate: float = 1e-3
    warmup: float = 0.05
    evaluate_minutes: float = 11.0
    frozen_layers: int = 3
    seed: int = 7


class PairTokens:
    """[CLS] question [SEP] passage [SEP]; the question is cut as at run time, the passage fills ``max_tokens``."""

    def __init__(self, tokenizer_file: Path, max_tokens: int) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._max_tokens = max_tokens
        self._first, self._separator = (self._tokenizer.token_to_id(one) for one in ("[CLS]", "[SEP]"))

    def batch(self, pairs: Sequence[tuple[str, str]]) -> Batch:
        rows = [self._row(question, passage) for question, passage in pairs]
        width = max(len(ids) for ids, _ in rows)
        padded = {"input_ids": [], "attention_mask": [], "token_type_ids": []}  # type: dict[str, list[list[int]]]
        for ids, types in rows:
            gap = [0] * (width - len(ids))
            padded["input_ids"].append(ids + gap)
            padded["attention_mask"].append([1] * len(ids) + gap)
            padded["token_type_ids"].append(types + gap)
        return {name: torch.tensor(values, dtype=torch.int64) for name, values in padded.items()}

    def _row(self, question: str, passage: str) -> tuple[list[int], list[int]]:
        left = self._ids(question)[:MAX_QUESTION_TOKENS]
        right = self._ids(passage)[: self._max_tokens - 3 - len(left)]
        ids = [self._first, *left, self._separator, *right, self._separator]
        return ids, [0] * (len(left) + 2) + [1] * (len(right) + 1)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def group_loss(model: PairScorer, tokens: PairTokens, groups: Sequence[dict[str, Any]], negatives: int) -> torch.Tensor:
    """Cross-entropy of the positive among its group, mean over the groups."""
    pairs = [
        (group["question"], passage)
        for group in groups
        for passage in (group["positive"], *group["negatives"][:negatives])
    ]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = model(**tokens.batch(pairs))
    logits = scores.float().view(len(groups), -1)
    return nn.functional.cross_entropy(logits, torch.zeros(len(groups), dtype=torch.int64))


@torch.no_grad()
def evaluate(model: PairScorer, tokens: PairTokens, questions: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean reciprocal rank of the first stage, of the reranker and of their sum, over questions with a gold candidate."""
    model.eval()
    ranks: dict[str, list[float]] = {"first_stage": [], "reranker": [], "sum": []}
    for question in questions:
        batch = tokens.batch([(question["question"], passage) for passage in question["passages"]])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = model(**batch).float().tolist()
        first = question["first_stage"]
        both = [20 * one + other for one, other in zip(first, scores, strict=True)]
        for name, values in (("first_stage", first), ("reranker", scores), ("sum", both)):
            ranks[name].append(reciprocal_rank(values, question["relevant"]))
    model.train()
    return {name: round(sum(values) / max(len(values), 1), 4) for name, values in ranks.items()}


class Run:
    """One training: model, optimizer, and what has been seen so far. The best weights are kept in ``checkpoint``."""

    def __init__(self, dev: Sequence[dict[str, Any]], budget: Budget, checkpoint: Path) -> None:
        source = package_model_dir()
        self.model = from_bi_encoder(source)
        freeze_lower(self.model, budget.frozen_layers)
        self.tokens = PairTokens(source / "tokenizer.json", TRAIN_TOKENS)
        self.steps, self.best = 0, -1.0
        self.losses: list[float] = []
        self._optimizer = _optimizer(self.model, budget)
        self._dev, self._budget, self._checkpoint = dev, budget, checkpoint

    def step(self, groups: Sequence[dict[str, Any]], progress: float) -> None:
        """One update; ``progress`` 0..1 is the part of the budget that is spent."""
        _set_rates(self._optimizer, self._budget, progress)
        loss = group_loss(self.model, self.tokens, groups, self._budget.negatives)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        self.losses.append(float(loss.detach()))

    def look(self, minutes: float) -> None:
        """Evaluate, log, and keep the weights if the reranker's own reciprocal rank is the best so far."""
        loss = sum(self.losses) / max(len(self.losses), 1)
        figures = evaluate(self.model, self.tokens, self._dev)
        figures |= {"minutes": round(minutes, 1), "step": self.steps, "loss": round(loss, 4)}
        self.losses = []
        print(figures, file=sys.stderr, flush=True)
        with (self._checkpoint / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(figures) + "\n")
        if figures["reranker"] > self.best:
            self.best = figures["reranker"]
            torch.save(self.model.state_dict(), self._checkpoint / "model.pt")
            about = json.dumps({"budget": asdict(self._budget), "figures": figures}, indent=2)
            (self._checkpoint / "training.json").write_text(about + "\n", encoding="utf-8")


def train(
    groups: Sequence[dict[str, Any]],
    dev: Sequence[dict[str, Any]],
    budget: Budget,
    checkpoint: Path,
    clock: Callable[[], float],
) -> None:
    """Runs until the minutes are spent, looking at the held-out questions now and then and at the end."""
    torch.manual_seed(budget.seed)
    rng = random.Random(budget.seed)
    run = Run(dev, budget, checkpoint)
    start, next_look = clock(), 0.0
    queue: list[dict[str, Any]] = []
    while (spent := (clock() - start) / 60) < budget.minutes:
        if spent >= next_look:
            run.look(spent)
            next_look += budget.evaluate_minutes
        if len(queue) < budget.groups_a_step:
            queue = rng.sample(list(groups), len(groups))
        chosen, queue = queue[: budget.groups_a_step], queue[budget.groups_a_step :]
        run.step(chosen, spent / budget.minutes)
    run.look(budget.minutes)


def _optimizer(model: PairScorer, budget: Budget) -> torch.optim.Optimizer:
    body = [one for one in model.bert.parameters() if one.requires_grad]
    head = [model.scale, *model.first_token.parameters(), *model.product.parameters()]
    return torch.optim.AdamW(
        [{"params": body, "rate": budget.body_rate}, {"params": head, "rate": budget.head_rate}],
        lr=0.0,
        weight_decay=0.01,
    )


def _set_rates(optimizer: torch.optim.Optimizer, budget: Budget, progress: float) -> None:
    """Linear warm-up, then linear decay to zero at the end of the budget."""
    factor = min(progress / budget.warmup, (1 - progress) / (1 - budget.warmup))
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * max(factor, 0.0)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.training.torch_reranker", description=__doc__)
    parser.add_argument("--groups", type=Path, nargs="+", required=True)
    parser.add_argument("--dev", type=Path, nargs="+", required=True)
    parser.add_argument("--dev-limit", type=int, default=40, help="questions of each file that evaluations use")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    given.checkpoint.mkdir(parents=True, exist_ok=True)
    groups = [row for path in given.groups for row in read_jsonl(path)]
    dev = [
        row
        for path in given.dev
        for row in [one for one in read_jsonl(path) if any(one["relevant"])][: given.dev_limit]
    ]
    train(groups, dev, Budget(minutes=given.minutes), given.checkpoint, time.monotonic)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

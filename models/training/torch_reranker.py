"""Trains the reranker on mined groups within a budget of minutes (needs the ``train`` extra; CPU is enough).

    python -m models.training.torch_reranker --groups G.jsonl… --dev D.jsonl… --checkpoint DIR --minutes 50

Listwise softmax over one positive and its hard negatives. The checkpoint with the best mean reciprocal rank on the
held-out questions is kept, beside a log of every evaluation. ``--start`` begins with the weights of a served model instead
of the encoder's; ``--resume`` goes on with a run that was interrupted on the same groups and budget; ``--patience`` stops
early when so many evaluations in a row were no better.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.errors import ModelFault
from models.training.ranks import reciprocal_rank
from models.training.texts import read_jsonl
from models.training.torch_export import package_model_dir
from models.training.torch_pair import PairScorer, freeze_lower, from_bi_encoder
from models.training.torch_tokens import PairTokens

TRAIN_TOKENS = 160


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
    patience: int | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """``start``: folder of the served model to go on from, None: the encoder's weights. ``resume``: take up an interrupted run."""

    start: Path | None = None
    resume: bool = False

    def model(self, dev: Sequence[dict[str, Any]]) -> PairScorer:
        if self.start is None:
            return from_bi_encoder(package_model_dir())
        from models.training.torch_start import start_from

        return start_from(self.start, [(one["question"], passage) for one in dev[:8] for passage in one["passages"]])

    @property
    def tokenizer(self) -> Path:
        return (self.start or package_model_dir()) / "tokenizer.json"


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

    def __init__(
        self, dev: Sequence[dict[str, Any]], budget: Budget, checkpoint: Path, *,
        beginning: Beginning = Beginning(), key: str = "",
    ) -> None:  # fmt: skip
        self.model = beginning.model(dev)
        freeze_lower(self.model, budget.frozen_layers)
        self.tokens = PairTokens(beginning.tokenizer, TRAIN_TOKENS)
        self.steps, self.best, self.worse, self.spent = 0, -1.0, 0, 0.0
        self.losses: list[float] = []
        self._optimizer = _optimizer(self.model, budget)
        self._dev, self._budget, self._checkpoint, self._key = dev, budget, checkpoint, key
        shutil.copyfile(beginning.tokenizer, checkpoint / "tokenizer.json")
        if beginning.resume:
            self._resume()

    def _resume(self) -> None:
        """Go on where an interrupted run on the same groups and budget was; anything else found there is thrown away."""
        file = self._checkpoint / "state.pt"
        state = torch.load(file, weights_only=True) if file.is_file() else {}
        if state.get("key") == self._key and (self._checkpoint / "model.pt").is_file():
            self.model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.steps, self.best, self.worse, self.spent = (
                state[name] for name in ("steps", "best", "worse", "spent")
            )
            print(f"going on at minute {self.spent:.1f}, step {self.steps}", file=sys.stderr, flush=True)
            return
        for left in ("state.pt", "model.pt", "training.json", "log.jsonl"):
            (self._checkpoint / left).unlink(missing_ok=True)

    @property
    def tired(self) -> bool:
        """So many evaluations in a row were no better that more of the same will not help."""
        return self._budget.patience is not None and self.worse >= self._budget.patience

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
        self.worse += 1
        if figures["reranker"] > self.best:
            self.best, self.worse = figures["reranker"], 0
            _save(self.model.state_dict(), self._checkpoint / "model.pt")
            about = json.dumps({"budget": asdict(self._budget), "figures": figures}, indent=2)
            (self._checkpoint / "training.json").write_text(about + "\n", encoding="utf-8")
        counts = {"key": self._key, "steps": self.steps, "best": self.best, "worse": self.worse, "spent": minutes}
        whole = {"model": self.model.state_dict(), "optimizer": self._optimizer.state_dict()}
        _save(counts | whole, self._checkpoint / "state.pt")


def train(
    groups: Sequence[dict[str, Any]],
    dev: Sequence[dict[str, Any]],
    budget: Budget,
    checkpoint: Path,
    clock: Callable[[], float],
    *,
    beginning: Beginning = Beginning(),
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Runs until the minutes are spent, looking at the held-out questions now and then and at the end.

    ``wanted`` is asked before every step: False ends the run at once, as if it were killed.
    """
    torch.manual_seed(budget.seed)
    run = Run(dev, budget, checkpoint, beginning=beginning, key=_key(groups, budget))
    rng = random.Random(f"{budget.seed} {run.steps}")
    start, next_look = clock() - run.spent * 60, run.spent
    queue: list[dict[str, Any]] = []
    while (spent := (clock() - start) / 60) < budget.minutes and not run.tired:
        if not wanted():
            return
        if spent >= next_look:
            run.look(spent)
            next_look += budget.evaluate_minutes
        if len(queue) < budget.groups_a_step:
            queue = rng.sample(list(groups), len(groups))
        chosen, queue = queue[: budget.groups_a_step], queue[budget.groups_a_step :]
        run.step(chosen, spent / budget.minutes)
    if not run.tired:
        run.look(budget.minutes)


def _key(groups: Sequence[dict[str, Any]], budget: Budget) -> str:
    """Names a training: the same groups and budget may go on from each other's state."""
    return hashlib.sha256(json.dumps([list(groups), asdict(budget)]).encode()).hexdigest()


def _save(values: Any, path: Path) -> None:
    """Whole or not at all, also when the machine goes down meanwhile."""
    new = path.with_suffix(".new")
    torch.save(values, new)
    new.replace(path)


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
    parser.add_argument("--start", type=Path, help="folder of a served reranker to train on from")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run in --checkpoint")
    parser.add_argument("--patience", type=int, help="stop after so many evaluations without a better one")
    parser.add_argument("--evaluate-minutes", type=float, default=Budget.evaluate_minutes)
    parser.add_argument(
        "--with-parent", action="store_true", help="stop when the process that started this one is gone"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    given.checkpoint.mkdir(parents=True, exist_ok=True)
    groups = [row for path in given.groups for row in read_jsonl(path)]
    dev = [
        row
        for path in given.dev
        for row in [one for one in read_jsonl(path) if any(one["relevant"])][: given.dev_limit]
    ]
    budget = Budget(minutes=given.minutes, patience=given.patience, evaluate_minutes=given.evaluate_minutes)
    beginning, parent = Beginning(given.start, given.resume), os.getppid()
    try:
        train(
            groups, dev, budget, given.checkpoint, time.monotonic, beginning=beginning,
            wanted=lambda: not given.with_parent or os.getppid() == parent,
        )  # fmt: skip
    except ModelFault as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

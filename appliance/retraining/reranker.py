"""Trains the reranker on an operator's own history, holds it against what runs, and installs it only if it wins.

Three parts of the history, by the hash of each question: trained on; stopping and fitting of the order; the contest. Nothing of the
last part is seen before the contest. An interrupted run goes on where it was when it is started again with the same files.
"""

from __future__ import annotations

import ast
import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.config import Config
from appliance.errors import ConfigInvalid
from appliance.model_set import open_catalog
from appliance.rerankers import (
    OWN_RERANKER,
    choices,
    folder_in_use,
    open_encoder,
    open_installed,
    open_reranker,
    order_in_use,
    reranker_shelf,
)
from appliance.retraining.child import Say, check_torch, run_tool
from appliance.retraining.choosing import SEED, SEEN, prior_of, record
from appliance.retraining.contest import ALONE, CERTAINTY, Contest, hold
from appliance.retraining.groups import MOST_LOOKED_AT, Material, gather
from appliance.retraining.history import articles, fingerprint
from appliance.retraining.leftovers import WORKSHOP
from appliance.retraining.lock import training_lock
from appliance.retraining.reranker_card import write_reranker_card
from kb.ingest import Progress, silent
from models.cores import physical_cores
from models.installed import Shelf
from models.roles import Reranker
from models.training import fusion
from models.training.mining import write_lines

PATIENCE = 3
LOOKS = 6
IN_USE, NEW = "in_use", "new"
_GROUPS, _DEV, _CHECKPOINT = "groups.jsonl", "dev.jsonl", "checkpoint"


@dataclass(frozen=True, slots=True)
class Task:
    """What to train on, and for how long. No ``kb``: the articles of this installation."""

    pairs: Path
    kb: tuple[Path, ...] = ()
    minutes: float = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """``figures``: way of ordering -> figure, on questions of the contest alone."""

    installed: bool
    reason: str
    revision: str
    in_use: str
    figures: dict[str, dict[str, float]]
    certainty: dict[str, float]
    questions: dict[str, int]
    data_sha256: str


def train_reranker(config: Config, task: Task, *, now: datetime, say: Say, progress: Progress = silent) -> Outcome:
    """Raises ``ModelRefused``, ``InputInvalid``, ``ConfigInvalid`` or ``Conflict``; then what runs is as it was."""
    check_torch()
    if config.models.reranker != OWN_RERANKER:
        raise ConfigInvalid(
            f"models.reranker is {config.models.reranker!r}; only the small reranker is trained here.",
            remedy=f'Set models.reranker = "{OWN_RERANKER}", or fit the order to the big one: appliance models choose reranker.',
        )
    shelf = reranker_shelf(config.data)
    with training_lock(shelf.folder, now=now) as held:
        choices(config.data).every()  # a damaged record is refused now, not after the training
        shelf.clean()
        return _Training(config, task, shelf, now, say).run(held, progress)


class _Training:
    """One training, under the lock."""

    def __init__(self, config: Config, task: Task, shelf: Shelf, now: datetime, say: Say) -> None:
        self._config, self._task, self._shelf, self._now, self._say = config, task, shelf, now, say
        self._catalog = open_catalog(config)
        self._encoder, self._reranker = open_encoder(config, self._catalog), open_reranker(config, self._catalog)
        self._prior = prior_of(order_in_use(config, self._catalog, self._encoder, self._reranker))
        self._depth = config.retrieval.candidates

    def run(self, held: int, progress: Progress) -> Outcome:
        """``held`` is the lock's descriptor, which the tools inherit."""
        with articles(self._config, self._encoder, self._task.kb, progress=progress) as knowledge:
            self._say("Mining hard negatives from the search …")
            material = gather(knowledge, self._encoder, self._task.pairs, self._now.date())
        workshop = self._shelf.folder / WORKSHOP
        try:
            _furnish(workshop, material)
            with self._shelf.scratch() as scratch:
                self._teach(workshop, scratch, held)
                outcome = self._judge(material, scratch)
            shutil.rmtree(workshop, ignore_errors=True)
            return outcome
        finally:
            _leave(workshop)

    def _teach(self, workshop: Path, scratch: Path, held: int) -> None:
        minutes, start = self._task.minutes, folder_in_use(self._config.data, self._catalog).folder
        checkpoint, dev = str(workshop / _CHECKPOINT), str(workshop / _DEV)
        self._say(f"Training for at most {minutes:g} minutes, from {self._reranker.revision} …")
        teaching = (
            "--groups", str(workshop / _GROUPS), "--dev", dev, "--dev-limit", str(MOST_LOOKED_AT),
            "--checkpoint", checkpoint, "--minutes", f"{minutes:g}", "--evaluate-minutes", f"{minutes / LOOKS:g}",
            "--patience", str(PATIENCE), "--start", str(start), "--resume", "--with-parent",
            "--threads", str(self._config.models.threads or physical_cores()),
        )  # fmt: skip
        run_tool("models.training.torch_reranker", teaching, say=self._report, keep_open=(held,))
        source = f"trained on this installation's own history, from {self._reranker.revision}"
        exporting = ("reranker", "--checkpoint", checkpoint, "--out", str(scratch), "--sample", dev, "--source", source)
        run_tool("models.training.torch_export", exporting, say=self._report, keep_open=(held,))

    def _report(self, line: str) -> None:
        self._say(in_words(line))

    def _judge(self, material: Material, scratch: Path) -> Outcome:
        """The contest; the winner is installed, and nothing else is changed."""
        new = open_installed(self._config, scratch)
        rivals = {IN_USE: self._reranker, NEW: new}
        contest = hold(material.fitting, material.judging, rivals, depth=self._depth, prior=self._prior)
        wins, reason = verdict(contest)
        outcome = Outcome(
            installed=wins,
            reason=reason,
            revision=new.revision,
            in_use=new.revision if wins else self._reranker.revision,
            figures=contest.figures,
            certainty={rival: contest.certainty(NEW, rival) for rival in (ALONE, IN_USE)},
            questions=material.counts,
            data_sha256=material.history.sha256,
        )
        if wins:
            self._install(new, material, outcome, scratch)
        return outcome

    def _install(self, new: Reranker, material: Material, outcome: Outcome, scratch: Path) -> None:
        """The record of the choice comes before the switch: it is only looked at for the revision that it names."""
        so_far = self._shelf.in_use().active
        asked = [*material.fitting, *material.judging]
        fitted = fusion.fit(asked, new, depth=self._depth, seed=SEED, prior=self._prior)
        choice = record(
            fitted,
            (self._encoder.revision, new.revision),
            questions=len(material.judging),
            data_sha256=outcome.data_sha256,
            today=self._now.date(),
        )
        self._describe(material, outcome, scratch)
        self._shelf.keep(scratch, new.revision)
        won = {ALONE: outcome.figures[ALONE], "fused": outcome.figures[NEW], "in_use_before": outcome.figures[IN_USE]}
        choices(self._config.data).save(choice.model_copy(update={"use_reranker": True, "figures": won}))
        self._shelf.activate(new.revision, instead_of=so_far)

    def _describe(self, material: Material, outcome: Outcome, scratch: Path) -> None:
        """What belongs into the folder beside the weights."""
        shipped = self._catalog.require("reranker")
        for name in ("LICENSE", "NOTICE.md"):
            if (shipped / name).is_file():
                shutil.copyfile(shipped / name, scratch / name)
        taught = sorted(fingerprint(one.text) for one in material.history.part("train"))
        (scratch / SEEN).write_text("".join(f"{one}\n" for one in taught), encoding="utf-8")
        meta = json.loads((scratch / "meta.json").read_bytes()) | {
            "created": self._now.date().isoformat(),
            "encoder_revision": self._encoder.revision,
            "data_sha256": outcome.data_sha256,
            "questions": outcome.questions,
            "figures": outcome.figures,
            "certainty": outcome.certainty,
        }
        (scratch / "meta.json").write_text(json.dumps(meta, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        write_reranker_card(scratch, meta, self._task.pairs.name, self._task.minutes)


def verdict(contest: Contest) -> tuple[bool, str]:
    """Whether the new one is installed, and why, for people."""
    rival = contest.best((ALONE, IN_USE))
    named = {ALONE: "the first stage alone", IN_USE: "the reranker in use"}[rival]
    new, old, sure = contest.mrr(NEW), contest.mrr(rival), contest.certainty(NEW, rival)
    figures = f"MRR@10 {new:.3f} against {old:.3f} of {named}"
    if new <= old:
        return False, f"Not installed: {figures}."
    if sure < CERTAINTY:
        return (
            False,
            f"Not installed: {figures}, better in {sure:.0%} of resampled sets where {CERTAINTY:.0%} are asked for.",
        )
    return True, f"Installed: {figures}, better in {sure:.0%} of resampled sets."


def in_words(line: str) -> str:
    """What the tools print, for people; a line that is no figures stays as it is."""
    try:
        found = ast.literal_eval(line)
        if "loss" in found:
            alone, new = found["first_stage"], found["reranker"]
            return f"minute {found['minutes']:.1f}: MRR on questions kept aside {new:.3f}, search alone {alone:.3f}"
        return f"int8 agrees with fp32: correlation {found['score_correlation']:.3f} on {found['pairs']} pairs"
    except (ValueError, SyntaxError, KeyError, TypeError):
        return line


def _furnish(workshop: Path, material: Material) -> None:
    """Put what the tools read where they find it. For the owner alone: it is customers' questions."""
    workshop.mkdir(mode=0o700, exist_ok=True)
    workshop.chmod(0o700)
    for name in (_GROUPS, _DEV):
        (workshop / name).unlink(missing_ok=True)
        (workshop / name).touch(mode=0o600)
    write_lines(workshop / _GROUPS, material.groups)
    write_lines(workshop / _DEV, material.looked_at)


def _leave(workshop: Path) -> None:
    """However a run ends, no question stays in plain text: they are mined anew. A checkpoint stays, for the run that goes on from it."""
    for name in (_GROUPS, _DEV):
        (workshop / name).unlink(missing_ok=True)
    if not (workshop / _CHECKPOINT / "state.pt").is_file():
        shutil.rmtree(workshop, ignore_errors=True)

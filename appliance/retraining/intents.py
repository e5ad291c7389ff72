"""Trains the intent heads of a profile here, holds them against those in use on the same rows, and installs them beside those.

Two heads are fitted: the trial head without the held-out part (one text in five, chosen by the text's hash), and the final head on all
rows. Without a held-out file the trial head is what is judged; it is kept, so that the next training can be judged against a head that
has not seen the held-out part either. With a held-out file the final head itself is judged.

Where a risk budget is set, thresholds are learnt on the held-out rows and belong to the revision. If the new head is not better, they
are learnt for the head in use: the budget holds either way.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.errors import StorageFailed
from appliance.heads import TRIAL, intent_shelf
from appliance.learned import IntentThresholds, read_thresholds
from appliance.model_set import open_catalog
from appliance.policy import Policy
from appliance.retraining.cards import threshold_rows, write_intent_card
from appliance.retraining.encoding import Advance, encode
from appliance.retraining.inuse import SEEN, HeadsInUse, Refused, heads_in_use, mark, shipped_texts, with_urgencies
from appliance.retraining.judged import MIN_JUDGED, Bench, Judgement, judge
from appliance.retraining.lock import training_lock
from appliance.retraining.material import SHIPPED, Material, Row, gather, read_material, split, unseen
from appliance.retraining.thresholds import choose, write_thresholds
from appliance.store.corrections import Example
from models.classifier import OnnxIntentClassifier
from models.installed import InUse, Shelf
from models.meta import IntentMeta, read_meta
from models.roles import Encoder, Features, IntentClassifier
from models.training.card import DataFacts
from models.training.heads import FittedHeads, fit_heads
from models.training.intent import note_meta, save_heads
from models.training.served import Served

_SEED = 7
_LIMITS = (
    "The heads hold vectors of the texts that they were fitted on: after a customer's texts were erased, train them again.",
    "Rows without an urgency kept the word of the head that was in use.",
)


@dataclass(frozen=True, slots=True)
class Order:
    """What to train on: files, agents' corrections (in the order in which they were made) and, if wished, the texts that ship.

    ``risk_budget`` goes before the profile's, and that before the one of the head in use.
    """

    train: Sequence[Path]
    heldout: Path | None = None
    corrections: Sequence[Example] = ()
    shipped: bool = False
    risk_budget: float | None = None


def train_intents(
    config: Config,
    policy: Policy,
    encoder: Encoder,
    order: Order,
    *,
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
    advance: Advance = lambda _done, _total: None,
) -> dict[str, Any]:
    """Train, compare, install. Returns what happened, with the figures of both heads.

    Raises ``ModelRefused`` or ``InputInvalid`` for rows that cannot be used, ``Conflict`` while another training runs and ``StorageFailed``
    when the disk is full. Whatever is raised, and whenever the process is killed, the head in use stays in use.
    """
    shelf = intent_shelf(config.data, policy.name, open_catalog(config))
    try:
        with training_lock(shelf.folder, now=now):
            shelf.clean()
            with shelf.scratch() as scratch:
                found = heads_in_use(config, policy, encoder)
                return _Training(policy, encoder, order, shelf, scratch, found, now, clock, advance).run()
    except OSError as error:
        raise StorageFailed(
            f"The new head could not be written to {shelf.folder}: {error.strerror or error}.",
            remedy="Free some disk space and check the folder's permissions; the head in use is untouched.",
        ) from error


@dataclass(frozen=True, slots=True)
class _Training:
    """One training: everything that its steps share."""

    policy: Policy
    encoder: Encoder
    order: Order
    shelf: Shelf
    scratch: Path
    found: HeadsInUse | Refused | None
    now: datetime
    clock: Callable[[], float]
    advance: Advance

    @property
    def in_use(self) -> HeadsInUse | None:
        return self.found if isinstance(self.found, HeadsInUse) else None

    def run(self) -> dict[str, Any]:
        began = self.clock()
        material, left_out = self._material()
        features = encode(self.encoder, [row.text for row in material.rows], self.advance)
        rows = with_urgencies(material.rows, features, self.in_use)
        kept, held = split(material.rows, material.groups, self._known())
        trial = self._fit([rows[at] for at in kept], features[kept])
        proven = bool(held) and self.order.heldout is None and self._budget() is not None
        fitted = material.take(kept) if proven else material
        (self.scratch / TRIAL).mkdir()
        (self.scratch / TRIAL / SEEN).write_text("\n".join(mark(material.rows[at]) for at in kept), "ascii")
        final = trial if proven else self._fit(rows, features)
        meta = self._save(final, trial, fitted, round(self.clock() - began, 1))
        before, after, bench = self._bench(material, features, held)
        judgement = self._judgement(meta, judge(self.policy, bench, before, after), len(bench.rows))
        meta = self._describe(meta, bench, judgement, after, fitted)
        folder = self.shelf.keep(self.scratch, meta["revision"])
        now, budget = InUse(self.found.name if self.found else None, None), self._budget()
        if judgement.better:
            now = self.shelf.activate(meta["revision"], instead_of=now.active, budget=budget)
        elif before is not None and self.in_use is not None and (held_to := self._hold(self.in_use, before, bench)):
            now = self.shelf.activate(held_to, instead_of=now.active, budget=budget)
            judgement = replace(judgement, reason=f"{judgement.reason} The thresholds in use were learnt anew.")
        learned = read_thresholds(self.shelf.path(str(now.active)))
        return {
            "profile": self.policy.name,
            "result": "installed" if judgement.better else "kept",
            "reason": judgement.reason,
            "candidate": meta["revision"],
            "active": now.active,
            "previous": now.previous,
            "in_use_before": self.in_use.heads.classifier.revision if self.in_use else None,
            "notice": self.found.notice if self.found else "",
            "risk_budget": budget,
            "risk_budget_in_force": learned.budget if learned else None,
            "thresholds": threshold_rows(learned),
            "folder": str(folder),
            "rows": {
                **fitted.counts,
                "twins": material.twins,
                "corrections_left_out": left_out,
                "held_out": len(bench.rows),
                "held_out_from": bench.origin,
            },
            **judgement.document(),
            "seconds": round(self.clock() - began, 1),
        }

    def _material(self) -> tuple[Material, int]:
        """All rows, and how many corrections name an intent that the profile no longer has."""
        shipped = [(shipped_texts(self.policy.name), SHIPPED)] if self.order.shipped else []
        return gather(
            self.policy, [*shipped, *((path, path.name) for path in self.order.train)], self.order.corrections
        )

    def _known(self) -> frozenset[str]:
        """Marks of what could not be judged if it were held out."""
        return self.in_use.judged(from_file=False)[1] if self.in_use and self.order.heldout is None else frozenset()

    def _fit(self, rows: Sequence[Row], features: Features) -> FittedHeads:
        urgencies = [row.urgency for row in rows]
        return fit_heads(features, [row.intent for row in rows], urgencies if all(urgencies) else None, seed=_SEED)

    def _save(self, final: FittedHeads, trial: FittedHeads, material: Material, seconds: float) -> dict[str, Any]:
        about = {
            "profile": self.policy.name,
            "encoder_revision": self.encoder.revision,
            "created": self.now.date().isoformat(),
            "data_sha256": material.sha256,
            "rows": len(material.rows),
            "rows_per_intent": material.per_intent,
            "train_seconds": seconds,
        }
        (self.scratch / SEEN).write_text("\n".join(map(mark, material.rows)), "ascii")
        save_heads(self.scratch / TRIAL, trial, about)
        return save_heads(self.scratch, final, about)

    def _bench(
        self, material: Material, features: Features, held: Sequence[int]
    ) -> tuple[IntentClassifier | None, OnnxIntentClassifier, Bench]:
        """The head in use and the new one, as they may be judged, and the held-out rows that neither has seen."""
        file = self.order.heldout
        before, seen = self.in_use.judged(from_file=file is not None) if self.in_use else (None, frozenset[str]())
        folder = self.scratch if file else self.scratch / TRIAL
        after = OnnxIntentClassifier.open(folder, encoder_revision=self.encoder.revision)
        if file is None:
            rows = [material.rows[at] for at in held]
            return before, after, Bench(rows, features[list(held)], "one text in five, by its hash")
        rows = unseen(read_material(file, self.policy), material.rows, seen)
        features = encode(self.encoder, [row.text for row in rows], self.advance)
        return before, after, Bench(rows, features, f"the file {file.name}")

    def _judgement(self, meta: dict[str, Any], found: Judgement, judged_on: int) -> Judgement:
        least = MIN_JUDGED if isinstance(self.found, Refused) else 1 if self._budget() is not None else 0
        if self.in_use is None and judged_on < least:
            why = "replace installed heads that cannot serve" if self.found else "keep the risk budget"
            reason = f"Only {judged_on} rows are held out; to {why}, {least} must be. Give more with --heldout."
            return replace(found, better=False, reason=reason)
        if self.in_use and meta["heads_sha256"] == self.in_use.heads.sha256:
            return replace(found, better=False, reason="These rows give the very head that is in use already.")
        if self.in_use and meta["data_sha256"] == read_meta(IntentMeta, self.in_use.heads.folder).data_sha256:
            reason = "The head in use was trained on these very rows: what differs is chance. Add new rows."
            return replace(found, better=False, reason=reason)
        return found

    def _describe(
        self, meta: dict[str, Any], bench: Bench, found: Judgement, after: OnnxIntentClassifier, material: Material
    ) -> dict[str, Any]:
        """Thresholds, figures and card of the new head, into the scratch folder. Returns its meta, whose revision names the thresholds too."""
        learned = self._learn(self.scratch, Served(after), bench, meta["revision"])
        meta = meta | {"figures": found.after or {}, "figures_on": bench.origin}
        meta["revision"] = learned.revision if learned else meta["revision"]
        note_meta(self.scratch, meta)
        sources = ", ".join(f"{count} from {name}" for name, count in material.per_source.items())
        write_intent_card(
            self.scratch,
            self.policy,
            meta,
            heads=Served(after),
            features=bench.features,
            intents=bench.intents,
            data=[DataFacts("training rows", material.sha256, len(material.rows), sources, material.per_intent)],
            figures=(found.before, found.after or {}),
            figures_on=f"{len(bench.rows)} held-out rows ({bench.origin}). {self._judged_on()} {found.reason}",
            learned=learned,
            limits=_LIMITS,
        )
        return meta

    def _judged_on(self) -> str:
        if self.order.heldout:
            return "The head was fitted on all rows; none of the file's is among them."
        if self._budget() is not None:
            return "The head that serves is the one that was measured: it was fitted without them."
        return "They were measured with a head fitted without them; the one that serves was then fitted on all rows."

    def _hold(self, in_use: HeadsInUse, before: IntentClassifier, bench: Bench) -> str | None:
        """Hold the head in use to the budget: the same head under a new revision, with thresholds. None when it already is, or none is set."""
        learned, budget = in_use.learned, self._budget()
        if budget is None or not bench.rows:
            return None
        if learned and (learned.budget, learned.policy) == (budget, self.policy.rules_digest):
            return None
        with self.shelf.scratch() as scratch:
            shutil.copytree(in_use.heads.folder, scratch, dirs_exist_ok=True)
            seen = in_use.seen
            if before is in_use.trial:  # what is proven has to be what serves
                seen = in_use.trial_seen
                for name in ("heads.onnx", "meta.json"):
                    shutil.copyfile(scratch / TRIAL / name, scratch / name)
            (scratch / SEEN).write_text("\n".join(sorted(seen)), "ascii")
            meta = note_meta(scratch, {})
            base = re.sub(r"-t[0-9a-f]{6}$", "", str(meta["revision"]))
            learned = self._learn(scratch, Served(before), bench, base)
            assert learned is not None
            note_meta(scratch, {"revision": learned.revision})
            self.shelf.keep(scratch, learned.revision)
        return learned.revision

    def _learn(self, folder: Path, heads: Served, bench: Bench, base: str) -> IntentThresholds | None:
        """Thresholds for the budget, written beside the head. The same head with other thresholds is another revision."""
        budget = self._budget()
        if budget is None or not bench.rows:
            return None
        learned = choose(
            self.policy,
            self.encoder,
            heads,
            [row.text for row in bench.rows],
            bench.intents,
            revision=base,
            budget=budget,
            source=f"{len(bench.rows)} held-out rows ({bench.origin})",
            today=self.now.date(),
        )
        said = learned.model_dump_json(exclude={"revision", "created"})
        learned = learned.model_copy(update={"revision": f"{base}-t{hashlib.sha256(said.encode()).hexdigest()[:6]}"})
        write_thresholds(folder, learned)
        return learned

    def _budget(self) -> float | None:
        if self.order.risk_budget is not None:
            return self.order.risk_budget
        if self.policy.thresholds.risk_budget is not None:
            return self.policy.thresholds.risk_budget
        return self.found.budget if self.found else None

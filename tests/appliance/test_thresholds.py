"""Learnt thresholds: what is unsafe, which number goes before which, and files that do not fit."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from line_parts import POLICY, classified, ticket

from appliance.bootstrap import open_appliance
from appliance.config import Config
from appliance.errors import ConfigInvalid, StorageFailed
from appliance.heads import intent_shelf
from appliance.learned import THRESHOLDS_FILE, IntentThresholds, LearnedThreshold, read_thresholds
from appliance.line.route import confidence, route
from appliance.model_set import open_catalog
from appliance.policy import Policy
from appliance.retraining.thresholds import choose, write_thresholds
from appliance.ticket import Identified, Routed, Tier
from models.errors import ModelRefused

NAMES = tuple(intent.name for intent in POLICY.intents)
REVISION = "intent-saas-00000000"


class OneHot:
    """An encoder of words: the first word of a text names an intent, the second says how sure the heads will be of it."""

    revision = "one-hot"
    dimension = len(NAMES)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([self._one(*text.split()) for text in texts], dtype=np.float32)

    def _one(self, name: str, sure: str, *_: str) -> np.ndarray:
        """What is left of the probability lies on an intent that a person handles, so ``sure`` is the number held against the threshold."""
        found = np.zeros(len(NAMES), dtype=np.float32)
        found[NAMES.index("billing_dispute")] = 1 - float(sure)
        found[NAMES.index(name)] += float(sure)
        return found


class Heads:
    """Predicts what the vector says, which stands first among the features."""

    intents = NAMES

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        count = len(features)
        probability = features[:, : len(NAMES)].astype(np.float32)
        return probability, np.tile(np.float32([0, 1, 0, 0]), (count, 1)), np.zeros(count, dtype=np.float32)


def learn(rows: Sequence[tuple[str, str]], *, budget: float = 0.05, policy: Policy = POLICY) -> IntentThresholds:
    texts, intents = [text for text, _ in rows], [intent for _, intent in rows]
    return choose(
        policy,
        OneHot(),
        Heads(),
        texts,
        intents,
        revision=REVISION,
        budget=budget,
        source="made rows",
        today=date(2026, 6, 1),
    )


def rows(text: str, true: str, times: int) -> list[tuple[str, str]]:
    return [(f"{text} row{at}", true) for at in range(times)]


def learned(tier: Tier = "free", **of: LearnedThreshold) -> IntentThresholds:
    return IntentThresholds(
        revision=REVISION, policy=POLICY.rules_digest, budget=0.05, confidence=0.95, created=date(2026, 6, 1), source="made",
        tiers={tier: of},
    )  # fmt: skip


def level(threshold: float | None, *, missing: int = 0, declared: bool = False) -> LearnedThreshold:
    return LearnedThreshold(threshold=threshold, handled=80, unsafe=0, bound=0.04, missing=missing, declared=declared)


def guided(tier: Tier = "free", **of: LearnedThreshold) -> Policy:
    return POLICY.with_learned(learned(tier, **of), revision=REVISION)


def routed(policy: Policy, intent: str, sure: float, *, tier: Tier = "free", **more: object) -> Routed:
    return route(policy, ticket(), Identified(tier=tier), classified(intent, sure, **more))


def test_a_clean_intent_learns_the_lowest_threshold_that_the_policy_allows() -> None:
    found = learn(rows("how_to 0.95", "how_to", 40) + rows("how_to 0.6", "how_to", 40)).of("how_to", "free")
    assert found is not None
    assert (found.threshold, found.handled, found.unsafe) == (0.5, 80, 0)


def test_unsafe_is_what_a_person_always_handles() -> None:
    found = learn(rows("how_to 0.95", "how_to", 70) + rows("how_to 0.72", "account_security", 30)).of("how_to", "free")
    assert found is not None
    assert (found.threshold, found.handled, found.unsafe) == (0.73, 70, 0)


def test_taking_one_harmless_intent_for_another_is_safe() -> None:
    found = learn(rows("how_to 0.95", "api_integration", 70)).of("how_to", "free")
    assert found is not None
    assert (found.threshold, found.unsafe) == (0.5, 0)


def test_questions_out_of_scope_prove_nothing() -> None:
    found = learn(rows("how_to 0.95", "how_to", 50) + rows("how_to 0.95", "out_of_scope", 50)).of("how_to", "free")
    assert found is not None
    assert (found.threshold, found.handled, found.missing) == (None, 50, 9)


def test_what_a_tier_gives_to_a_person_is_unsafe_for_that_tier_alone() -> None:
    found = learn(rows("how_to 0.95", "how_to", 100) + rows("how_to 0.95", "technical_problem", 20))
    free, enterprise = found.of("how_to", "free"), found.of("how_to", "enterprise")
    assert free is not None
    assert enterprise is not None
    assert (free.unsafe, free.threshold) == (0, 0.5)
    assert (enterprise.unsafe, enterprise.threshold) == (20, None)
    assert found.of("technical_problem", "enterprise") is None, "a person always handles it"
    assert found.of("account_security", "free") is None


def test_the_profiles_own_threshold_is_kept_and_judged() -> None:
    """login_access has 0.75 in this profile: what the rows say of it is told, and not obeyed."""
    found = learn(rows("login_access 0.8", "login_access", 30) + rows("login_access 0.6", "account_security", 30))
    one = found.of("login_access", "free")
    assert one is not None
    assert (one.threshold, one.handled, one.unsafe, one.declared) == (0.75, 30, 0, True)
    assert one.bound > 0.05
    assert POLICY.with_learned(found, revision=REVISION).threshold("login_access", "free") == 0.75


def test_the_rows_may_come_in_any_order() -> None:
    many = rows("how_to 0.95", "how_to", 70) + rows("how_to 0.7", "account_security", 30)
    assert learn(many) == learn(many[::-1])


@pytest.mark.parametrize("budget", [0.0, 1.0, -1.0])
def test_a_budget_that_is_no_share_is_refused(budget: float) -> None:
    with pytest.raises(ModelRefused, match="no share"):
        learn(rows("how_to 0.9", "how_to", 3), budget=budget)


def test_a_learnt_threshold_takes_the_place_of_the_default_in_both_directions() -> None:
    policy = guided(how_to=level(0.55), billing_question=level(0.9))
    assert (policy.threshold("how_to", "free"), policy.threshold("billing_question", "free")) == (0.55, 0.9)
    assert routed(policy, "how_to", 0.6).attempt
    assert routed(policy, "billing_question", 0.85).decision.rule == "route.low_confidence"
    assert POLICY.threshold("how_to", "free") == 0.7, "the policy that was read stays as it is"
    assert policy.threshold("feature_request", "free") == 0.7, "nothing was learnt of it"


def test_the_profiles_threshold_of_an_intent_goes_before_what_was_learnt() -> None:
    policy = guided(data_privacy=level(0.5), login_access=level(None, missing=9))
    assert policy.threshold("data_privacy", "free") == 0.8
    assert routed(policy, "login_access", 0.8).attempt


def test_a_tiers_threshold_can_only_be_stricter() -> None:
    assert guided("enterprise", how_to=level(0.55)).threshold("how_to", "enterprise") == 0.8
    assert guided("enterprise", how_to=level(0.93)).threshold("how_to", "enterprise") == 0.93


def test_an_intent_without_proof_goes_to_a_person_however_sure_the_classifier_is() -> None:
    policy = guided(how_to=level(None, missing=21))
    decided = routed(policy, "how_to", 1.0)
    assert (decided.attempt, decided.decision.rule, decided.reply) == (False, "route.not_automated", "handed_over")
    assert "21 more rows" in decided.decision.reason
    assert "5%" in decided.decision.reason
    assert not routed(policy, "how_to", 0.99, out_of_scope=0.9).attempt
    assert routed(policy, "how_to", 1.0, tier="paid").attempt, "for each tier by its own rows"


def test_learnt_thresholds_do_not_change_the_number_that_is_held_against_them() -> None:
    doubt = classified("how_to", 0.5, ranking=(("how_to", 0.5), ("billing_question", 0.4), ("billing_dispute", 0.1)))
    policy = guided(how_to=level(0.5), billing_question=level(0.95))
    assert confidence(policy, Identified(), doubt) == confidence(POLICY, Identified(), doubt) == pytest.approx(0.9)


def test_thresholds_of_other_heads_or_other_rules_are_refused() -> None:
    found = learned(how_to=level(0.6))
    with pytest.raises(ConfigInvalid, match="intent-saas-11111111 is in use"):
        POLICY.with_learned(found, revision="intent-saas-11111111")
    first, *others = POLICY.intents
    changed = POLICY.model_copy(update={"intents": (first.model_copy(update={"always_escalate": True}), *others)})
    with pytest.raises(ConfigInvalid, match="other rules"):
        changed.with_learned(found, revision=REVISION)


def test_wording_may_change_without_learning_again() -> None:
    assert POLICY.model_copy(update={"title": "Other", "company": "Other"}).rules_digest == POLICY.rules_digest


def test_thresholds_are_read_as_they_were_written(tmp_path: Path) -> None:
    found = learn(rows("how_to 0.95", "how_to", 70))
    assert read_thresholds(tmp_path) is None
    assert write_thresholds(tmp_path, found) == tmp_path / THRESHOLDS_FILE
    assert read_thresholds(tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == [THRESHOLDS_FILE]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "threshold": NaN}'])
def test_a_broken_file_is_named_with_its_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / THRESHOLDS_FILE).write_text(text)
    with pytest.raises(ConfigInvalid, match=r"thresholds\.json is not as it should be") as refused:
        read_thresholds(tmp_path)
    assert "--risk-budget" in refused.value.remedy


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="cannot be written"):
        write_thresholds(tmp_path / "none", learned())


def installed(config: Config, thresholds: IntentThresholds) -> None:
    """The shipped heads once more, as if they had been trained here with a risk budget."""
    catalog = open_catalog(config)
    shelf = intent_shelf(config.data, "saas", catalog)
    with shelf.scratch() as scratch:
        for file in catalog.require("intent-saas").iterdir():
            shutil.copy(file, scratch)
        write_thresholds(scratch, thresholds)
        shelf.keep(scratch, thresholds.revision)
    shelf.activate(thresholds.revision, instead_of="shipped")


async def test_an_open_appliance_goes_by_the_thresholds_beside_its_heads(shipped_data: Path, tmp_path: Path) -> None:
    config = Config(data=Path(shutil.copytree(shipped_data, tmp_path / "data")))
    async with open_appliance(config) as plain:
        revision = plain.heads.split(" ")[0]
        assert plain.policy.learned is None
    every = {name: level(None, missing=30) for name in NAMES if not POLICY.always_person(name, "free")}
    installed(config, learned(**every).model_copy(update={"revision": revision}))
    async with open_appliance(config) as appliance:
        opened = await appliance.reception.open(channel="chat", text="How do I import my tasks from a spreadsheet?")
        assert opened.accepted is not None
        reply = await appliance.runner.reply(opened.accepted.message.id)
    assert (reply.outcome, reply.rule) == ("handed_over", "route.not_automated")

"""Which rows are fitted, which are held out, and that both stay the same."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from retraining_parts import messages, write_profile

from appliance.policy import Policy, load_policy
from appliance.retraining import material
from appliance.retraining.material import CORRECTIONS, Row, collect, fingerprint, grouped, read_material, split, unseen
from models.errors import ModelRefused


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return load_policy(str(write_profile(tmp_path / "garden.toml")))


def rows(each: int, seed: int = 1, source: str = "file") -> list[Row]:
    return [Row(*one, source) for one in messages(each, seed=seed)]


def test_a_text_counts_once_and_the_later_word_wins(policy: Policy) -> None:
    given = rows(10)
    later = Row("  " + given[0].text.upper().replace(" ", "\n"), "login", "low", CORRECTIONS)
    found = collect(policy, [*given, later])
    assert (found.given, found.duplicates, len(found.rows)) == (51, 1, 50)
    assert [row.intent for row in found.rows if row.print == later.print] == ["login"]


def test_a_text_that_was_held_out_once_is_held_out_for_ever() -> None:
    few, many = rows(40), rows(40) + rows(200, seed=2)
    first, second = ({held[at].print for at in split(held, grouped(held))[1]} for held in (few, many[::-1]))
    assert first <= second
    assert 0.15 < len(second) / len(many) < 0.25


def test_every_intent_keeps_enough_rows_to_be_fitted() -> None:
    given = rows(5)
    kept, held = split(given, grouped(given))
    assert Counter(given[at].intent for at in kept) == Counter(dict.fromkeys({row.intent for row in given}, 5))
    assert held == []


def test_kept_and_held_out_are_all_rows_and_share_none() -> None:
    given = rows(60)
    kept, held = split(given, grouped(given))
    assert sorted([*kept, *held]) == list(range(len(given)))


def test_of_too_many_rows_a_sample_is_fitted_that_keeps_rare_intents_and_corrections(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(material, "MAX_FITTED", 100)
    rare = [row for row in rows(200) if row.intent != "dispute"] + [
        row for row in rows(7, seed=2) if row.intent == "dispute"
    ]
    corrected = Row("an odd one", "billing", "low", CORRECTIONS)
    found = collect(policy, [*rare, corrected])
    assert found.per_intent == {"billing": 23, "delivery": 23, "dispute": 7, "login": 23, "returns": 23}
    assert corrected in found.rows
    assert set(found.rows) == set(collect(policy, [corrected, *rare[::-1]]).rows)


def test_the_hash_of_the_data_does_not_depend_on_their_order(policy: Policy) -> None:
    given = rows(10)
    assert (
        collect(policy, given).sha256 == collect(policy, given[::-1]).sha256 != collect(policy, rows(10, seed=2)).sha256
    )


def test_twins_go_to_one_side_together_and_one_of_them_is_judged() -> None:
    given = rows(60)
    twins = [Row(f"Dear Sir,\n{row.text} (ticket {at})\n\nThanks,\nBob", *_labels(row)) for at, row in enumerate(given)]
    numbered = [Row(f"{row.text} (ticket {at + 7})", *_labels(row)) for at, row in enumerate(given)]
    names = grouped([*twins, *numbered])
    kept, held = split([*twins, *numbered], names)
    assert len(set(names)) == len(given)
    assert not {names[at] for at in kept} & {names[at] for at in held}
    assert len({names[at] for at in held}) == len(held) > 0


def test_what_the_head_in_use_has_seen_is_fitted_since_it_could_not_be_judged() -> None:
    given = rows(60)
    names = grouped(given)
    _, held = split(given, names)
    seen = {given[held[0]].mark}
    assert set(held) - set(split(given, names, seen)[1]) == {held[0]}


def test_of_a_large_held_out_file_a_sample_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "MOST_HELD_OUT", 30)
    given = rows(40)
    assert len(unseen(given, [], frozenset())) == 30
    assert set(unseen(given, [], frozenset())) == set(unseen(given[::-1], [], frozenset()))


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path, policy: Policy) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    with pytest.raises(ModelRefused, match="is not a regular file") as refused:
        read_material(tmp_path / "rows.csv", policy)
    assert refused.value.remedy


def _labels(row: Row) -> tuple[str, str, str]:
    return row.intent, row.urgency, row.source


def test_half_a_surrogate_has_a_fingerprint() -> None:
    assert fingerprint("\ud800") != fingerprint("\ud801")

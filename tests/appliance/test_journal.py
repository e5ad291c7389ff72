"""The journal of a run: what a station found out comes back from JSON as it was, and no fault takes a customer's words along."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.line.journal import from_json, note_fault, noted_fault, to_json
from appliance.line.line import Written
from appliance.store.turns import MoreCame, Superseded
from appliance.ticket import (
    Attempted,
    Citation,
    Classified,
    Decision,
    Drafted,
    Grounded,
    Identified,
    Retrieved,
    Routed,
    Spoken,
    Verdict,
)
from kb.article import Candidate, Passage
from kb.errors import IndexUnavailable, KnowledgeFault
from models.errors import ModelRefused, ModelUnavailable, Overloaded
from models.roles import DraftSentence

SECRET = "my card is 4111 1111 1111 1111"

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
vectors = st.lists(numbers, min_size=0, max_size=8).map(lambda values: np.array(values, np.float32))
decisions = st.builds(Decision, texts, texts, texts)
sentences = st.builds(DraftSentence, texts, st.lists(st.integers(1, 9), max_size=3).map(tuple))
citations = st.builds(Citation, st.integers(1, 9), texts, texts, texts, texts)
verdicts = st.builds(Verdict, texts, st.booleans(), texts)
candidates = st.builds(
    Candidate,
    st.builds(Passage, texts, texts, st.integers(0, 99), texts, texts),
    texts,
    texts,
    vector=numbers,
    bm25=numbers,
    rrf=numbers,
    score=numbers,
)


def many(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(one, max_size=3).map(tuple)


drafted = st.builds(Drafted, texts, many(sentences), many(texts), st.just(()))
grounded = st.builds(Grounded, many(sentences), many(citations), many(verdicts), decisions)
stations = st.one_of(
    st.builds(Identified),
    st.builds(Spoken),
    st.builds(
        Classified,
        texts,
        vectors,
        texts,
        numbers,
        st.just("high"),
        st.just("none"),
        numbers,
        wants_person=st.booleans(),
    ),
    st.builds(Routed, st.booleans(), decisions),
    st.builds(Retrieved, many(candidates), numbers, decisions),
    st.builds(Written, drafted, grounded),
    st.builds(Attempted, texts, st.just("simple"), st.just("skipped"), reason=texts, hosted=st.booleans()),
)


def same(one: Any, other: Any) -> bool:
    """Equal, vectors element by element and of the same type."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@given(stations)
def test_what_a_station_found_out_comes_back_from_json_as_it_was(found: Any) -> None:
    stored = json.dumps(to_json(type(found), found), ensure_ascii=False)
    assert same(from_json(type(found), json.loads(stored)), found)


@given(st.lists(texts))
def test_the_ids_of_a_burst_come_back_as_they_were(ids: list[str]) -> None:
    assert from_json(list, json.loads(json.dumps(to_json(list, ids)))) == ids


@pytest.mark.parametrize("kind", [ModelUnavailable, ModelRefused, Overloaded, IndexUnavailable])
def test_a_fault_of_ours_comes_back_as_its_kind_with_its_message(kind: type[Exception]) -> None:
    noted = json.loads(json.dumps(note_fault(kind("The model is away."))))
    again = noted_fault(noted)
    assert type(again) is (KnowledgeFault if issubclass(kind, KnowledgeFault) else kind), (
        "its kind decides what the runner does"
    )
    assert getattr(again, "message", "") == "The model is away."


@pytest.mark.parametrize("kind", [Superseded, MoreCame])
def test_what_the_store_says_of_a_run_comes_back_as_its_kind(kind: type[Exception]) -> None:
    assert type(noted_fault(note_fault(kind()))) is kind


@pytest.mark.parametrize("kind", [ValueError, KeyError, RuntimeError, UnicodeError, OSError])
def test_a_foreign_fault_is_noted_without_its_words(kind: type[Exception]) -> None:
    noted = note_fault(kind(SECRET))
    assert SECRET not in json.dumps(noted)
    assert str(noted_fault(noted)) == kind.__name__

"""An operator's own questions: what is refused, and which part each question belongs to."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from appliance.errors import InputInvalid
from appliance.retraining.history import fingerprint, part_of, read_history

KNOWN = frozenset(("a1", "a2"))


def _lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _asked(count: int, gold: str = "a1") -> bytes:
    names = ["".join(letters) for letters in product("abcdefgh", repeat=3)]
    return _lines(*({"id": f"q{n}", "question": f"what of {names[n]}", "gold_ids": [gold]} for n in range(count)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"id,question,gold_ids\nq1,hello,a1\n", "line 1 is not valid JSON"),
        (_asked(3) + b"{broken\n", "line 4 is not valid JSON"),
        (b'{"id": "q1", "question": NaN, "gold_ids": ["a1"]}\n', "NaN"),
        (_lines({"id": "q1", "question": "x" * 1_000_000, "gold_ids": ["a1"]}), "question"),
        (_lines({"id": "q1", "question": "hello", "gold_ids": "a1"}), "gold_ids"),
        (_lines({"id": "q1", "question": "  ", "gold_ids": ["a1"]}), "missing or empty"),
        (_lines({"id": "q1", "question": "hello"}), "names an article"),
        (_asked(200, gold="elsewhere"), "No gold_ids"),
        (_asked(5), "holds 5 different questions.* needs 100"),
        (_asked(5) * 40, "holds 5 different questions"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputInvalid, match=message) as refused:
        read_history(file, KNOWN, least=100, purpose="training")
    assert refused.value.remedy


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="cannot be read"):
        read_history(tmp_path / "gone.jsonl", KNOWN, least=1, purpose="training")


def test_questions_about_unknown_articles_are_left_out_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_bytes(_asked(120) + _lines({"id": "x", "question": "strange", "gold_ids": ["elsewhere"]}))
    history = read_history(file, KNOWN, least=100, purpose="training")
    assert (len(history.questions), history.unknown) == (120, 1)


def test_the_same_question_counts_once_with_all_its_articles(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    rows = (
        {"id": str(n), "question": text, "gold_ids": [gold]}
        for n, (text, gold) in enumerate((("Hello there", "a1"), ("hello  THERE", "a2")))
    )
    file.write_bytes(_lines(*rows))
    [one] = read_history(file, KNOWN, least=1, purpose="training").questions
    assert one.gold_ids == ["a1", "a2"]


def test_forty_of_one_template_are_one_question(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    ends = ("!", " ?", "...", "")
    rows = (
        {"id": str(n), "question": f"Where is order {n}{ends[n % 4]}", "gold_ids": ["a1" if n else "a2"]}
        for n in range(40)
    )
    file.write_bytes(_lines(*rows, {"id": "x", "question": "404", "gold_ids": ["a1"]}))
    kept = read_history(file, KNOWN, least=3, purpose="a choice").questions
    assert [one.id for one in kept] == ["0", "1", "x"], "another article is another question"


def test_a_question_stays_in_its_part_and_every_part_gets_its_share() -> None:
    texts = [f"how do I mend number {n}" for n in range(1_000)]
    parts = [part_of(text) for text in texts]
    assert parts == [part_of(f"  {text.upper()} ") for text in texts], "spelling decides nothing"
    assert 100 < parts.count("test") < 200
    assert 100 < parts.count("dev") < 200


def test_a_fingerprint_does_not_tell_the_question() -> None:
    assert "refund" not in fingerprint("refund please")
    assert len(fingerprint("refund please")) == 16

"""Files for measuring: what is wrong is said with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputInvalid, InputTooLarge
from appliance.evaluation import datasets
from appliance.evaluation.datasets import read_guard_cases, read_labelled, read_questions


def file(folder: Path, content: str | bytes, name: str = "data.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_questions_are_read_with_title_and_gold(tmp_path: Path) -> None:
    lines = '{"id": "a", "title": "T", "question": "Q", "gold_ids": ["x"], "topic": "ignored"}\n\n{"question": "only", "gold_ids": []}\n'
    first, second = read_questions(file(tmp_path, "\ufeff" + lines))
    assert (first.text, first.without_answer) == ("T\nQ", False)
    assert (second.id, second.text, second.without_answer) == ("2", "only", True)


def test_a_question_may_be_marked_unanswerable(tmp_path: Path) -> None:
    lines = '{"question": "q", "gold_ids": ["x"], "unanswerable": true}\n{"question": "q", "gold_ids": ["x"], "answerable": false}'
    assert [one.without_answer for one in read_questions(file(tmp_path, lines))] == [True, True]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ('{"question": "q"}\n{oops}', "line 2 is not valid JSON"),
        ('{"id": "a"}', "line 1: file: Value error, question and title are both missing"),
        ('{"question": "  "}', "question and title are both missing"),
        ('{"question": NaN}', "NaN is no value of JSON"),
        ('{"question": 3}', "line 1: question: Input should be a valid string"),
        ('{"question": "q", "gold_ids": "x"}', "gold_ids"),
        ('["q"]', "line 1"),
        ("[" * 100_000, "line 1 is not valid JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        ('{"question": "' + "x" * 100_001 + '"}', "at most 100000"),
    ],
)
def test_bad_questions_are_refused_with_their_place(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = file(tmp_path, content)
    with pytest.raises(InputInvalid) as caught:
        read_questions(path)
    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputInvalid, match="cannot be read"):
            read_questions(path)


def test_absurd_sizes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MAX_FILE_BYTES", 10)
    with pytest.raises(InputTooLarge, match="larger than"):
        read_questions(file(tmp_path, '{"question": "q"}'))


def test_guard_cases(tmp_path: Path) -> None:
    lines = '{"passages": ["a", {"title": "t", "text": "b"}], "draft": "d", "supported": true}'
    [case] = read_guard_cases(file(tmp_path, lines))
    assert (case.passages[0], case.supported) == ("a", True)


@pytest.mark.parametrize(
    "line",
    [
        '{"passages": ["a"], "draft": "d"}',
        '{"passages": ["a"], "draft": "d", "supported": NaN}',
        '{"passages": ["a"], "draft": "d", "supported": "yes"}',
    ],
)
def test_bad_guard_cases(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputInvalid, match="line 1"):
        read_guard_cases(file(tmp_path, line))


def test_labelled_texts(tmp_path: Path) -> None:
    found = read_labelled(file(tmp_path, 'text,category,more\n"Where, please?",a,1\nnan,b,2\n', "t.csv"))
    assert (found.texts, found.categories) == (["Where, please?", "nan"], ["a", "b"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no column category and text"),
        ("question,label\na,b\n", "has no column category and text"),
        ("text,category\n", "a header and nothing else"),
        ("text,category\na,x\nb,x\n", "one category only ('x')"),
        ("text,category\na,x\n,y\n", "line 3: text is empty"),
        ("text,category\na\n", "line 2: category is empty"),
        ('text,category\n"never closed,x\nb,y\n', "not valid CSV"),
        ("text,category\n" + "x" * 200_000 + ",y\n", "not valid CSV"),
    ],
)
def test_bad_labelled_texts(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        read_labelled(file(tmp_path, content, "t.csv"))
    assert said in caught.value.message
    assert caught.value.remedy


def test_out_of_scope_texts_may_have_one_category(tmp_path: Path) -> None:
    assert read_labelled(file(tmp_path, "text,category\na,oos\n", "o.csv"), several=False).categories == ["oos"]


@pytest.mark.parametrize("profile", ["saas", "it_helpdesk", "shop"])
def test_written_questions_without_an_answer_are_others_than_those_that_figures_are_quoted_on(profile: str) -> None:
    root = Path(__file__).parents[2]
    written = read_questions(root / "models" / "training" / "data" / profile / "unanswerable.jsonl")
    quoted = read_questions(root / "tests" / "data" / "questions" / f"{profile}.jsonl")
    assert len({one.text for one in written}) == len(written) >= 50
    assert all(one.without_answer for one in written)
    assert not {one.text for one in written} & {one.text for one in quoted}

"""``appliance eval`` as an operator runs it: real models, small files, exact keys, clean faults."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import run

ARTICLES = [
    {
        "id": "refund",
        "title": "Refund policy",
        "url": "https://help.example.org/refund",
        "text": "You can ask for a refund within 14 days of the purchase. Open Billing and choose Request refund. The money is back on your card within 5 business days.",
    },
    {
        "id": "invite",
        "title": "Invite a colleague",
        "url": "https://help.example.org/invite",
        "text": "Open Settings, choose Members and press Invite. Your colleague gets an e-mail with a link that is valid for 7 days.",
    },
    {
        "id": "export",
        "title": "Export your data",
        "url": "https://help.example.org/export",
        "text": "Go to Settings and choose Export. We write a ZIP file with all projects as CSV and send you the link by e-mail.",
    },
    {
        "id": "password",
        "title": "Reset your password",
        "url": "https://help.example.org/password",
        "text": "Press Forgot password on the sign-in page. We send a link to your e-mail address; it is valid for 60 minutes.",
    },
]
QUESTIONS: list[dict[str, Any]] = [
    {"id": "q1", "title": "Refund", "question": "Within how many days can I ask for a refund?", "gold_ids": ["refund"]},
    {"id": "q2", "question": "How do I invite a colleague to my workspace?", "gold_ids": ["invite"]},
    {"id": "q3", "question": "I want to talk to a human please", "gold_ids": [], "unanswerable": True},
    {"id": "q4", "question": "What is the airspeed of an unladen swallow?", "gold_ids": []},
]
CASES = [
    {
        "passages": [ARTICLES[0]["text"]],
        "draft": "You can ask for a refund within 14 days of the purchase.",
        "supported": True,
    },
    {
        "passages": [ARTICLES[0]["text"]],
        "draft": "You can ask for a refund within 30 days of the purchase.",
        "supported": False,
    },
    {"passages": [ARTICLES[0]["text"], ARTICLES[1]["text"]], "draft": "Bananas grow on the moon.", "supported": False},
    {"passages": [], "draft": "Anything goes.", "supported": False},
]
RETRIEVAL = {"n", "hit@1", "hit@5", "hit@10", "mrr@10", "p50_ms", "p95_ms", "articles", "passages", "ingest_seconds"}
ANSWERS = {
    "n",
    "answered",
    "handed_over",
    "unanswerable",
    "unanswerable_handed_over",
    "cited_gold",
    "unsupported_literals",
    "mean_sentences",
    "p50_ms",
    "p95_ms",
}
GUARD = {"n", "precision", "recall", "false_pass", "false_block", "p50_ms"}
INTENT = {"n", "accuracy", "macro_f1", "ece", "coverage@0.7", "accuracy@0.7", "oos_auroc", "train_seconds", "p50_ms"}

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Runs ``appliance`` in an empty directory: (exit code, standard output, standard error)."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.delenv("APPLIANCE_DATA", raising=False)

    def called(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["appliance", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return called


def lines(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    return lines(tmp_path, "kb.jsonl", ARTICLES)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return lines(tmp_path, "questions.jsonl", QUESTIONS)


def test_retrieval(command: Command, kb: Path, questions: Path, tmp_path: Path) -> None:
    code, out, _ = command("eval", "retrieval", "--kb", kb, "--questions", questions, "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) >= RETRIEVAL
    assert (found["n"], found["articles"], found["left_out"]) == (2, 4, 2)
    assert found["hit@1"] == found["mrr@10"] == 1.0
    assert list((tmp_path / "empty").iterdir()) == []


def test_several_knowledge_bases_and_no_second_stage(
    command: Command, kb: Path, questions: Path, tmp_path: Path
) -> None:
    more = lines(
        tmp_path,
        "more.jsonl",
        [{"id": "colour", "title": "Colours", "text": "Choose a colour for each project in its settings."}],
    )
    code, out, _ = command(
        "eval", "retrieval", "--kb", kb, "--kb", more, "--questions", questions, "--no-rerank", "--json"
    )
    assert code == 0
    assert json.loads(out)["articles"] == 5


def test_a_data_directory_is_kept_and_can_be_measured_again(
    command: Command, kb: Path, questions: Path, tmp_path: Path
) -> None:
    data = tmp_path / "kept"
    assert command("eval", "retrieval", "--kb", kb, "--questions", questions, "--data", data, "--json")[0] == 0
    code, out, _ = command("eval", "retrieval", "--questions", questions, "--data", data, "--json")
    assert code == 0
    assert (json.loads(out)["articles"], json.loads(out)["ingest_seconds"]) == (4, 0.0)


def test_a_throw_away_run_leaves_the_configured_database_alone(
    command: Command, kb: Path, questions: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "appliance.toml"
    settings.write_text(f'[database]\nurl = "sqlite:///{tmp_path / "production.db"}"\n')
    assert command("eval", "retrieval", "--kb", kb, "--questions", questions, "--config", settings, "--json")[0] == 0
    assert not (tmp_path / "production.db").exists()


def test_answers_and_their_records(command: Command, kb: Path, questions: Path, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    code, out, _ = command("eval", "answers", "--kb", kb, "--questions", questions, "--records", records, "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) >= ANSWERS
    assert (found["n"], found["unanswerable"], found["unsupported_literals"]) == (4, 2, 0)
    assert found["answered"] + found["handed_over"] + found["refused"] == 4
    rows = [json.loads(line) for line in records.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["q1", "q2", "q3", "q4"]
    assert rows[2]["rule"] == "route.asked_for_person"
    assert {"draft", "reply", "citations", "verdicts", "decisions"} <= rows[0].keys()


def test_a_higher_floor_answers_less_and_abstains_more(command: Command, kb: Path, questions: Path) -> None:
    code, out, _ = command("eval", "answers", "--kb", kb, "--questions", questions, "--sweep", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["n"], found["unanswerable"]) == (4, 2)
    rows = list(found["floors"].values())
    assert [row["answer_rate"] for row in rows] == sorted((row["answer_rate"] for row in rows), reverse=True)
    assert [row["abstention_rate"] for row in rows] == sorted(row["abstention_rate"] for row in rows)
    assert rows[0]["answer_rate"] == 1.0, "without a floor only the gates stop an answer"
    assert rows[0]["abstention_rate"] >= 0.5, "whoever asks for a person gets one at any floor"


def test_a_sweep_keeps_no_records(command: Command, kb: Path, questions: Path, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    code, _, told = command(
        "eval", "answers", "--kb", kb, "--questions", questions, "--sweep", "--records", records, "--json"
    )
    assert code == 2
    assert "--sweep" in told
    assert not records.exists()


def test_answers_with_a_profile_are_classified(command: Command, kb: Path, questions: Path) -> None:
    code, out, _ = command(
        "eval", "answers", "--kb", kb, "--questions", questions, "--profile", "saas", "--limit", 2, "--json"
    )
    assert code == 0
    assert json.loads(out)["n"] == 2


def test_guard(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("eval", "guard", "--cases", lines(tmp_path, "cases.jsonl", CASES), "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) >= GUARD
    assert (found["n"], found["false_pass"], found["false_block"], found["recall"]) == (4, 0, 0, 1.0)


def test_intent(command: Command, tmp_path: Path) -> None:
    texts = {
        "refund": [
            "I want my money back",
            "please refund my order",
            "how do I get a refund",
            "return the payment to my card",
            "refund for last month",
        ],
        "login": [
            "I cannot sign in",
            "my password does not work",
            "login fails with an error",
            "reset my password please",
            "I am locked out of my account",
        ],
        "export": [
            "download all my data",
            "export the projects as CSV",
            "how do I get a copy of my data",
            "save everything to a file",
            "data export please",
        ],
    }
    rows = [
        f"{text} {extra},{name}"
        for name, many in texts.items()
        for text in many
        for extra in ("", "today", "thanks", "urgently")
    ]
    train, test, foreign = (tmp_path / f"{name}.csv" for name in ("train", "test", "foreign"))
    train.write_text("text,category\n" + "\n".join(rows) + "\n")
    test.write_text("text,category\nplease give me a refund,refund\nsign in is broken,login\nexport as CSV,export\n")
    foreign.write_text("text,category\nwill it rain tomorrow,oos\nwho won the match,oos\n")
    asked = ("eval", "intent", "--train", train, "--test", test, "--out-of-scope", foreign, "--json")
    code, out, _ = command(*asked, "--charts", tmp_path / "charts")
    found = json.loads(out)
    assert code == 0
    assert {path.name for path in (tmp_path / "charts").iterdir()} == {"reliability.svg", "confusion.svg"}
    assert command(*asked, "--charts", train)[0] == 1, "a file is no folder"
    assert set(found) >= INTENT
    assert (found["n"], found["out_of_scope"]) == (3, 2)


def test_tables_for_people(command: Command, kb: Path, questions: Path) -> None:
    code, out, _ = command("eval", "retrieval", "--kb", kb, "--questions", questions)
    assert code == 0
    assert "hit@1" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("eval", "retrieval"),
        ("eval", "retrieval", "--questions", "q.jsonl", "--bogus"),
        ("eval", "answers", "--kb", "KB", "--questions", "QUESTIONS", "--synthesizer", "vllm"),
        ("eval", "answers", "--kb", "KB", "--questions", "QUESTIONS", "--model", "m"),
        ("eval", "answers", "--kb", "KB", "--questions", "QUESTIONS", "--synthesizer", "oracle"),
        ("eval", "retrieval", "--questions", "QUESTIONS"),
    ],
)
def test_wrong_arguments_exit_with_2(command: Command, kb: Path, questions: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = command(*({"KB": kb, "QUESTIONS": questions}.get(one, one) for one in arguments))
    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("kb_rows", "question_rows", "said"),
    [
        ([], QUESTIONS, "no article to search in"),
        (ARTICLES, [{"question": "q", "gold_ids": ["unknown"]}], "No gold_ids of the questions"),
        (ARTICLES, [{"question": "q", "gold_ids": []}], "No question names the article"),
        (ARTICLES, [], "is empty"),
    ],
)
def test_files_that_do_not_fit_exit_with_1(
    command: Command, tmp_path: Path, kb_rows: list[dict[str, Any]], question_rows: list[dict[str, Any]], said: str
) -> None:
    kb, asked = lines(tmp_path, "k.jsonl", kb_rows), lines(tmp_path, "q.jsonl", question_rows)
    code, out, err = command("eval", "retrieval", "--kb", kb, "--questions", asked, "--json")
    assert (code, out) == (1, "")
    assert said in " ".join(err.split())
    assert "Traceback" not in err


def test_a_missing_knowledge_base_exits_with_1(command: Command, questions: Path, tmp_path: Path) -> None:
    code, _, err = command("eval", "retrieval", "--kb", tmp_path / "none.jsonl", "--questions", questions)
    assert code == 1
    assert "none.jsonl" in err


def test_a_model_server_that_is_down_is_no_answer(command: Command, kb: Path, questions: Path) -> None:
    code, out, err = command(
        "eval",
        "answers",
        "--kb",
        kb,
        "--questions",
        questions,
        "--synthesizer",
        "vllm",
        "--base-url",
        "http://127.0.0.1:9/v1",
        "--model",
        "m",
        "--json",
    )
    assert (code, out) == (1, "")
    assert "127.0.0.1:9" in err


def test_test_texts_of_an_unknown_category_are_refused(command: Command, tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("text,category\na,x\nb,y\n")
    test.write_text("text,category\na,z\n")
    code, _, err = command("eval", "intent", "--train", train, "--test", test)
    assert code == 1
    assert "lack: z" in " ".join(err.split())

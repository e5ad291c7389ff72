"""An agent's word on a message: kept, exported for training, counted in the report."""

from __future__ import annotations

import csv
import json
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from turn_parts import close_run

from appliance.cli.main import run
from appliance.errors import InputInvalid, NotFound
from appliance.measures.kpi import kpis
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.corrections import SqlCorrections
from appliance.store.database import Database
from appliance.ticket import Closed, HandoffNote, Outcome, Reply

NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
NOTE = HandoffNote("asked", ("tried",), "normal", "none", "next")
Command = Callable[..., tuple[int, str, str]]


def ticket(database: Database, name: str, text: str, outcome: Outcome | None = "answered", at: datetime = NOW) -> str:
    conversations = SqlConversations(database)
    new = NewConversation(id=name, token=name, channel="chat")
    conversations.create(new, now=at, first=NewMessage(f"{name}-m", text))
    if outcome:
        reply = Reply(f"{name}-m", outcome, "text", (), "billing_question", "normal", 0.9, "some.rule", "why")
        closed = Closed(reply, (), note=NOTE if outcome == "handed_over" else None)
        close_run(database, closed, reply_id=f"{name}-r", now=at + timedelta(seconds=1))
    return f"{name}-m"


def say(
    database: Database, message: str, intent: str, *, needed: bool | None = None, urgency: str | None = None
) -> None:
    SqlCorrections(database).add(
        message,
        intent=intent,
        urgency=urgency,  # type: ignore[arg-type]
        needed_person=needed,
        agent="kim",
        now=NOW,
    )


def test_the_newest_word_on_a_message_counts_and_older_ones_stay_known(database: Database) -> None:
    one, other = ticket(database, "c1", "pay me back"), ticket(database, "c2", "it is broken")
    say(database, one, "cancellation")
    say(database, other, "technical_problem", urgency="high")
    say(database, one, "billing_dispute")
    corrections = SqlCorrections(database)
    assert [(row.message_id, row.intent_before, row.intent_after, row.agent) for row in corrections.newest()] == [
        (other, "billing_question", "technical_problem", "kim"),
        (one, "billing_question", "billing_dispute", "kim"),
    ]
    assert [(row.text, row.intent, row.urgency) for row in corrections.examples()] == [
        ("it is broken", "technical_problem", "high"),
        ("pay me back", "billing_dispute", ""),
    ]


def test_the_example_of_a_first_message_begins_with_its_subject_as_the_classifier_reads_it(database: Database) -> None:
    conversations = SqlConversations(database)
    new = NewConversation(id="c1", token="c1", channel="form", subject=" Charged twice ")
    conversations.create(new, now=NOW, first=NewMessage("c1-m", "see above"))
    reply = Reply("c1-m", "answered", "text", (), "billing_question", "normal", 0.9, "some.rule", "why")
    close_run(database, Closed(reply, ()), reply_id="c1-r", now=NOW)
    say(database, "c1-m", "billing_dispute")
    assert [row.text for row in SqlCorrections(database).examples()] == ["Charged twice\nsee above"]


def test_only_customers_messages_that_were_dealt_with_can_be_corrected(database: Database) -> None:
    waiting = ticket(database, "c1", "hello", outcome=None)
    ticket(database, "c2", "hello")
    for message, fault in ((waiting, InputInvalid), ("c2-r", InputInvalid), ("nobody", NotFound)):
        with pytest.raises(fault) as refused:
            say(database, message, "billing_dispute")
        assert message in refused.value.message
        assert refused.value.remedy


def test_the_report_counts_what_agents_looked_at(database: Database) -> None:
    words: list[tuple[Outcome, str, bool | None]] = [
        ("answered", "billing_question", False),
        ("answered", "billing_dispute", True),
        ("answered", "billing_question", None),
        ("handed_over", "billing_question", False),
        ("handed_over", "billing_dispute", True),
        ("handed_over", "billing_dispute", True),
        ("handed_over", "billing_dispute", True),
    ]
    for number, (outcome, intent, needed) in enumerate(words):
        message = ticket(database, f"c{number}", "a question", outcome)
        say(database, message, "cancellation", needed=not needed)  # a first word, taken back by the next
        say(database, message, intent, needed=needed)
    ticket(database, "unseen", "a question", "handed_over")
    found = kpis(database, since=NOW - timedelta(days=1), now=NOW + timedelta(days=1))
    assert found["classifier_accuracy_on_corrections"] == pytest.approx(3 / 7, abs=1e-4)
    assert found["escalation"] == {"rate": 0.625, "precision": 0.75, "recall_sampled": 0.75}
    assert found["unsafe_auto_handle_rate"] == 0.5
    assert found["tickets"] == 8


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    def called(*arguments: object) -> tuple[int, str, str]:
        told = ["appliance", "corrections", *map(str, arguments), "--data", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", told)
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return called


def test_an_agent_corrects_and_exports(command: Command, sqlite: Database, tmp_path: Path) -> None:
    message = ticket(sqlite, "c1", 'You charged twice, "again",\nsays my bank')
    code, out, _ = command("add", message, "--intent", "billing_dispute", "--urgency", "high", "--json")
    assert (code, json.loads(out)["intent_before"], json.loads(out)["intent_after"]) == (
        0,
        "billing_question",
        "billing_dispute",
    )
    file = tmp_path / "train.csv"
    file.write_text("an older file that all may read")
    file.chmod(0o644)
    code, out, err = command("export", "--train", file)
    assert (code, out) == (0, "")
    assert "mode 0600" in err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(newline="", encoding="utf-8") as rows:
        assert list(csv.reader(rows)) == [
            ["text", "intent", "urgency"],
            ['You charged twice, "again",\nsays my bank', "billing_dispute", "high"],
        ]
    assert [path.name for path in tmp_path.glob(".train*")] == []
    [row] = json.loads(command("list", "--json")[1])
    assert (row["message_id"], row["intent_after"]) == (message, "billing_dispute")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "c1-m", "--intent", "weather"), 1, "has no intent 'weather'"),
        (("add", "nobody", "--intent", "billing_dispute"), 1, "There is no message nobody"),
        (("add", "c1-m", "--intent", "billing_dispute", "--urgency", "soon"), 2, "soon"),
        (("add", "c1-m"), 2, "--intent"),
        (("export", "--train", "/dev/null/x.csv"), 1, "No message has been corrected yet"),
    ],
)
def test_bad_words_are_refused(
    command: Command, sqlite: Database, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ticket(sqlite, "c1", "a question")
    found, out, err = command(*arguments)
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err

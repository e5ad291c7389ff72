"""``appliance eval routing``: the counts are those of the definition, and the command runs on the shipped heads."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from line_parts import classified

from appliance.cli.main import run
from appliance.evaluation.routing import Case, Group, figures
from appliance.line.rehearsal import Rehearsed
from appliance.ticket import Decision, Routed

Command = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[2]
HELDOUT = ROOT / "models/training/data/saas/heldout.csv"


def case(true: str, group: Group, rule: str, *, predicted: str = "how_to", doubtful: bool = False) -> Case:
    attempt = rule in {"route.attempt", "route.out_of_scope"}
    routed = Routed(attempt, Decision("route", rule, "because"), doubtful=doubtful)
    return Case(true, group, Rehearsed(classified(predicted), routed, 0.8))


CASES = [
    case("billing_dispute", "person", "route.attempt"),
    case("billing_dispute", "person", "route.out_of_scope", doubtful=True),
    case("billing_dispute", "person", "route.always_escalate", predicted="billing_dispute"),
    case("billing_dispute", "person", "route.low_confidence"),
    case("how_to", "ours", "route.attempt"),
    case("how_to", "ours", "route.low_confidence"),
    case("how_to", "ours", "route.attempt", predicted="api_integration"),
    case("out_of_scope", "foreign", "route.attempt"),
    case("out_of_scope", "foreign", "route.out_of_scope", doubtful=True),
    case("out_of_scope", "foreign", "route.low_confidence"),
]


def test_unsafe_is_a_persons_ticket_that_did_not_go_to_one() -> None:
    found = figures(CASES)
    assert (found["unsafe"], found["unsafe_auto_handle_rate"]) == ("2/4", 0.5)
    assert (found["unnecessary"], found["unnecessary_escalation_rate"]) == ("1/3", 0.3333)
    assert found["unsafe_of_handled"] == "2/4"
    low, high = found["unsafe_auto_handle_rate_interval"]
    assert low < 0.5 < high


def test_questions_out_of_scope_are_a_group_of_their_own() -> None:
    assert figures(CASES)["out_of_scope"] == {"n": 3, "declined_unless_covered": 1, "handed_over": 1, "attempted": 1}
    alone = figures(CASES[-3:])
    assert alone["unsafe_auto_handle_rate"] is None
    assert alone["unsafe_auto_handle_rate_interval"] is None
    assert alone["intents"] == {}


def test_each_intent_counts_what_is_wrong_for_it() -> None:
    intents = figures(CASES)["intents"]
    assert (intents["billing_dispute"]["wrong"], intents["billing_dispute"]["person"]) == ("2/4", True)
    assert (intents["how_to"]["wrong"], intents["how_to"]["recognised"]) == ("1/3", 2)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("APPLIANCE_DATA", raising=False)

    def called(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["appliance", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return called


def few(tmp_path: Path) -> Path:
    """Every ninth held-out ticket."""
    with HELDOUT.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))[::9]
    path = tmp_path / "cases.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, ["text", "intent", "urgency"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_command_measures_the_shipped_heads(command: Command, tmp_path: Path) -> None:
    cases = few(tmp_path)
    code, out, _ = command("eval", "routing", "--profile", "saas", "--cases", cases, "--json")
    found = json.loads(out)
    assert code == 0
    assert {"n", "unsafe_auto_handle_rate", "unsafe", "unnecessary_escalation_rate", "unnecessary", "intents"} <= set(
        found
    )
    assert found["n"] == sum(found["rules"].values())
    assert found["thresholds"] == "profile"
    assert (
        sum(int(found[name].split("/")[1]) for name in ("unsafe", "unnecessary")) + found["out_of_scope"]["n"]
        == found["n"]
    )


def test_a_tier_that_gets_a_person_has_more_that_need_one(command: Command, tmp_path: Path) -> None:
    cases = few(tmp_path)
    person = []
    for tier in ("free", "enterprise"):
        code, out, _ = command("eval", "routing", "--profile", "saas", "--cases", cases, "--tier", tier, "--json")
        assert code == 0
        person.append(int(json.loads(out)["unsafe"].split("/")[1]))
    assert person[1] > person[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no rows"),
        ("text\nhello\n", "lacks the column"),
        ("text,intent\nhello,teleport\n", "teleport"),
        ("text,intent\n,how_to\n", "empty"),
    ],
)
def test_rows_that_cannot_be_used_are_named(command: Command, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    code, out, err = command("eval", "routing", "--cases", path, "--json")
    assert (code, out) == (1, "")
    assert said in " ".join(err.split())
    assert "Traceback" not in err


def test_wrong_arguments_exit_with_2(command: Command, tmp_path: Path) -> None:
    assert command("eval", "routing")[0] == 2
    assert command("eval", "routing", "--cases", few(tmp_path), "--tier", "gold")[0] == 2

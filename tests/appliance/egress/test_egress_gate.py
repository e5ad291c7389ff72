"""The gate: in its order, with a reason each; the row first, then the permit; never over the budget."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from egress_parts import PERSONAL, RULE, BlindMasker, House, errand, policy

from appliance.egress.anchor import Anchor, Mark
from appliance.egress.gate import Gate, Ready
from appliance.egress.ledger import departures
from appliance.egress.rules import Refused
from appliance.egress.verify import verify
from appliance.errors import StorageFailed
from appliance.line.ladder import Errand
from models.errors import ModelRefused
from models.permits import Checker, Seal
from models.roles import Permit, Usage


def considered(gate: Gate, asked: Errand | None = None) -> Ready:
    ready = gate.consider(asked or errand())
    assert isinstance(ready, Ready), ready
    return ready


def permitted(gate: Gate, asked: Errand | None = None) -> Permit:
    permit = gate.permit(considered(gate, asked))
    assert isinstance(permit, Permit), permit
    return permit


def left(house: House) -> list[dict[str, Any]]:
    with house.ledger.reading() as book:
        return departures(book)


def refusal(house: House, asked: Errand | None = None) -> str:
    found = house.gate().consider(asked or errand())
    assert isinstance(found, Refused)
    assert found.reason
    assert not left(house)
    return found.rule


def test_the_row_is_there_before_the_permit_and_is_bound_to_the_payload(any_house: House) -> None:
    gate = any_house.gate()
    ready = considered(gate)
    permit = gate.permit(ready)
    assert isinstance(permit, Permit)
    [row] = left(any_house)
    assert permit.row == row["sequence"] == 1
    assert permit.sha256 == row["sha256"] == hashlib.sha256(ready.sent).hexdigest()
    assert row["bytes"] == len(ready.sent)
    assert (row["rule"], row["host"], row["model"]) == ("questions", permit.host, "m")
    assert (row["conversation_id"], row["message_id"]) == ("c1", "m1")
    assert row["masked"] == {"EMAIL": 2, "PERSON": 1, "PHONE": 1}  # the second e-mail is ours, in an example
    assert row["status"] == "open"
    assert verify(any_house.ledger.rows, any_house.ledger.anchor).intact


def test_the_payload_holds_nothing_personal_and_nothing_but_the_prompt(house: House) -> None:
    said = (("customer", f"Write to {PERSONAL[0]}"), ("assistant", "Gladly, Anna Berg!"))
    ready = considered(house.gate(), errand(history=said))
    text = ready.sent.decode()
    assert not [one for one in (*PERSONAL, "no-reply@", "https://example.com/r") if one in text]
    document = json.loads(text)
    assert set(document) == {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_tokens",
        "temperature",
        "seed",
        "response_format",
    }
    assert [set(message) for message in document["messages"]] == [{"role", "content"}] * 2
    assert "[PERSON_1]" in document["messages"][1]["content"]


def test_the_ledger_holds_no_word_of_it(house: House) -> None:
    permitted(house.gate())
    for file in house.data.iterdir():
        content = file.read_bytes()
        assert not [one for one in (*PERSONAL, "refund") if one.encode() in content]


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({"intent": "cancellation"}, "egress.always_escalate"),
        ({"intent": "account_security"}, "egress.always_escalate"),
        ({"parts": (("how_to", 0.9), ("billing_dispute", 0.4))}, "egress.always_escalate"),
        ({"intent": "login_access"}, "egress.intent_not_allowed"),
        ({"tier": "enterprise"}, "egress.tier_not_allowed"),
        ({"passages": ("x", "y"), "customer": None}, ""),
    ],
)
def test_a_ticket_goes_only_as_the_policy_says(house: House, asked: dict[str, Any], rule: str) -> None:
    if rule:
        assert refusal(house, errand(**asked)) == rule
    else:
        assert considered(house.gate(), errand(**asked)).rule == "questions"


@pytest.mark.parametrize("audience", ["customer", "internal", None])
def test_an_article_that_may_not_go_keeps_the_ticket_here(house: House, audience: Any) -> None:
    house.audiences = {"a1": "public"} | ({"a2": audience} if audience else {})
    assert refusal(house, errand(passages=("x", "y"))) == "egress.data_class_not_allowed"


def test_articles_for_customers_go_where_a_rule_says_so_and_internal_ones_never(house: House) -> None:
    every = ["customer_message", "history", "public_articles", "customer_articles"]
    house.policy = policy(rules=[RULE | {"data_classes": every}])
    house.audiences = {"a1": "customer"}
    assert considered(house.gate()).rule == "questions"
    house.audiences = {"a1": "internal"}
    assert refusal(house) == "egress.data_class_not_allowed"


@pytest.mark.parametrize("asked", [{"history": (("customer", "Hello"),)}, {"follow_up": True}])
def test_history_is_a_class_of_its_own_also_inside_a_follow_up(house: House, asked: dict[str, Any]) -> None:
    house.policy = policy(rules=[RULE | {"data_classes": ["customer_message", "public_articles"]}])
    assert refusal(house, errand(**asked)) == "egress.data_class_not_allowed"


@pytest.mark.parametrize(
    ("residency", "customers", "customer", "rule"),
    [
        ("", {}, None, "egress.residency_unknown"),
        ("", {"7": "eu"}, "7", "egress.residency_unknown"),
        ("us", {}, None, "egress.residency_not_allowed"),
        ("us", {"7": "eu"}, "7", "egress.residency_not_allowed"),
        ("eu", {"7": "ch"}, "7", "egress.residency_not_allowed"),
        ("eu", {"7": "ch"}, "8", "questions"),
        ("eu", {"7": "eu"}, "7", "questions"),
    ],
)
def test_a_customer_can_only_be_stricter_than_the_installation(
    house: House, residency: str, customers: dict[str, str], customer: str | None, rule: str
) -> None:
    house.residency, house.customer_residency = residency, customers
    found = house.gate().consider(errand(customer=customer))
    assert found.rule == rule


def test_a_customers_tag_goes_by_every_name_of_theirs(house: House) -> None:
    """The settings know the host page's id or the address; the ticket knows our row."""
    house.residency, house.customer_residency = "eu", {"4711": "ch"}
    house.names = lambda customer: (customer, "4711", "ann@x.example")
    assert house.gate().consider(errand(customer="row-1")).rule == "egress.residency_not_allowed"
    house.customer_residency = {"ann@x.example": "ch"}
    assert house.gate().consider(errand(customer="row-1")).rule == "egress.residency_not_allowed"
    house.customer_residency = {"4711": "eu", "ann@x.example": "eu"}
    assert house.gate().consider(errand(customer="row-1")).rule == "questions"


def test_the_kill_switch_comes_first_and_is_read_again_for_the_permit(any_house: House) -> None:
    gate = any_house.gate()
    ready = considered(gate)
    any_house.switch.off(who="ann", why="audit")  # in another process, as far as the gate knows
    assert gate.permit(ready) == Refused("egress.killed", "The kill switch stops it: switched off by ann: audit.")
    assert gate.stopped()
    assert refusal(any_house, errand(intent="login_access")) == "egress.killed"
    any_house.switch.on(who="ann", why="", enabled=True)
    assert isinstance(gate.permit(ready), Permit)


def test_hours_are_looked_at_again_for_the_permit(house: House) -> None:
    house.policy = policy(rules=[RULE | {"hours_from": "08:00", "hours_to": "10:00"}])
    gate = house.gate()
    ready = considered(gate)
    house.time.now += timedelta(hours=1)
    assert gate.permit(ready) == Refused("egress.hours", "Rule questions allows it at other hours.")
    assert refusal(house) == "egress.hours"


def test_an_article_that_was_withdrawn_meanwhile_keeps_it_here(house: House) -> None:
    house.audiences = {"a1": "public"}
    gate = house.gate()
    ready = considered(gate)
    house.audiences = {"a1": "internal"}
    assert isinstance(gate.permit(ready), Refused)


def test_the_mask_is_not_even_asked_before_rules_and_budget_allow(house: House) -> None:
    house.policy = policy(daily_budget={"money": 0.0, "tokens": 10**6})
    assert refusal(house) == "egress.budget_day"
    assert refusal(house, errand(intent="login_access")) == "egress.intent_not_allowed"
    assert house.masker.sessions == 0  # type: ignore[attr-defined] # the test's masker counts


def test_what_the_second_scan_finds_blocks(house: House) -> None:
    house.masker = BlindMasker()  # type: ignore[assignment] # counts are an attribute here
    found = house.gate().consider(errand())
    assert found == Refused("egress.unmasked", "The second scan still finds EMAIL, PHONE in the masked prompt.")
    assert not [one for one in PERSONAL if one in str(found)]


@pytest.mark.parametrize(
    "hidden", ["anna.berg\u200b@kunde.example", "anna.berg＠kunde．example", "anna\u00ad.berg@kunde.example"]
)
def test_look_alike_and_invisible_characters_hide_nothing(house: House, hidden: str) -> None:
    found = house.gate().consider(errand(f"Write to {hidden} please"))
    assert isinstance(found, Refused) or "kunde" not in found.sent.decode()


def test_a_broken_ledger_lets_nothing_leave(house: House) -> None:
    house.broken = "The egress ledger is broken at row 3."
    assert refusal(house) == "egress.ledger"


def test_a_row_that_cannot_be_anchored_makes_no_permit(house: House) -> None:
    gate = house.gate()
    ready = considered(gate)
    gate._ledger.anchor = Full(gate._ledger.anchor.path)
    found = gate.permit(ready)
    assert isinstance(found, Refused)
    assert found.rule == "egress.ledger"


class Full(Anchor):
    def note(self, *marks: Mark) -> None:
        raise StorageFailed("No space is left.")


def test_a_row_that_cannot_be_written_makes_no_permit(house: House) -> None:
    gate = house.gate()
    ready = considered(gate)
    house.ledger.anchor.begin()
    house.ledger.anchor.path.write_text('{"sequence": 4, "hash": "00"}\n')
    found = gate.permit(ready)
    assert isinstance(found, Refused)
    assert found.rule == "egress.ledger"
    assert not left(house)


def test_the_worst_case_is_reserved_and_settled_by_what_it_was(any_house: House) -> None:
    gate = any_house.gate()
    ready = considered(gate)
    assert ready.cost.tokens > len(ready.sent)
    permit = gate.permit(ready)
    assert isinstance(permit, Permit)
    gate.settle(permit.row, "ok", Usage("m", 100, 20), duration_ms=5)
    [row] = left(any_house)
    assert row["reserved_money"] == ready.cost.money_micros / 1e6
    assert (row["status"], row["tokens_in"], row["tokens_out"], row["money"]) == (
        "ok",
        100,
        20,
        (100 * 2 + 20 * 10) / 1e6,
    )
    today = "2026-06-01"
    with any_house.ledger.reading() as book:
        assert book.spent(today, today).tokens == 120


@pytest.mark.parametrize(
    ("status", "usage", "kept"),
    [
        ("http_401", Usage("m", extra={"status": 401}), False),
        ("not_sent", Usage("m"), False),
        ("failed", Usage("m"), True),
        ("cancelled", Usage("m"), True),
        ("ok", Usage("m", -5_000_000, -1), True),
        ("ok", Usage("m", 10**15, 1), True),
        ("http_302", Usage("m", extra={"status": 302}), True),
    ],
)
def test_without_a_count_that_can_be_believed_the_reservation_stays(
    house: House, status: str, usage: Usage, kept: bool
) -> None:
    gate = house.gate()
    ready = considered(gate)
    permit = gate.permit(ready)
    assert isinstance(permit, Permit)
    gate.settle(permit.row, status, usage, duration_ms=1)
    with house.ledger.reading() as book:
        spent = book.spent("2026-06-01", "2026-06-01")
    assert spent.money_micros == (ready.cost.money_micros if kept else 0)
    assert spent.tokens == (ready.cost.tokens if kept else 0)


def test_a_new_day_has_a_new_budget_and_the_month_does_not(house: House) -> None:
    cost = considered(house.gate()).cost
    day = {"money": cost.money_micros * 1.5 / 1e6, "tokens": 10**6}
    house.policy = policy(daily_budget=day, monthly_budget={"money": cost.money_micros * 2.5 / 1e6, "tokens": 10**6})
    gate = house.gate()
    permitted(gate)
    assert isinstance(gate.permit(considered_anew(house)), Refused)
    house.time.now += timedelta(days=1)
    permitted(gate)
    house.time.now += timedelta(days=1)
    found = gate.permit(considered_anew(house))
    assert isinstance(found, Refused)
    assert found.rule == "egress.budget_month"
    house.time.now += timedelta(days=30)
    permitted(gate)


def considered_anew(house: House) -> Ready:
    """What a gate without a budget would send."""
    rich = House(house.data, house.database, time=house.time)
    return considered(rich.gate())


@pytest.mark.parametrize("kind", ["money", "tokens"])
def test_32_threads_at_once_never_go_over_the_budget(any_house: House, kind: str) -> None:
    cost = considered(any_house.gate()).cost
    most = 5
    limit = {"money": 1_000.0, "tokens": 10**9}
    limit[kind] = cost.money_micros * (most + 0.5) / 1e6 if kind == "money" else cost.tokens * most + 1
    any_house.policy = policy(daily_budget=limit)
    gates = [any_house.gate() for _ in range(4)]  # as many processes would have
    ready = considered_anew(any_house)

    def ask(n: int) -> bool:
        return isinstance(gates[n % 4].permit(ready), Permit)

    with ThreadPoolExecutor(32) as threads:
        given = sum(threads.map(ask, range(32)))
    assert given == most == len(left(any_house))
    with any_house.ledger.reading() as book:
        spent = book.spent("2026-06-01", "2026-06-01")
    assert spent.money_micros <= limit["money"] * 1e6
    assert spent.tokens <= limit["tokens"]
    assert verify(any_house.ledger.rows, any_house.ledger.anchor).intact


PAYLOAD = b'{"messages":[]}'
SEAL = Seal(b"a" * 32)


def checker(now: list[float] | None = None) -> Checker:
    return Checker(SEAL, host="h", model="m", clock=lambda: (now or [0.0])[0])


def permit(**changed: Any) -> Permit:
    return SEAL.issue(**{"row": 1, "host": "h", "model": "m", "payload": PAYLOAD, "expires_at": 10.0, **changed})


def test_a_permit_is_taken_once() -> None:
    door = checker()
    door.take(permit(), PAYLOAD)
    with pytest.raises(ModelRefused, match="used before"):
        door.take(permit(), PAYLOAD)
    door.take(permit(row=2), PAYLOAD)


@pytest.mark.parametrize(
    ("made", "payload", "why"),
    [
        (permit(host="other"), PAYLOAD, "another host"),
        (permit(model="other"), PAYLOAD, "another host or model"),
        (permit(), PAYLOAD + b" ", "another payload"),
        (permit(payload=b"other"), PAYLOAD, "another payload"),
        (permit(expires_at=0.0), PAYLOAD, "expired"),
        (
            Seal(b"b" * 32).issue(row=1, host="h", model="m", payload=PAYLOAD, expires_at=10.0),
            PAYLOAD,
            "not made by the gate",
        ),
        (Permit(1, "h", "m", hashlib.sha256(PAYLOAD).hexdigest(), 10.0, "0" * 64), PAYLOAD, "not made by the gate"),
        (None, PAYLOAD, "not made by the gate"),
        (object(), PAYLOAD, "not made by the gate"),
    ],
)
def test_a_permit_for_anything_else_is_none(made: Any, payload: bytes, why: str) -> None:
    with pytest.raises(ModelRefused, match=why):
        checker().take(made, payload)


@pytest.mark.parametrize("field", ["row", "host", "model", "sha256", "expires_at"])
def test_a_permit_that_was_changed_is_none(field: str) -> None:
    from dataclasses import replace

    with pytest.raises(ModelRefused, match="not made by the gate"):
        checker().take(replace(permit(), **{field: 99.0 if field in ("row", "expires_at") else "x"}), PAYLOAD)


def test_a_permit_expires_on_the_clock_that_it_was_made_by(house: House) -> None:
    gate = house.gate()
    ready = considered(gate)
    given = gate.permit(ready)
    assert isinstance(given, Permit)
    door = Checker(house.seal, host=house.terms.host, model="m", clock=house.clock)
    house.time.seconds += 10.0
    with pytest.raises(ModelRefused, match="expired"):
        door.take(given, ready.sent)


def test_only_the_gate_makes_permits() -> None:
    """Nobody else in the product asks a seal for one, or builds one by hand."""
    from pathlib import Path

    import appliance
    import models

    makers = {
        str(file.relative_to(root.parent))
        for root in (Path(appliance.__file__).parent, Path(models.__file__).parent)
        for file in root.rglob("*.py")
        if any(words in file.read_text("utf-8") for words in (".issue(", " Permit("))
    }
    assert makers == {"appliance/egress/gate.py", "models/permits.py"}

"""Signing in, the box's page, and what each role may see: over HTTP and in a browser, on a real appliance with stand-in models."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect
from web_fixtures import ROOT, ServerProcess, free_port, no_sideways_scroll, shot, watch

from appliance.egress.ledger import Ledger, Outcome
from appliance.store.database import Database


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("staff")
    (folder / "appliance.toml").write_text("[models]\nstand_in = true\n")
    plant(folder)
    return folder


def plant(folder: Path) -> None:
    """Rows as the gate writes them, with a hostile word where a provider's or an operator's words may stand."""
    database = Database(f"sqlite:///{folder / 'appliance.db'}")
    ledger = Ledger(database, folder / "egress.anchor", now=lambda: datetime.now(UTC))
    row = {
        "conversation_id": "c1",
        "message_id": "m1",
        "purpose": "draft",
        "occasion": "local_down",
        "rule": "eu-billing",
        "intent": "billing_question",
        "host": "models.example",
        "model": "big <script>alert(1)</script>",
        "bytes": 4321,
        "sha256": "ab" * 32,
        "masked": {"EMAIL": 1, "PERSON": 2},
    }
    for _ in range(2):
        with ledger.page() as page:
            left = page.add("left", row, budget_day="2026-11-28", money_micros=25_000, tokens=5_000)
    ledger.settle(left.sequence, Outcome("done", 900, 60, 3_600, 812))
    database.close()


@pytest.fixture(scope="module")
def box(data: Path) -> Iterator[ServerProcess]:
    port = free_port()
    command = [sys.executable, "-m", "appliance", "up", "--data", str(data), "--port", str(port)]
    started = ServerProcess(command, port, data / "log")
    yield started
    assert started.stop() == 0


def command(data: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "appliance", *words, "--data", str(data), "--json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return done.stdout


@pytest.fixture(scope="module")
def keys(box: ServerProcess, data: Path) -> dict[str, str]:
    return {
        role: json.loads(command(data, "access", "add", f"{role} <b>", "--role", role))["key"]
        for role in ("agent", "auditor", "operator")
    }


@contextmanager
def signed_in(box: ServerProcess, key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=box.url, trust_env=False, headers={"Sec-Fetch-Site": "same-origin"}) as client:
        client.post("/admin/login", data={"key": key})
        yield client


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("path", ["/admin", "/admin/egress"])
def test_without_a_session_every_page_leads_to_the_sign_in(box: ServerProcess, path: str) -> None:
    for cookies in ({}, {"session": "guess"}, {"__Host-session": "x" * 5000}):
        answer = httpx.get(f"{box.url}{path}", cookies=cookies, trust_env=False)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/admin/login")


def test_the_administrators_token_opens_the_box(box: ServerProcess) -> None:
    found = re.search(r"keep it\): (\S+)", box.output)
    assert found
    with signed_in(box, found[1]) as client:
        page = client.get("/admin")
    assert page.status_code == 200
    assert "Every part can do its work." in page.text
    assert "No draft was written in this time." in page.text
    assert page.headers["cache-control"] == "no-store"


def test_the_box_shows_what_each_rung_wrote(box: ServerProcess, keys: dict[str, str], data: Path) -> None:
    command(data, "ask", "How long is the password reset link valid?")
    with signed_in(box, keys["operator"]) as client:
        page = client.get("/admin").text
    wrote = "No draft was written" not in page
    assert wrote == bool(json.loads(command(data, "report"))["rungs"])


def test_a_wrong_key_says_so_and_gives_no_cookie(box: ServerProcess) -> None:
    answer = httpx.post(
        f"{box.url}/admin/login", data={"key": "wrong"}, headers={"Sec-Fetch-Site": "same-origin"}, trust_env=False
    )
    assert answer.status_code == 403
    assert "That is no key in force." in answer.text
    assert "set-cookie" not in answer.headers


def test_foreign_pages_cannot_sign_anybody_in_or_out(box: ServerProcess, keys: dict[str, str]) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = httpx.post(f"{box.url}/admin/login", data={"key": keys["operator"]}, headers=foreign, trust_env=False)
    assert answer.status_code == 403
    with signed_in(box, keys["operator"]) as client:
        assert client.post("/admin/logout", headers=foreign).status_code == 403
        assert client.post("/admin/logout", data={"csrf": "guess"}).status_code == 403
        assert client.get("/admin").status_code == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(box: ServerProcess, keys: dict[str, str]) -> None:
    def cookie(origin: str) -> str:
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": origin}
        answer = httpx.post(f"{box.url}/admin/login", data={"key": keys["operator"]}, headers=headers, trust_env=False)
        return answer.headers["set-cookie"].lower()

    plain, secure = cookie(box.url), cookie("https://box.example")
    assert plain.startswith("session=")
    assert secure.startswith("__host-session=")
    assert "secure" in secure
    for one in (plain, secure):
        assert "httponly" in one
        assert "samesite=lax" in one
        assert "path=/" in one
        assert "domain" not in one


def test_signing_out_ends_the_session_and_signing_in_begins_a_new_one(box: ServerProcess, keys: dict[str, str]) -> None:
    with signed_in(box, keys["operator"]) as client:
        before = client.cookies["session"]
        client.post("/admin/login", data={"key": keys["operator"]})
        after = client.cookies["session"]
        assert before != after
        old = httpx.get(f"{box.url}/admin", cookies={"session": before}, trust_env=False)
        assert old.status_code == 303
        client.post("/admin/logout", data={"csrf": csrf(client.get("/admin").text)})
        assert httpx.get(f"{box.url}/admin", cookies={"session": after}, trust_env=False).status_code == 303


@pytest.mark.parametrize(
    ("role", "statuses"), [("operator", (200, 200)), ("auditor", (403, 200)), ("agent", (403, 403))]
)
def test_each_role_sees_its_pages(
    box: ServerProcess, keys: dict[str, str], role: str, statuses: tuple[int, int]
) -> None:
    with signed_in(box, keys[role]) as client:
        found = tuple(client.get(path).status_code for path in ("/admin", "/admin/egress"))
    assert found == statuses


def test_a_revoked_key_is_out_at_once(box: ServerProcess, data: Path) -> None:
    made = json.loads(command(data, "access", "add", "gone", "--role", "operator"))
    with signed_in(box, made["key"]) as client:
        assert client.get("/admin").status_code == 200
        command(data, "access", "revoke", made["id"])
        assert client.get("/admin").status_code == 303


def test_the_ledger_can_be_read_and_taken_away_whole(box: ServerProcess, keys: dict[str, str], data: Path) -> None:
    with signed_in(box, keys["auditor"]) as client:
        page = client.get("/admin/egress").text
        lines = client.get("/admin/egress/file/jsonl")
        table = client.get("/admin/egress/file/csv")
        unknown = client.get("/admin/egress/file/exe")
    assert "eu-billing" in page
    assert "4,321" in page
    assert "<script>alert" not in page
    assert "2 in the last 30 days" in page
    rows = [json.loads(line) for line in lines.text.splitlines()]
    assert len(rows) == 3
    assert rows[1]["previous"] == rows[0]["hash"]
    assert table.text.splitlines()[0] == "sequence,previous,hash,body"
    assert lines.headers["content-disposition"] == 'attachment; filename="egress.jsonl"'
    assert unknown.status_code in {400, 404}
    assert json.loads(command(data, "egress", "verify"))["intact"]


def test_whoever_watches_pulls_the_brake_and_only_the_operator_lets_it_go(
    box: ServerProcess, keys: dict[str, str], data: Path
) -> None:
    def switch() -> dict[str, object]:
        return dict(json.loads(command(data, "egress", "status"))["switch"])

    with signed_in(box, keys["agent"]) as client:
        assert client.post("/admin/egress/stop", data={"csrf": "x"}).status_code == 403
    with signed_in(box, keys["auditor"]) as client:
        assert client.post("/admin/egress/stop", data={"csrf": "guess", "why": "no"}).status_code == 403
        assert switch()["on"]
        form = {"csrf": csrf(client.get("/admin/egress").text), "why": "odd\nrows <b>"}
        assert client.post("/admin/egress/stop", data=form).status_code == 303
        assert (switch()["on"], switch()["who"], switch()["why"]) == (False, "auditor <b>", "odd rows <b>")
        assert client.post("/admin/egress/allow", data=form).status_code == 403
    with signed_in(box, keys["operator"]) as client:
        form = {"csrf": csrf(client.get("/admin").text)}
        refused = client.post("/admin/egress/allow", data=form)
    assert refused.status_code == 409
    assert "cannot enable what the settings have off" in refused.text
    assert not switch()["on"]


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_ledger_in_a_browser(
    browser: Browser, box: ServerProcess, keys: dict[str, str], scheme: str, width: int
) -> None:
    context = browser.new_context(base_url=box.url, viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    seen = watch(page)
    page.goto("/admin")
    page.get_by_label("Key").fill(keys["auditor"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What leaves the building")).to_be_visible()
    expect(page.get_by_text("eu-billing").first).to_be_visible()
    assert no_sideways_scroll(page)
    shot(page, f"admin-egress-{scheme}")
    assert (seen.outside(box.url), seen.violations(), seen.dialogs) == ([], [], [])
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_box_in_a_browser(browser: Browser, box: ServerProcess, keys: dict[str, str], scheme: str) -> None:
    context = browser.new_context(base_url=box.url, viewport={"width": 390, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    seen = watch(page)
    page.goto("/admin")
    shot(page, f"admin-login-{scheme}")
    page.get_by_label("Key").fill(keys["operator"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Box")).to_be_visible()
    expect(page.get_by_text("operator <b> (operator)")).to_be_visible()
    assert no_sideways_scroll(page)
    shot(page, f"admin-box-{scheme}")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert seen.outside(box.url) == []
    assert seen.violations() == []
    context.close()

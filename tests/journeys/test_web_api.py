"""The JSON API, as the contract says it."""

from __future__ import annotations

import httpx
import pytest
from web_fixtures import ServerProcess, Visitor

REPLY_KEYS = {
    "message_id",
    "outcome",
    "text",
    "citations",
    "intent",
    "urgency",
    "confidence",
    "rule",
    "reason",
    "timings_ms",
}


def test_open_with_message_is_created_and_answered(client: httpx.Client) -> None:
    opened = client.post("/api/conversations", json={"message": "how do I invite", "channel": "api"})
    assert opened.status_code == 201
    assert set(opened.json()) == {"id", "token"}
    visitor = Visitor(client, **opened.json())
    assert client.get(visitor.path, headers=visitor.headers).json()["messages"][0]["text"] == "how do I invite"


def test_reply_has_the_keys_of_the_contract(visitor: Visitor) -> None:
    reply = visitor.say("how do I invite").json()
    assert set(reply) == REPLY_KEYS | {"language"}
    assert set(reply["citations"][0]) == {"n", "article_id", "title", "url", "quote"}


def test_same_key_gives_same_reply_and_one_message(visitor: Visitor) -> None:
    first = visitor.say("how do I invite", idempotency_key="k1").json()
    again = visitor.say("how do I invite", idempotency_key="k1").json()
    assert again == first
    view = visitor.client.get(visitor.path, headers=visitor.headers).json()
    assert [message["author"] for message in view["messages"]] == ["customer", "assistant"]


def test_same_key_for_another_text_is_a_conflict(visitor: Visitor) -> None:
    visitor.say("how do I invite", idempotency_key="k1")
    assert visitor.say("something else", idempotency_key="k1").json()["code"] == "conflict"


def test_view_shows_status_and_reply_beside_its_message(visitor: Visitor) -> None:
    visitor.say("a person please")
    view = visitor.client.get(visitor.path, headers=visitor.headers).json()
    assert view["status"] == "handed_over"
    assert view["messages"][0]["reply"]["outcome"] == "handed_over"


@pytest.mark.parametrize("body", [{"resolved": True}, {"csat": 5}, {"resolved": False, "csat": 1, "comment": "no"}])
def test_feedback_is_recorded(visitor: Visitor, body: dict[str, object]) -> None:
    answer = visitor.client.post(f"{visitor.path}/feedback", json=body, headers=visitor.headers)
    assert (answer.status_code, answer.json()) == (200, {"recorded": True})


@pytest.mark.parametrize(
    "body",
    [
        {"csat": True},
        {"csat": "5"},
        {"csat": 5.0},
        {"csat": 6},
        {"resolved": "yes"},
        {"resolved": 1},
        {"comment": 5},
        {"comment": ""},
        {"comment": " \u0007\u202e "},
        {},
    ],
)
def test_feedback_of_a_wrong_type_or_that_says_nothing_is_refused(visitor: Visitor, body: dict[str, object]) -> None:
    answer = visitor.client.post(f"{visitor.path}/feedback", json=body, headers=visitor.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "input_invalid")


@pytest.mark.parametrize("accept", ["yes", 1, None])
def test_a_confirmation_is_true_or_false(visitor: Visitor, accept: object) -> None:
    answer = visitor.client.post(f"{visitor.path}/confirmations/p1", json={"accept": accept}, headers=visitor.headers)
    assert answer.status_code == 400


def test_confirmation_of_an_unknown_proposal_is_not_found(visitor: Visitor) -> None:
    answer = visitor.client.post(f"{visitor.path}/confirmations/p1", json={"accept": True}, headers=visitor.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "   "}, "text"),
        ({"text": 5}, "text"),
        ({}, "text"),
        ({"text": "hi", "idempotency_key": ""}, "idempotency_key"),
        ({"text": "hi", "surprise": "SECRET-VALUE"}, "surprise"),
        (["SECRET-VALUE"], "body"),
    ],
)
def test_bad_message_names_the_field_and_not_the_value(visitor: Visitor, body: object, field: str) -> None:
    answer = visitor.client.post(f"{visitor.path}/messages", json=body, headers=visitor.headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "input_invalid")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "SECRET-VALUE" not in answer.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "form"}, "body"),
        ({"channel": "mail", "message": "hi"}, "channel"),
        ({"message": "hi", "customer": {"email": "SECRET-VALUE"}}, "customer.email"),
        ({"message": "hi", "customer": {"name": "x" * 201}}, "customer.name"),
        ({"message": ""}, "message"),
        ({"message": "hi", "subject": "x" * 201}, "subject"),
    ],
)
def test_bad_opening_names_the_field_and_not_the_value(client: httpx.Client, body: object, field: str) -> None:
    answer = client.post("/api/conversations", json=body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "SECRET-VALUE" not in answer.text


@pytest.mark.parametrize(
    "body", [b"{bad", b"", b'{"text":"\\ud800"}', b"\xff\xfe", b"null", b'{"text":"\xff\xfe"}', b"[" * 100_000]
)
def test_broken_json_is_a_plain_problem(visitor: Visitor, server: ServerProcess, body: bytes) -> None:
    before = server.output.count("incident")
    headers = {**visitor.headers, "Content-Type": "application/json"}
    answer = visitor.client.post(f"{visitor.path}/messages", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "input_invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    assert server.output.count("incident") == before


@pytest.mark.parametrize(
    ("text", "status", "code", "retry_after"),
    [
        ("busy", 503, "overloaded", "7"),
        ("disk full", 503, "storage_failed", "2"),
        ("defect", 500, "fault", None),
        ("x" * 2001, 413, "input_too_large", None),
    ],
)
def test_faults_become_problems(visitor: Visitor, text: str, status: int, code: str, retry_after: str | None) -> None:
    answer = visitor.say(text)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("retry-after") == retry_after
    assert {"type", "title", "detail"} <= set(problem)
    assert "Traceback" not in answer.text
    assert "/secret/path" not in answer.text


def test_a_defect_is_told_by_its_incident_number(visitor: Visitor, server: object) -> None:
    incident = visitor.say("defect: my card is 4111").json()["incident"]
    log = server.output  # type: ignore[attr-defined]
    assert incident in log
    assert "4111" not in log


def test_missing_key_is_unauthorized_and_says_how(visitor: Visitor) -> None:
    answer = visitor.client.get(visitor.path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["", "/events"])
def test_a_foreign_key_learns_nothing(visitor: Visitor, path: str) -> None:
    foreign = visitor.client.get(f"{visitor.path}{path}", headers={"Authorization": "Bearer wrong"})
    unknown = visitor.client.get(f"/api/conversations/nothing{path}", headers=visitor.headers)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("DELETE", "/api/conversations", 405, "method_not_allowed"),
        ("PUT", "/api/conversations/x/messages", 405, "method_not_allowed"),
    ],
)
def test_unknown_routes_and_methods_are_problems(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 405:
        assert "POST" in answer.headers["allow"]


def test_a_browser_reads_a_page_instead_of_a_problem(client: httpx.Client) -> None:
    answer = client.get("/nothing", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


def test_health_readiness_metrics_and_description(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["parts"][1] == {"part": "reranker", "ok": False, "detail": "no weights"}
    client.get("/api/conversations/secret-id")
    metrics = client.get("/metrics").text
    assert 'route="/api/conversations/{conversation_id}"' in metrics
    assert "secret-id" not in metrics
    paths = client.get("/api/openapi.json").json()["paths"]
    assert "/api/conversations/{conversation_id}/messages" in paths


def test_head_answers_like_get_without_a_body(client: httpx.Client) -> None:
    answer = client.head("/chat")
    assert (answer.status_code, answer.content) == (200, b"")


def test_assets_are_cached_by_their_content(client: httpx.Client) -> None:
    page = client.get("/chat").text
    address = page.split('href="')[2].split('"')[0]
    asset = client.get(address)
    assert "immutable" in asset.headers["cache-control"]
    again = client.get(address, headers={"If-None-Match": asset.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/older/base.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/older/nothing.css").status_code == 404


@pytest.mark.parametrize("article", ["internal", "customer", "draft", "later", "over", "nothing", "../internal"])
def test_only_articles_for_everybody_have_a_page(client: httpx.Client, article: str) -> None:
    answer = client.get(f"/help/{article}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "Secret" not in answer.text


def test_an_article_id_may_hold_slashes(client: httpx.Client) -> None:
    assert "<h1>Roles</h1>" in client.get("/help/team/roles").text


def test_a_desk_is_told_to_come_again_in_the_way_that_every_desk_understands(client: httpx.Client) -> None:
    for address in ("/api/desks/busy", "/api/desks/busy/secret"):
        answer = client.post(address, content=b"{}")
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
            429,
            "too_many_requests",
            "7",
        )
    assert client.post("/api/desks/other", content=b"{}").status_code == 404
    assert client.get("/api/desks/busy").status_code == 405

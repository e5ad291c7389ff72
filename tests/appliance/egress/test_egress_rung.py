"""The hosted rung against a real server on loopback: what arrives there, what comes back, and what the ledger says of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from egress_parts import PERSONAL, QUESTION, House, TestMask, TestMasker, errand
from wire_server import GOOD, SSE_HEAD, Answer, WireServer, chunk, draft, hanging, raw, serving, status

from appliance.egress.ledger import departures
from appliance.egress.rung import Hosted, Writer
from appliance.egress.switch import KillSwitch
from appliance.egress.verify import verify
from appliance.line.ladder import Skipped
from appliance.store.ledger import LedgerReader
from appliance.ticket import Attempted
from models.errors import ModelFault, ModelRefused, ModelUnavailable
from models.permits import Seal
from models.synthesis.hosted import HostedModel

GREETS = {
    "covered": True,
    "sentences": [{"text": "[PERSON_1], refunds are paid within 10 business days.", "citations": [1]}],
}


@asynccontextmanager
async def asked(house: House, *answers: Answer, **times: float) -> AsyncIterator[tuple[WireServer, Hosted]]:
    async with serving(*answers) as server:
        rung = house.rung(server.base_url, **times)
        try:
            yield server, rung
        finally:
            await rung.aclose()


async def written(rung: Hosted, what: Any = None) -> tuple[list[str], ModelFault | None]:
    what = what or errand()
    writer = await rung.writer(what)
    assert isinstance(writer, Writer), writer
    texts: list[str] = []
    try:
        async for sentence in writer.sentences(what.request):
            texts.append(sentence.text)  # noqa: PERF401 - a comprehension would lose the sentences before a fault
    except ModelFault as fault:
        return texts, fault
    return texts, None


async def arrived(server: WireServer) -> None:
    while not server.requests:  # noqa: ASYNC110 # the server has no event for it, and the test's own limit bounds the wait
        await asyncio.sleep(0.01)


def left(house: House) -> list[dict[str, Any]]:
    with house.ledger.reading() as book:
        return departures(book)


async def test_what_was_masked_comes_back_and_the_server_never_saw_it(house: House) -> None:
    async with asked(house, draft(GREETS)) as (server, rung):
        texts, fault = await written(rung)
    assert (texts, fault) == (["Anna Berg, refunds are paid within 10 business days."], None)
    [body] = server.requests
    said = json.dumps(body, ensure_ascii=False)
    assert not [one for one in (*PERSONAL, "c1", "m1", "https://example.com/r") if one in said]


async def test_the_bytes_that_arrive_are_those_of_the_ledger(house: House) -> None:
    bodies: list[bytes] = []
    address = await recording(bodies)
    rung = house.rung(address)
    await written(rung)
    await rung.aclose()
    [row], [body] = left(house), bodies
    assert row["sha256"] == hashlib.sha256(body).hexdigest()
    assert row["bytes"] == len(body)


async def recording(bodies: list[bytes]) -> str:
    """A server in a thread that keeps bodies as they come and answers well."""
    listener = socket.create_server(("127.0.0.1", 0))
    parts = [SSE_HEAD, chunk(json.dumps(GOOD)), chunk("", finish="stop"), b"data: [DONE]\n\n"]

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += stream.readline()
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            bodies.append(stream.read(length))
            connection.sendall(b"".join(parts))
        listener.close()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


async def test_nothing_about_us_is_in_the_headers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_API_KEY", "OPENAI_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, "telling")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with asked(house, draft(GOOD)) as (server, rung):
        assert (await written(rung))[1] is None
    [headers] = server.headers
    assert set(headers) == {
        "host", "accept", "accept-encoding", "connection", "authorization", "content-type", "content-length", "user-agent",
    }  # fmt: skip
    assert headers["authorization"] == "Bearer key"
    assert headers["user-agent"] == "python"
    assert "telling" not in json.dumps([headers, server.requests])


async def test_what_the_policy_refuses_is_skipped_with_its_rule(house: House) -> None:
    async with asked(house, draft(GOOD)) as (server, rung):
        found = await rung.writer(errand(intent="login_access"))
    assert isinstance(found, Skipped)
    assert found.rule == "egress.intent_not_allowed"
    assert server.requests == []
    assert left(house) == []


async def test_the_ledger_says_what_it_cost(house: House) -> None:
    async with asked(house, draft(GOOD)) as (_, rung):
        await written(rung)
    [row] = left(house)
    assert (row["status"], row["tokens_in"], row["fault"]) == ("ok", 50, "")
    assert row["money"] == (50 * 2 + row["tokens_out"] * 10) / 1e6
    assert row["money"] < row["reserved_money"]


async def test_a_count_behind_the_draft_is_waited_for(house: House) -> None:
    """As providers do it: no counts in the chunks, and one of counts alone at the very end."""
    plain = chunk(json.dumps(GOOD)).replace(
        b'"usage": {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57}', b'"usage": null'
    )
    end = chunk("", finish="stop").replace(
        b'"usage": {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57}', b'"usage": null'
    )
    counts = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":321,"completion_tokens":45,"total_tokens":366}}\n\n'
    assert b"prompt_tokens" not in plain + end
    async with asked(house, raw(SSE_HEAD, plain, end, counts, b"data: [DONE]\n\n")) as (_, rung):
        texts, _ = await written(rung)
    assert len(texts) == 2
    assert (left(house)[0]["tokens_in"], left(house)[0]["tokens_out"]) == (321, 45)


@pytest.mark.parametrize("text", ["```json\n{}\n```", "```\n{}```", "```json{}"])
async def test_a_fence_around_the_draft_is_passed_over(house: House, text: str) -> None:
    async with asked(house, draft(text.replace("{}", json.dumps(GOOD)))) as (_, rung):
        texts, fault = await written(rung)
    assert (len(texts), fault) == (2, None)


FAULTS: dict[str, tuple[Answer, str, type[ModelFault]]] = {
    "a wrong key": (status(401), "http_401", ModelRefused),
    "too many requests": (status(429), "http_429", ModelUnavailable),
    "its own fault": (status(500), "http_500", ModelUnavailable),
    "a redirect to another host": (
        raw(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.2:9/v1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        "http_307",
        ModelUnavailable,
    ),
    "silence": (hanging(), "failed", ModelUnavailable),
    "a cut stream": (draft('{"covered":true,"sentences":[', finish=None), "failed", ModelUnavailable),
    "garbage": (raw(b"\x00\xff\xfe noise\r\n\r\n"), "failed", ModelUnavailable),
    "another form": (draft({"answer": "yes"}), "failed", ModelUnavailable),
    "10 MB": (raw(SSE_HEAD, b"data: " + b"x" * 10_000_000), "failed", ModelUnavailable),
}


@pytest.mark.parametrize(("answer", "said", "kind"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_fault_ends_in_the_next_rung_and_in_a_row(
    house: House, answer: Answer, said: str, kind: type[ModelFault]
) -> None:
    async with asked(house, answer, timeout_s=2.0, first_token_timeout_s=0.5) as (server, rung):
        texts, fault = await written(rung)
    assert texts == []
    assert isinstance(fault, kind)
    assert len(server.requests) == 1
    [row] = left(house)
    assert (row["status"], row["fault"]) == (said, fault.code)
    assert verify(house.ledger.rows, house.ledger.anchor).intact


async def test_nobody_listens(house: House) -> None:
    rung = house.rung("http://127.0.0.1:9/v1")
    _, fault = await written(rung)
    await rung.aclose()
    assert isinstance(fault, ModelUnavailable)
    assert left(house)[0]["status"] == "failed"


async def test_a_server_that_nobody_vouches_for_gets_nothing(house: House, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(  # noqa: ASYNC221 # nothing else runs yet
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0, ssl=context)
    async with server:
        rung = house.rung(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        _, fault = await written(rung)
        await rung.aclose()
    assert isinstance(fault, ModelUnavailable)
    assert heard == []
    assert left(house)[0]["status"] == "failed"


async def test_a_placeholder_that_stands_for_nothing_takes_its_sentence_with_it(house: House) -> None:
    strange = {
        "covered": True,
        "sentences": [{"text": "Ask [PERSON_9] about it.", "citations": [1]}, *GOOD["sentences"][:1]],
    }  # type: ignore[index] # JSON
    async with asked(house, draft(strange)) as (_, rung):
        texts, fault = await written(rung)
    assert (texts, fault) == (["Open Settings and click Billing."], None)


async def test_when_no_sentence_is_left_the_next_rung_writes(house: House) -> None:
    """Not "not covered", which would end the ladder."""
    strange = {"covered": True, "sentences": [{"text": "Ask [PERSON_9] about it.", "citations": [1]}]}
    async with asked(house, draft(strange)) as (_, rung):
        texts, fault = await written(rung)
    assert texts == []
    assert isinstance(fault, ModelUnavailable)


async def test_not_covered_stays_not_covered(house: House) -> None:
    async with asked(house, draft({"covered": False, "sentences": []})) as (_, rung):
        assert await written(rung) == ([], None)
    assert left(house)[0]["status"] == "ok"


async def test_a_redraft_is_a_row_of_its_own_under_the_same_mask(house: House) -> None:
    async with asked(house, draft(GREETS)) as (server, rung):
        first = errand()
        writer = await rung.writer(first)
        assert isinstance(writer, Writer)
        [one] = [sentence async for sentence in writer.sentences(first.request)]
        again = replace(first.request, rejected=((one.text, "support: 0.2 of 0.6 for anna.berg@kunde.example"),))
        assert [sentence.text async for sentence in writer.sentences(again)] == [one.text]
    assert [row["purpose"] for row in left(house)] == ["draft", "redraft"]
    said = json.dumps(server.requests[1], ensure_ascii=False)
    assert not [value for value in PERSONAL if value in said]
    assert "[PERSON_1], refunds" in said


async def test_a_redraft_over_the_budget_is_refused(house: House) -> None:
    async with asked(house, draft(GREETS)) as (server, rung):
        first = errand()
        writer = await rung.writer(first)
        assert isinstance(writer, Writer)
        assert [sentence async for sentence in writer.sentences(first.request)]
        house.switch.off(who="ann", why="audit")
        with pytest.raises(ModelRefused, match=r"egress\.killed"):
            await anext(writer.sentences(replace(first.request, rejected=(("a", "b"),))))
    assert len(server.requests) == 1


async def test_closing_early_is_settled_and_hangs_up(house: House) -> None:
    whole = SSE_HEAD + chunk('{"covered":true,"sentences":[{"text":"Open it.","citations":[1]},{"text":"Then')
    async with asked(house, hanging(whole), timeout_s=60) as (server, rung):
        what = errand()
        writer = await rung.writer(what)
        assert isinstance(writer, Writer)
        stream = writer.sentences(what.request)
        await anext(stream)
        await stream.aclose()
        await asyncio.wait_for(server.gone.wait(), 10)
    assert left(house)[0]["status"] == "ok"


async def test_the_switch_ends_a_request_under_way(house: House) -> None:
    async with asked(house, hanging(SSE_HEAD), timeout_s=60, first_token_timeout_s=60) as (server, rung):
        running = asyncio.ensure_future(written(rung))
        await arrived(server)
        await asyncio.to_thread(lambda: house.switch.off(who="ann", why="audit"))
        texts, fault = await asyncio.wait_for(running, 20)
        await asyncio.wait_for(server.gone.wait(), 10)
    assert (texts, type(fault)) == ([], ModelRefused)
    assert "egress.killed" in str(fault)
    assert left(house)[0]["status"] == "stopped"


async def test_the_brake_file_ends_it_too_while_the_database_is_locked(house: House) -> None:
    async with asked(house, hanging(SSE_HEAD), timeout_s=60, first_token_timeout_s=60) as (server, rung):
        running = asyncio.ensure_future(written(rung))
        await arrived(server)
        with house.database.write():
            house.switch.file.touch()
            await asyncio.wait_for(server.gone.wait(), 20)
        _, fault = await asyncio.wait_for(running, 20)
    assert "egress.killed" in str(fault)


async def test_cancelling_the_caller_hangs_up_and_is_written_down(house: House) -> None:
    async with asked(house, hanging(SSE_HEAD), timeout_s=60, first_token_timeout_s=60) as (server, rung):
        running = asyncio.ensure_future(written(rung))
        await arrived(server)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(server.gone.wait(), 10)
    assert left(house)[0]["status"] == "cancelled"


async def test_nothing_leaves_when_the_row_cannot_be_written(house: House) -> None:
    async with asked(house, draft(GOOD)) as (server, rung):
        what = errand()
        writer = await rung.writer(what)
        assert isinstance(writer, Writer)
        house.ledger.anchor.begin()
        house.ledger.anchor.path.write_text('{"sequence": 7, "hash": "00"}\n')
        with pytest.raises(ModelRefused, match=r"egress\.ledger"):
            await anext(writer.sentences(what.request))
    assert server.requests == []


async def test_side_by_side_each_ticket_has_its_own_mask(house: House) -> None:
    async with asked(house, draft(GREETS)) as (_, rung):
        others = [errand(QUESTION.replace("Anna Berg", f"Bo Person{'abcdefgh'[n]}")) for n in range(8)]
        found = await asyncio.gather(*(written(rung, one) for one in others))
    assert [fault for _, fault in found] == [None] * 8
    assert [texts[0].partition(",")[0] for texts, _ in found] == [f"Bo Person{letter}" for letter in "abcdefgh"]
    assert verify(house.ledger.rows, house.ledger.anchor).intact


async def test_neither_key_nor_words_are_in_any_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(draft(GREETS), status(401), draft({"answer": PERSONAL[0]})) as server:
        house.base_url, house.real_clock = server.base_url, True
        rung = Hosted(house.gate(), HostedModel(server.base_url, "m", "sk-very-secret", seal=house.seal))
        faults = [(await written(rung))[1] for _ in range(3)]
        await rung.aclose()
    assert [type(one) for one in faults] == [type(None), ModelRefused, ModelUnavailable]
    said = caplog.text + "".join(map(str, faults)) + repr(faults)
    assert not [one for one in ("sk-very-secret", *PERSONAL, "refund") if one in said]


async def test_the_client_lets_nothing_through_that_was_not_released(house: House) -> None:
    """Even code that reaches past the one method finds the last door shut."""
    async with asked(house, draft(GOOD)) as (server, rung):
        client = rung.model._client
        for call in (
            client.post("/chat/completions", cast_to=object, content=b"{}"),
            client.get("/models", cast_to=object),
            client.models.list(),
        ):
            with pytest.raises(Exception, match="Connection error"):
                await call
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    ["", "ftp://x/v1", "http://api.example.com/v1", "http://10.0.0.1/v1", "http://127.0.0.1.example.com/v1",
     "https://user:secret@api.example.com/v1", "https://api.example.com/v1?key=secret"],
)  # fmt: skip
def test_an_address_that_would_tell_or_is_not_encrypted_is_refused(address: str) -> None:
    with pytest.raises(ModelRefused) as raised:
        HostedModel(address, "m", "key", seal=Seal(b"s" * 32))
    assert "secret" not in str(raised.value)


async def test_what_became_of_it_is_heard(house: House) -> None:
    rung = house.rung("http://127.0.0.1:9/v1")
    rung.heard(Attempted("hosted:m", "first", "answered"))
    assert (rung.hosted, rung.verbatim, rung.name) == (True, False, "hosted:m")
    await rung.aclose()


async def test_a_switch_that_does_not_say_how_it_stands_counts_as_off(house: House) -> None:
    """A database behind a network that is cut does not answer at all."""
    hangs = threading.Event()

    class Hanging(KillSwitch):
        def stopped(self, book: LedgerReader | None = None) -> str:
            if book is None:
                hangs.wait(20)
            return super().stopped(book)

    async with asked(house, draft(GREETS)) as (server, rung):
        rung.gate._switch = Hanging(house.ledger, house.data / "egress.off")
        _, fault = await written(rung)
        hangs.set()
    assert fault is not None
    assert "cannot be read" in fault.message
    assert server.requests == []
    assert left(house)[0]["status"] == "not_sent"


async def test_a_mask_that_takes_too_long_gives_way_to_the_next_rung(house: House) -> None:
    class Slow(TestMask):
        def mask(self, text: str, *, names: bool = True) -> str:
            time.sleep(0.2)
            return super().mask(text, names=names)

    class SlowMasker(TestMasker):
        def session(self) -> TestMask:
            return Slow()

    slow: Any = SlowMasker()
    house.masker = slow
    async with asked(house, draft(GREETS)) as (server, rung):
        skipped = await rung.writer(replace(errand(), left_s=0.05))
    assert isinstance(skipped, Skipped)
    assert (skipped.rule, server.requests) == ("egress.slow", [])

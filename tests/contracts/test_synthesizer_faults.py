"""Whatever a model server does, a caller sees whole sentences, then the end or one of the two kinds of fault.

One suite over every rung that asks a server: the local vLLM, and the hosted model behind its gate, which differs in this: it never sends anything twice.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from hosted_writer import HostedWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_server import GOOD, SSE_HEAD, Answer, WireServer, chunk, draft, endless, hanging, raw, serving, status

from models.errors import ModelFault, ModelRefused, ModelUnavailable
from models.roles import PromptPassage, SynthesisRequest
from models.synthesis.vllm import VllmSynthesizer

REQUEST = SynthesisRequest(
    question="How do I change my plan?",
    passages=(PromptPassage(1, "Plan", "Open it."), PromptPassage(2, "Other", "No.")),
)
GOOD_TEXTS = [str(sentence["text"]) for sentence in GOOD["sentences"]]  # type: ignore[attr-defined]  # JSON
FIRST_HALF = '{"covered":true,"sentences":[{"text":"Open it.","citations":[1]},{"text":"Then'


KINDS = ("vllm", "hosted")
kind = [KINDS[0]]
"""Which rung the running test is about."""


@pytest.fixture(params=KINDS, autouse=True)
def _rung(request: pytest.FixtureRequest) -> None:
    kind[0] = request.param


def rung(base_url: str, **times: float) -> VllmSynthesizer | HostedWriter:
    if kind[0] == "hosted":
        return HostedWriter(base_url, **{name: value for name, value in times.items() if name != "max_retries"})
    return VllmSynthesizer(base_url, "m", "key", sleep=no_wait, **times)  # type: ignore[arg-type]  # floats by name


async def written(
    base_url: str, request: SynthesisRequest = REQUEST, **settings: float
) -> tuple[list[str], ModelFault | None]:
    """The sentences that came out, and the fault that ended them."""
    times = {"timeout_s": 5.0, "first_token_timeout_s": 5.0, **settings}
    synthesizer = rung(base_url, **times)
    texts: list[str] = []
    try:
        async for sentence in synthesizer.sentences(request):
            texts.append(sentence.text)  # noqa: PERF401 - a comprehension would lose the sentences before a fault
    except ModelFault as fault:
        return texts, fault
    finally:
        await synthesizer.aclose()
    return texts, None


async def no_wait(seconds: float) -> None:
    """Waiting is asserted by the number given, never by the clock."""
    assert 0 <= seconds <= 5
    await asyncio.sleep(0)


async def outcome(*answers: Answer, **settings: float) -> tuple[list[str], ModelFault | None, WireServer]:
    async with serving(*answers) as server:
        return *(await written(server.base_url, **settings)), server


async def test_a_good_answer_however_it_is_cut() -> None:
    for piece in (1, 3, 1000):
        texts, fault, server = await outcome(draft(GOOD, piece=piece))
        assert (texts, fault) == (GOOD_TEXTS, None)
        assert len(server.requests) == 1


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        texts, fault = await written(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
    assert texts == []
    assert isinstance(fault, ModelUnavailable)
    assert "base_url" in fault.remedy


GARBAGE: dict[str, Answer] = {
    "hangs before the headers": hanging(),
    "hangs after the headers": hanging(SSE_HEAD),
    "closes at once": raw(),
    "answers with noise": raw(b"\x00\xff\xfe noise\r\n\r\n"),
    "breaks off before the first word": raw(SSE_HEAD),
    "ends without a word": draft(""),
    "bad UTF-8": raw(SSE_HEAD, b"data: \xff\xfe\xc3\x28\n\n"),
    "garbage instead of JSON": raw(SSE_HEAD, b"data: {nonsense\n\n"),
    "a chunk that is a number": raw(SSE_HEAD, b"data: 5\n\n"),
    "a chunk that is a list": raw(SSE_HEAD, b"data: [1]\n\n"),
    "a chunk of another form": raw(SSE_HEAD, b'data: {"choices": 7}\n\n'),
    "choices of another form": raw(SSE_HEAD, b'data: {"choices": [null]}\n\n'),
    "content that is a number": raw(SSE_HEAD, b'data: {"choices": [{"delta": {"content": 5}}]}\n\n'),
    "nested without end": raw(SSE_HEAD, b"data: " + b"[" * 100_000 + b"\n\n"),
    "an error in the stream": raw(SSE_HEAD, b'data: {"error": {"message": "SECRET words"}}\n\n'),
    "a page instead of a stream": raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>"),
    "packed": raw(SSE_HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"), b"\x1f\x8b"),
    "prose instead of a draft": draft("Sure! Open Settings."),
    "a draft of another form": draft({"answer": "Open Settings."}),
    "a list": draft([GOOD]),
    "no answer to covered": draft({"sentences": GOOD["sentences"]}),
    "covered in words": draft({"covered": "yes", "sentences": GOOD["sentences"]}),
    "sentences that are strings": draft({"covered": True, "sentences": ["Open it."]}),
    "citations in words": draft({"covered": True, "sentences": [{"text": "Open it.", "citations": ["one"]}]}),
    "a sentence of 10 kB": draft({"covered": True, "sentences": [{"text": "x" * 10_000, "citations": [1]}]}, piece=500),
    "white space for ever": endless(chunk("  \n")),
    "words for ever": endless(chunk("word " * 20)),
    "empty chunks for ever": endless(chunk("")),
    "comments for ever": endless(b": nothing\n\n" * 200),
    "a line for ever": endless(b"data: " + b"x" * 5000),
    "a body of 10 MB": status(500, body=b"x" * 10_000_000),
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_is_a_transient_fault(answer: Answer) -> None:
    texts, fault, _ = await outcome(answer, timeout_s=2.0, first_token_timeout_s=0.5)
    assert texts == []
    assert isinstance(fault, ModelUnavailable)
    assert "SECRET" not in str(fault)


CUT: dict[str, Answer] = {
    "the connection breaks": draft(FIRST_HALF, finish=None),
    "the server stops too early": draft(FIRST_HALF),
    "the server hangs": hanging(SSE_HEAD, chunk(FIRST_HALF)),
    "garbage follows": raw(SSE_HEAD, chunk(FIRST_HALF), b"data: {nonsense\n\n"),
    "garbage follows in the same chunk": draft(FIRST_HALF[:-14] + "]]}", piece=1000),
}


@pytest.mark.parametrize("answer", CUT.values(), ids=CUT.keys())
async def test_sentences_that_were_whole_stay(answer: Answer) -> None:
    texts, fault, _ = await outcome(answer, timeout_s=2.0)
    assert texts == ["Open it."]
    assert isinstance(fault, ModelUnavailable)


async def test_a_draft_cut_at_its_token_limit_keeps_its_whole_sentences() -> None:
    texts, fault, _ = await outcome(draft(FIRST_HALF, finish="length"))
    assert (texts, fault) == (["Open it."], None)
    texts, fault, _ = await outcome(draft(FIRST_HALF[:40], finish="length"))
    assert texts == []
    assert isinstance(fault, ModelUnavailable)


async def test_one_byte_at_a_time_ends_at_the_deadline() -> None:
    whole = SSE_HEAD + b"".join(chunk(character) for character in FIRST_HALF)
    texts, fault, _ = await outcome(raw(*(whole[i : i + 1] for i in range(len(whole))), pause_s=0.02), timeout_s=0.3)
    assert texts == []
    assert isinstance(fault, ModelUnavailable)


@pytest.mark.parametrize(
    "document", [{"covered": False, "sentences": []}, {"covered": False, "sentences": GOOD["sentences"]}]
)
async def test_not_covered_is_an_empty_stream(document: object) -> None:
    texts, fault, _ = await outcome(draft(document))
    assert (texts, fault) == ([], None)


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("retry_after", ["", "0", "2", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_busy_server_is_asked_again(code: int, retry_after: str) -> None:
    texts, fault, server = await outcome(status(code, retry_after=retry_after), draft(GOOD))
    if kind[0] == "hosted":
        assert texts == []
        assert isinstance(fault, ModelUnavailable)
        assert len(server.requests) == 1
        return
    assert (texts, fault) == (GOOD_TEXTS, None)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "tries"), [(status(503), 3), (status(503, retry_after="3600"), 1), (status(500), 1), (raw(), 3)]
)
async def test_tries_are_bounded(answer: Answer, tries: int) -> None:
    texts, fault, server = await outcome(answer)
    assert texts == []
    assert isinstance(fault, ModelUnavailable)
    assert len(server.requests) == (1 if kind[0] == "hosted" else tries)


async def test_a_wait_past_the_first_word_deadline_is_not_begun() -> None:
    _, fault, server = await outcome(status(429, retry_after="4"), draft(GOOD), first_token_timeout_s=1.0)
    assert isinstance(fault, ModelUnavailable)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422])
async def test_a_refusal_is_permanent_and_says_what_to_do(code: int) -> None:
    texts, fault, server = await outcome(status(code))
    assert texts == []
    assert isinstance(fault, ModelRefused)
    assert fault.remedy
    assert "SECRET" not in str(fault)
    assert len(server.requests) == 1


@pytest.fixture
async def patient(_rung: None) -> AsyncIterator[tuple[WireServer, VllmSynthesizer | HostedWriter]]:
    async with serving(hanging(SSE_HEAD, chunk(FIRST_HALF))) as server:
        synthesizer = rung(server.base_url, timeout_s=60)
        yield server, synthesizer
        await synthesizer.aclose()


async def test_closing_the_stream_hangs_up(patient: tuple[WireServer, VllmSynthesizer | HostedWriter]) -> None:
    server, synthesizer = patient
    stream = synthesizer.sentences(REQUEST)
    assert (await anext(stream)).text == "Open it."
    await stream.aclose()
    await asyncio.wait_for(server.gone.wait(), 10)
    assert stream.usage.prompt_tokens == 50
    assert stream.usage.first_token_ms > 0


async def test_cancelling_the_caller_hangs_up(patient: tuple[WireServer, VllmSynthesizer | HostedWriter]) -> None:
    server, synthesizer = patient
    stream = synthesizer.sentences(REQUEST)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(server.gone.wait(), 10)


async def test_the_request_is_bounded_structured_and_tells_nothing_about_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-x")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    _, fault, server = await outcome(draft(GOOD))
    assert fault is None
    [body], [headers] = server.requests, server.headers
    assert body["stream"] is True
    assert body["temperature"] == 0
    assert body["max_tokens"] <= 500
    assert body["response_format"]["json_schema"]["strict"] is True
    assert headers["authorization"] == "Bearer key"
    assert headers["accept-encoding"] == "identity"
    assert not [name for name in headers if name.startswith(("x-stainless", "openai-"))]


async def test_probe_says_what_is_wrong() -> None:
    listing = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode()
    cases: list[tuple[Answer, str, type[ModelFault] | None]] = [
        (status(200, body=listing), "m", None),
        (status(200, body=listing), "other", ModelRefused),
        (status(401), "m", ModelRefused),
        (status(503), "m", ModelUnavailable),
        (status(200, body=b"<p>"), "m", ModelUnavailable),
        (raw(), "m", ModelUnavailable),
    ]
    for answer, model, expected in cases:
        async with serving(answer) as server:
            synthesizer = VllmSynthesizer(server.base_url, model, "key", first_token_timeout_s=5)
            if expected is None:
                await synthesizer.probe()
            else:
                with pytest.raises(expected):
                    await synthesizer.probe()
            await synthesizer.aclose()


@pytest.mark.parametrize("address", ["", "127.0.0.1:8000", "file:///etc/passwd", "http://"])
def test_a_bad_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(ModelRefused, match="base_url"):
        VllmSynthesizer(address, "m", "key")


PIECES = st.lists(
    st.one_of(st.binary(max_size=40), st.sampled_from([b"data: ", b"\n\n", chunk('{"covered":'), chunk("true")])),
    max_size=12,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PIECES, headed=st.booleans())
def test_any_bytes_end_in_a_fault_or_in_nothing(parts: list[bytes], headed: bool) -> None:
    answer = raw(*([SSE_HEAD] if headed else []), *parts)
    texts, _, _ = asyncio.run(outcome(answer, timeout_s=1.0, first_token_timeout_s=0.5, max_retries=0))
    assert texts == []

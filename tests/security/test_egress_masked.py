"""The real masker before the real client: what is planted in a ticket does not arrive at a server that keeps every byte."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from egress_parts import House, errand
from wire_server import draft, serving

from appliance.config import Config
from appliance.egress.ledger import departures
from appliance.egress.masking import Masker, open_masker
from appliance.egress.rung import Writer
from appliance.model_set import open_name_tagger
from appliance.policy import load_policy, shipped_profiles
from appliance.store.database import Database

PLANTED = {
    "mail": ("Please write to anna.bergstroem@kunde-mail.example about it.", "anna.bergstroem@kunde-mail.example"),
    "telephone": ("You can call me on +49 171 2345678 after five.", "171 2345678"),
    "card": ("I paid with 4111 1111 1111 1111 last week.", "4111 1111 1111 1111"),
    "iban": ("Send it to DE89 3704 0044 0532 0130 00 please.", "3704 0044 0532"),
    "address": ("My server is 203.0.113.77 and it cannot connect.", "203.0.113.77"),
    "key": ("The token is sk-live-4f9aK2mQ8xR7tY3wZ1bN6vC5 as shown.", "4f9aK2mQ8xR7tY3wZ1bN6vC5"),
    "name": ("My name is Siobhan O'Donnell and I was charged.", "O'Donnell"),
}
ANSWER = {"covered": True, "sentences": [{"text": "Refunds are paid within 10 business days.", "citations": [1]}]}


@pytest.fixture(scope="module")
def masker() -> Masker:
    policy = load_policy("saas")
    return open_masker(policy.masking, open_name_tagger(Config()), keep=(policy.company,))


@pytest.mark.parametrize(("text", "value"), PLANTED.values(), ids=PLANTED.keys())
async def test_what_is_planted_does_not_arrive(
    sqlite: Database, tmp_path: Path, masker: Masker, text: str, value: str
) -> None:
    house = House(tmp_path, sqlite, masker=masker)  # type: ignore[arg-type] # structural
    asked = errand(f"{text} When do I get my refund?", history=(("customer", text), ("assistant", f"Noted: {text}")))
    async with serving(draft(ANSWER)) as server:
        rung = house.rung(server.base_url)
        writer = await rung.writer(asked)
        assert isinstance(writer, Writer), writer
        assert [one.text async for one in writer.sentences(asked.request)] == [ANSWER["sentences"][0]["text"]]  # type: ignore[index] # JSON
        again = replace(asked.request, rejected=((f"Dear customer, {text}", f"support: {value}"),))
        assert [one async for one in writer.sentences(again)]
        await rung.aclose()
    assert len(server.requests) == 2
    assert value not in json.dumps(server.requests, ensure_ascii=False)
    with house.ledger.reading() as book:
        rows = departures(book)
    sent = [json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() for body in server.requests]
    assert [row["sha256"] for row in rows] == [hashlib.sha256(body).hexdigest() for body in sent]
    assert all(sum(row["masked"].values()) > 0 for row in rows)
    assert not [file for file in _files(tmp_path) if value.encode() in file.read_bytes()]


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize("name", shipped_profiles())
def test_our_own_words_do_not_block_every_ticket(sqlite: Database, tmp_path: Path, masker: Masker, name: str) -> None:
    """Prompt, tone and examples of each shipped profile pass the second scan."""
    policy = load_policy(name)
    house = House(tmp_path, sqlite, masker=masker)  # type: ignore[arg-type] # structural
    asked = errand("When do I get my refund?")
    voice = tuple((one.customer, one.reply) for one in policy.voice.examples)
    request = replace(
        asked.request, company=policy.company, tone=policy.voice.tone, examples=voice, mark="zq8f2k1m9x4c7v3b"
    )
    found = house.gate().consider(replace(asked, request=request))
    assert found.rule == "questions", found

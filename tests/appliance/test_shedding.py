"""More tickets than a slow model serves: those that it cannot take in time are quoted at once, and nobody is turned away."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from line_parts import Parts, Quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contracts"))

from wire_server import draft, serving

from appliance.channels.reception import Reception
from appliance.line.breaker import Breaker, Limits
from appliance.line.durable import Durable
from appliance.line.ladder import Local, Served
from appliance.line.load import Backlog, Load, LoadLimits
from appliance.line.runner import Runner
from appliance.metrics import Metrics
from appliance.rungs import lines_at_once
from appliance.store.conversations import SqlConversations
from appliance.store.database import Database
from appliance.store.turns import SqlTurns
from appliance.ticket import Closed
from models.synthesis.vllm import VllmSynthesizer

GOOD = {"covered": True, "sentences": [{"text": "Refunds are paid within 10 business days.", "citations": [1]}]}
TICKETS = 40


async def test_tickets_that_a_slow_model_cannot_take_in_time_are_quoted_and_none_is_refused(
    sqlite: Database, ids: Callable[[], str]
) -> None:
    most = 0
    under_way = 0

    async def slowly(writer: asyncio.StreamWriter) -> None:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(1.0)
            await draft(GOOD)(writer)
        finally:
            under_way -= 1

    def now() -> datetime:
        return datetime.now(UTC)

    closed: list[Closed] = []
    async with serving(slowly) as server:
        vllm = VllmSynthesizer(server.base_url, "m", "key", max_retries=0)
        backlog = Backlog()
        limits = LoadLimits(parallel=2, wait_s=0.5, resume=0.75)
        rung = Served(
            vllm, Breaker(Limits(3, 15.0, 120.0), time.monotonic), Load(limits, backlog), clock=time.monotonic
        )
        ladder = (rung, Local(Quote()))
        desk = replace(Parts().desk(), ladder=ladder, clock=time.monotonic)
        metrics = Metrics()
        metrics.watch(ladder)

        def observe(run: Closed) -> None:
            closed.append(run)
            metrics.closed(run)

        stored = SqlConversations(sqlite)
        runner = Runner(
            desk,
            SqlTurns(sqlite),
            max_running=64,
            parallel=lines_at_once(ladder),
            new_id=ids,
            now=now,
            observe=observe,
            backlog=backlog,
        )
        reception = Reception(stored, runner, max_message_chars=200, new_id=ids, now=now)
        engine = Durable(sqlite.url, replica="r1", turn=runner.turn)
        runner.use(engine)
        await engine.open()
        opened = [await reception.open(channel="chat", text="When do I get my refund?") for _ in range(TICKETS)]
        replies = [await runner.reply(one.accepted.message.id) for one in opened if one.accepted]
        assert backlog.waiting == 0
        assert rung.load.running == 0
        await runner.stop(grace_s=5)
        await engine.close()
        await vllm.aclose()

    assert len(replies) == TICKETS
    assert {(reply.outcome, reply.rule) for reply in replies} == {("answered", "ground.supported")}
    writers = Counter(run.draft.synthesizer for run in closed if run.draft)
    assert writers["quote"] > writers["vllm:m"] > 0
    assert most <= limits.most
    shed = [run.draft.attempts for run in closed if run.draft and run.draft.synthesizer == "quote"]
    assert {turns[0].rule for turns in shed} == {"ladder.shed"}
    assert {turns[1].occasion for turns in shed} == {"overloaded"}
    counted = metrics.registry.get_sample_value
    assert counted("appliance_rung_skipped_total", {"rung": "vllm:m", "rule": "ladder.shed"}) == len(shed)
    assert counted("appliance_rung_state", {"rung": "vllm:m", "state": "closed"}) == 1

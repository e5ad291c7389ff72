"""The micro-batch queue: merging, refusal, cancellation, faults, drain. Every wait is on an event, never on time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from models.batching import Batcher
from models.errors import ModelRefused, ModelUnavailable, Overloaded


class Doubler:
    """A model that doubles numbers, records its batches, and can be held in the middle of a call."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.started.set()
        assert self.gate.wait(10)
        if 13 in items:
            raise ModelUnavailable("thirteen")
        return [item * 2 for item in items]

    async def hold(self, batcher: Batcher[int, int]) -> asyncio.Task[list[int]]:
        """Start a call with item 0 and stop inside it, so that what follows has to wait."""
        self.gate.clear()
        self.started.clear()
        task = asyncio.create_task(batcher.submit([0]))
        await asyncio.to_thread(self.started.wait, 10)
        return task


def batcher(model: Doubler, max_batch: int = 4, max_waiting: int = 4) -> Batcher[int, int]:
    return Batcher(model, max_batch=max_batch, max_waiting=max_waiting, name="doubler")


async def later(batch: Batcher[int, int], *submits: list[int]) -> list[asyncio.Task[list[int]]]:
    """Submit each in order; all of them stand in the queue on return, for a task queues its items in its first step."""
    tasks = [asyncio.create_task(batch.submit(items)) for items in submits]
    await asyncio.sleep(0)
    return tasks


async def test_results_come_back_in_order() -> None:
    model = Doubler()
    batch = batcher(model)
    assert await batch.submit([3, 1, 2]) == [6, 2, 4]
    assert await batch.submit([]) == []
    await batch.close()
    assert model.batches == [[3, 1, 2]]


async def test_what_waits_is_merged_and_submits_stay_whole() -> None:
    model = Doubler()
    batch = batcher(model, max_batch=4, max_waiting=10)
    first = await model.hold(batch)
    tasks = await later(batch, [1, 2], [3], [4, 5], [6])
    model.gate.set()
    assert await asyncio.gather(first, *tasks) == [[0], [2, 4], [6], [8, 10], [12]]
    assert model.batches == [[0], [1, 2, 3], [4, 5, 6]]
    await batch.close()


async def test_a_full_queue_refuses_at_once_and_recovers() -> None:
    model = Doubler()
    batch = batcher(model, max_waiting=2)
    first = await model.hold(batch)
    tasks = await later(batch, [1, 2])
    with pytest.raises(Overloaded, match="2 items waiting") as caught:
        await batch.submit([3])
    assert caught.value.retry_after_s > 0
    model.gate.set()
    assert await asyncio.gather(first, *tasks) == [[0], [2, 4]]
    assert await batch.submit([3]) == [6]
    await batch.close()


async def test_a_submit_above_the_bounds_runs_alone() -> None:
    model = Doubler()
    batch = batcher(model, max_batch=2, max_waiting=2)
    assert await batch.submit(list(range(5))) == [0, 2, 4, 6, 8]
    await batch.close()
    assert model.batches == [[0, 1, 2, 3, 4]]


async def test_a_cancelled_submit_never_runs() -> None:
    model = Doubler()
    batch = batcher(model)
    first = await model.hold(batch)
    gone, stays = await later(batch, [7], [8])
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert batch.waiting == 1
    model.gate.set()
    assert await asyncio.gather(first, stays) == [[0], [16]]
    await batch.close()
    assert model.batches == [[0], [8]]


async def test_cancelling_a_running_submit_leaves_the_queue_alive() -> None:
    model = Doubler()
    batch = batcher(model)
    first = await model.hold(batch)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    model.gate.set()
    assert await batch.submit([1]) == [2]
    await batch.close()


async def test_a_fault_reaches_exactly_the_submits_of_its_batch() -> None:
    model = Doubler()
    batch = batcher(model, max_batch=2)
    first = await model.hold(batch)
    tasks = await later(batch, [13], [1], [2])
    model.gate.set()
    outcomes = await asyncio.gather(first, *tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["[0]", "thirteen", "thirteen", "[4]"]
    await batch.close()


async def test_a_wrong_number_of_results_is_a_fault() -> None:
    batch = Batcher[int, int](lambda items: items[:1], max_batch=4, max_waiting=4, name="short")
    with pytest.raises(ModelRefused, match="1 results for 2 items"):
        await batch.submit([1, 2])
    await batch.close()


async def test_close_drains_and_then_refuses() -> None:
    model = Doubler()
    batch = batcher(model)
    first = await model.hold(batch)
    (waiting,) = await later(batch, [5])
    closing = asyncio.create_task(batch.close())
    await asyncio.sleep(0)
    model.gate.set()
    assert await asyncio.gather(first, waiting) == [[0], [10]]
    await closing
    with pytest.raises(ModelUnavailable, match="shutting down"):
        await batch.submit([1])
    await batch.close()


async def test_the_observer_is_told_of_every_batch_and_cannot_stop_the_model() -> None:
    seen: list[tuple[str, int]] = []

    def observe(*, name: str, size: int, wait_s: float, run_s: float) -> None:
        assert wait_s >= 0
        assert run_s >= 0
        seen.append((name, size))
        raise RuntimeError("a broken gauge")

    batch = Batcher(Doubler(), max_batch=4, max_waiting=4, name="doubler", observer=observe)
    assert await batch.submit([1, 2]) == [2, 4]
    assert await batch.submit([3]) == [6]
    await batch.close()
    assert seen == [("doubler", 2), ("doubler", 1)]


def test_several_event_loops_may_use_it() -> None:
    batch = batcher(Doubler())
    assert asyncio.run(batch.submit([1])) == [2]
    assert asyncio.run(batch.submit([2])) == [4]
    asyncio.run(batch.close())

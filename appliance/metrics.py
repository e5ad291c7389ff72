"""Prometheus metrics: outcomes, stages, model queues. Labels are rule ids and names of ours, never anything that a customer wrote."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from appliance.ticket import Attempted, Closed

_MS = (1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 30_000)
_SECONDS = tuple(ms / 1000 for ms in _MS)
_STATES = ("closed", "open", "half_open", "shedding")
"""Of a rung with a circuit breaker, as it says itself; several may hold."""


class HasState(Protocol):
    """A rung of the ladder, as far as figures go."""

    name: str

    @property
    def state(self) -> str: ...


class Metrics:
    """One registry an appliance, so that two in one process (tests) do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._outcomes = Counter(
            "appliance_replies", "Closed runs.", ("outcome", "rule", "intent"), registry=self.registry
        )
        self._stages = Histogram(
            "appliance_stage_seconds", "Time a stage took.", ("stage",), buckets=_SECONDS, registry=self.registry
        )
        self._gates = Counter(
            "appliance_gate_verdicts", "Verdicts of the gates.", ("gate", "passed"), registry=self.registry
        )
        self._batches = Histogram(
            "appliance_model_batch_size",
            "Inputs a batch.",
            ("model",),
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self._waits = Histogram(
            "appliance_model_wait_seconds",
            "Time before a model took a batch.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._runs = Histogram(
            "appliance_model_run_seconds",
            "Time a model worked on a batch.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )

        self._turns = Counter(
            "appliance_rung_turns", "Turns of the rungs.", ("rung", "occasion", "outcome"), registry=self.registry
        )
        self._skipped = Counter(
            "appliance_rung_skipped", "Turns not taken, by rule.", ("rung", "rule"), registry=self.registry
        )
        self._sentences = Counter(
            "appliance_rung_sentences", "Sentences drafted, and passed.", ("rung", "fate"), registry=self.registry
        )
        self._turn_seconds = Histogram(
            "appliance_rung_seconds", "Time a rung's turn took.", ("rung",), buckets=_SECONDS, registry=self.registry
        )
        self._first_seconds = Histogram(
            "appliance_rung_first_sentence_seconds",
            "Time from asking a rung to its first sentence that passed.",
            ("rung",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._states = Gauge(
            "appliance_rung_state",
            "1 for the state that a rung is in (its circuit breaker, and whether it sheds).",
            ("rung", "state"),
            registry=self.registry,
        )

    def watch(self, rungs: Iterable[HasState]) -> None:
        """Show the state of each rung whenever somebody asks for the figures."""
        for rung in rungs:
            for name in _STATES:
                self._states.labels(rung.name, name).set_function(partial(_is, name, rung))

    def closed(self, closed: Closed) -> None:
        """Count a run that has closed."""
        self._outcomes.labels(closed.reply.outcome, closed.reply.rule, closed.reply.intent or "none").inc()
        for stage, took_ms in closed.reply.timings_ms.items():
            self._stages.labels(stage).observe(took_ms / 1000)
        for verdict in closed.verdicts:
            self._gates.labels(verdict.gate, str(verdict.passed).lower()).inc()
        for attempted in closed.draft.attempts if closed.draft else ():
            self._attempted(attempted)

    def _attempted(self, attempted: Attempted) -> None:
        self._turns.labels(attempted.rung, attempted.occasion, attempted.outcome).inc()
        if attempted.outcome == "skipped":
            self._skipped.labels(attempted.rung, attempted.rule).inc()
            return
        self._sentences.labels(attempted.rung, "drafted").inc(attempted.drafted)
        self._sentences.labels(attempted.rung, "passed").inc(attempted.passed)
        self._turn_seconds.labels(attempted.rung).observe(attempted.ms / 1000)
        if attempted.first_ms is not None:
            self._first_seconds.labels(attempted.rung).observe(attempted.first_ms / 1000)

    def batch(self, *, name: str, size: int, wait_s: float, run_s: float) -> None:
        """A ``models.batching.BatchObserver``."""
        self._batches.labels(name).observe(size)
        self._waits.labels(name).observe(wait_s)
        self._runs.labels(name).observe(run_s)


class Tries:
    """Of telling a webhook, by what came of it: delivered, again (it is tried once more) or refused."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tries = Counter(
            "appliance_webhook_tries",
            "Messages sent to webhooks, by what came of it.",
            ("webhook", "result"),
            registry=registry,
        )

    def count(self, name: str, result: str) -> None:
        self._tries.labels(name, result).inc()


def _is(name: str, rung: HasState) -> float:
    return float(name in rung.state.split(", "))

"""Prometheus metrics: outcomes, stages, model queues. Labels are rule ids and names of ours, never anything that a customer wrote."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from appliance.ticket import Closed

_MS = (1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 30_000)
_SECONDS = tuple(ms / 1000 for ms in _MS)


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

    def closed(self, closed: Closed) -> None:
        """Count a run that has closed."""
        self._outcomes.labels(closed.reply.outcome, closed.reply.rule, closed.reply.intent or "none").inc()
        for stage, took_ms in closed.reply.timings_ms.items():
            self._stages.labels(stage).observe(took_ms / 1000)
        for verdict in closed.verdicts:
            self._gates.labels(verdict.gate, str(verdict.passed).lower()).inc()

    def batch(self, *, name: str, size: int, wait_s: float, run_s: float) -> None:
        """A ``models.batching.BatchObserver``."""
        self._batches.labels(name).observe(size)
        self._waits.labels(name).observe(wait_s)
        self._runs.labels(name).observe(run_s)

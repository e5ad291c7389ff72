"""Requests, their durations and open streams, for Prometheus. Labels are route templates, never addresses: those hold ids."""

from __future__ import annotations

from functools import partial

from litestar.types import HTTPScope
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from appliance.web.stream import ENDINGS, Streams

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Traffic:
    """The figures of one application; a registry holds them once."""

    def __init__(self, registry: CollectorRegistry, streams: Streams) -> None:
        self._requests = Counter(
            "appliance_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "appliance_http_request_seconds",
            "Time from request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        open_now = Gauge("appliance_streams_open", "Event streams that are open.", registry=registry)
        open_now.set_function(lambda: streams.open)
        ended = Gauge("appliance_streams_ended", "Event streams that have ended, and why.", ("why",), registry=registry)
        for ending in ENDINGS:
            ended.labels(ending or "told").set_function(partial(streams.how_many, ending))

    def count(self, scope: HTTPScope, status: int, seconds: float) -> None:
        """``status`` 0: the client left before an answer began."""
        route = str(scope.get("path_template") or "unknown")
        self._requests.labels(str(scope["method"]), route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

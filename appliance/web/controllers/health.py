"""For load balancers, orchestrators and Prometheus."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Controller, Response, get
from prometheus_client import generate_latest

from appliance.web.controllers.conversations import TheDoors

_PROMETHEUS = "text/plain; version=0.0.4"
_FRESH = {"Cache-Control": "no-store"}


class HealthController(Controller):
    tags = ("operations",)

    @get("/healthz")
    async def alive(self) -> Response[dict[str, str]]:
        """The process answers."""
        return Response({"status": "ok"}, headers=_FRESH)

    @get("/readyz")
    async def ready(self, doors: TheDoors) -> Response[dict[str, Any]]:
        """200 when every part can do its work, else 503; names each part."""
        parts = await asyncio.to_thread(doors.ready)
        ready = all(ok for _, ok, _ in parts)
        document = {"ready": ready, "parts": [{"part": part, "ok": ok, "detail": detail} for part, ok, detail in parts]}
        return Response(document, status_code=200 if ready else 503, headers=_FRESH)

    @get("/metrics")
    async def metrics(self, doors: TheDoors) -> Response[bytes]:
        """Prometheus' text format."""
        return Response(generate_latest(doors.metrics), media_type=_PROMETHEUS, headers=_FRESH)

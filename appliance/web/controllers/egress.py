"""For the compliance officer: what left the building, proof of it, and the brake."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from litestar import Controller, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from appliance.access import may
from appliance.errors import ApplianceFault
from appliance.web.controllers.conversations import TheDoors
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest
from appliance.web.guards import same_origin
from appliance.web.problems import problem_of
from appliance.web.staff import allowed, own_form, signed_in, staff

HERE = "/admin/egress"
_FRESH = {"Cache-Control": "no-store"}
_DAYS = (1, 7, 30, 365)
_MOST = 500
"""Rows that the page shows; the file has them all."""
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


class EgressController(Controller):
    path = HERE
    guards = (same_origin,)
    before_request = staticmethod(signed_in)
    include_in_schema = False

    @get()
    async def page(self, request: AnyRequest, doors: TheDoors) -> Response[Any]:
        allowed(request, "see_ledger")
        return await _page(request, doors)

    @get("/file/{form:str}")
    async def file(
        self, form: FromPath[Literal["csv", "jsonl"]], request: AnyRequest, doors: TheDoors
    ) -> Response[bytes]:
        """The whole ledger, to be checked without the appliance (docs/egress.md)."""
        allowed(request, "see_ledger")
        content = await asyncio.to_thread(doors.egress.file, form)
        headers = {**_FRESH, "Content-Disposition": f'attachment; filename="egress.{form}"'}
        return Response(content, media_type=_TYPES[form], headers=headers)

    @post("/stop", status_code=303)
    async def stop(self, request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """Nothing leaves any more, from now on and in every process."""
        session = allowed(request, "stop_hosted")
        why = (await own_form(request)).get("why", "")
        return await _turned(request, doors, doors.egress.stop, who=session.name, why=why)

    @post("/allow", status_code=303)
    async def allow(self, request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """Let go of the brake."""
        session = allowed(request, "start_hosted")
        why = (await own_form(request)).get("why", "")
        return await _turned(request, doors, doors.egress.allow, who=session.name, why=why)


async def _turned(request: AnyRequest, doors: Doors, turn: Any, *, who: str, why: str) -> Response[Any]:
    try:
        await asyncio.to_thread(turn, who=who, why=" ".join(why.split())[:500])
    except ApplianceFault as fault:
        return await _page(request, doors, fault)
    return Redirect(HERE, status_code=303)


async def _page(request: AnyRequest, doors: Doors, fault: ApplianceFault | None = None) -> Template:
    asked = request.query_params.get("days", "")
    days = int(asked) if asked in map(str, _DAYS) else 30
    state = await asyncio.to_thread(doors.egress.status)
    rows = await asyncio.to_thread(doors.egress.left, days)
    session, problem = staff(request), problem_of(fault) if fault else None
    context = {
        "session": session,
        "here": HERE,
        "state": state,
        "rows": rows[:_MOST],
        "count": len(rows),
        "days": days,
        "spans": _DAYS,
        "may_allow": may(session.role, "start_hosted"),
        "may_stop": may(session.role, "stop_hosted"),
        "problem": problem,
        "detail": f"{fault.message} {fault.remedy}" if fault else "",
    }
    return Template("egress.html", context=context, status_code=problem.status if problem else 200, headers=_FRESH)

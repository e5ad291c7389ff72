"""Signing in, and what the operator sees of the box."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from litestar import Controller, Response, get, post
from litestar.response import Redirect, Template

from appliance.access import may
from appliance.web.controllers.conversations import TheDoors
from appliance.web.errors import AnyRequest
from appliance.web.forms import fields
from appliance.web.guards import same_origin
from appliance.web.staff import LOGIN, allowed, own_form, session_cookie, session_token, signed_in, staff

_FRESH = {"Cache-Control": "no-store"}


class SignInController(Controller):
    path = LOGIN
    guards = (same_origin,)
    include_in_schema = False

    @get()
    async def form(self) -> Response[Any]:
        return Template("sign_in.html", context={"wrong": False}, headers=_FRESH)

    @post(status_code=303)
    async def sign_in(self, request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """A new session for a key; the one before it, if there was one, ends."""
        key = (await fields(request)).get("key", "").strip()
        signed = await asyncio.to_thread(doors.access.sign_in, key, now=datetime.now(UTC))
        if signed is None:
            return Template("sign_in.html", context={"wrong": True}, status_code=403, headers=_FRESH)
        await asyncio.to_thread(doors.access.sign_out, session_token(request))
        token, session = signed
        answer = Redirect("/admin" if may(session.role, "see_box") else "/admin/egress", status_code=303)
        answer.set_cookie(session_cookie(request, token))
        return answer


class AdminController(Controller):
    path = "/admin"
    guards = (same_origin,)
    before_request = staticmethod(signed_in)
    include_in_schema = False

    @get()
    async def box(self, request: AnyRequest, doors: TheDoors) -> Response[Any]:
        """Every part that must work before a ticket can be answered, and how each rung of the ladder does."""
        session = allowed(request, "see_box")
        parts, rungs = await asyncio.to_thread(doors.ready), await asyncio.to_thread(doors.rungs)
        context = {"session": session, "parts": parts, "rungs": rungs, "here": "/admin"}
        return Template("box.html", context=context, headers=_FRESH)

    @post("/logout", status_code=303)
    async def sign_out(self, request: AnyRequest, doors: TheDoors) -> Redirect:
        await own_form(request)
        await asyncio.to_thread(doors.access.sign_out, session_token(request))
        staff(request)
        answer = Redirect(LOGIN, status_code=303)
        answer.set_cookie(session_cookie(request, ""))
        return answer

"""Pages of the staff: who is signed in, the cookie that says so, and forms that only their own pages can send."""

from __future__ import annotations

import asyncio
import hmac
from datetime import UTC, datetime
from typing import Any

from litestar import Response
from litestar.datastructures import Cookie
from litestar.exceptions import PermissionDeniedException
from litestar.response import Redirect

from appliance.access import Right, Session, may
from appliance.store.access import SESSION_LASTS
from appliance.web.doors import Doors
from appliance.web.errors import AnyRequest
from appliance.web.forms import fields

_NAMES = ("__Host-session", "session")
_KEY = "staff_session"
LOGIN = "/admin/login"


def session_cookie(request: AnyRequest, token: str) -> Cookie:
    """The session's key. ``__Host-`` over TLS; inside a company the box may be reached by plain HTTP, where browsers drop Secure cookies."""
    secure = _secure(request)
    return Cookie(
        key=_NAMES[0] if secure else _NAMES[1],
        value=token,
        path="/",
        max_age=int(SESSION_LASTS.total_seconds()) if token else 0,
        httponly=True,
        secure=secure,
        samesite="lax",
    )


def session_token(request: AnyRequest) -> str:
    return next((request.cookies[name] for name in _NAMES if name in request.cookies), "")


async def signed_in(request: AnyRequest) -> Response[Any] | None:
    """Runs before each page of the staff: without a session the sign-in page is shown instead."""
    doors: Doors = request.app.state.doors
    session = await asyncio.to_thread(doors.access.session, session_token(request), now=datetime.now(UTC))
    if session is None:
        return Redirect(LOGIN, status_code=303)
    request.scope["state"][_KEY] = session
    return None


def staff(request: AnyRequest) -> Session:
    """Who is signed in; only behind ``signed_in``."""
    session: Session = request.scope["state"][_KEY]
    return session


def allowed(request: AnyRequest, right: Right) -> Session:
    """The signed-in person, when their role has that right. Raises 403."""
    session = staff(request)
    if not may(session.role, right):
        raise PermissionDeniedException(f"This page is not for the role {session.role}")
    return session


async def own_form(request: AnyRequest) -> dict[str, str]:
    """The fields of a form that one of this session's pages has sent. Raises 403."""
    given = await fields(request)
    if not hmac.compare_digest(given.get("csrf", "").encode(), staff(request).csrf.encode()):
        raise PermissionDeniedException("This form was not sent from its page. Open the page and send it from there")
    return given


def _secure(request: AnyRequest) -> bool:
    return request.headers.get("origin", "").startswith("https://")

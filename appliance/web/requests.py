"""Requests whose bodies may be anything that a stranger sends."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import SerializationException


class JsonRequest(Request[Any, Any, Any]):
    """Litestar expects only the decoder's own fault; bytes that are no UTF-8 and endless nesting raise others, which would be shown as ours (500)."""

    async def json(self) -> Any:
        try:
            return await super().json()
        except (UnicodeDecodeError, RecursionError) as error:
            raise SerializationException("The body is not valid JSON.") from error

"""The headers that every answer carries."""

from __future__ import annotations

from collections.abc import Sequence

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors {ancestors}"
)
_PERMISSIONS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()"
)

Headers = tuple[tuple[bytes, bytes], ...]


def page_headers() -> Headers:
    """For everything that nobody may put into a frame."""
    return _headers(ancestors="'none'", resource_policy="same-origin")


def embed_headers(allowed_origins: Sequence[str]) -> Headers:
    """For the widget's panel, which the listed origins (and our own) may put into a frame."""
    return _headers(ancestors=" ".join(("'self'", *allowed_origins)), resource_policy="cross-origin")


def widget_headers() -> Headers:
    """For the one script that foreign pages load."""
    return _headers(ancestors="'none'", resource_policy="cross-origin")


def _headers(*, ancestors: str, resource_policy: str) -> Headers:
    pairs = {
        "content-security-policy": CSP.format(ancestors=ancestors),
        "x-content-type-options": "nosniff",
        # not "no-referrer": that makes browsers send "Origin: null" with our own forms, and the origin check of forms needs the origin
        "referrer-policy": "same-origin",
        "permissions-policy": _PERMISSIONS,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": resource_policy,
    }
    if ancestors == "'none'":
        pairs["x-frame-options"] = "DENY"
    return tuple((name.encode(), value.encode()) for name, value in pairs.items())

"""One table from what can go wrong on the OpenAI wire to the two kinds of model fault.

No fault repeats what the server said: error bodies quote the request, and the request holds a customer's words.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from time import time

import openai

from models.errors import ModelFault, ModelRefused, ModelUnavailable

RETRIED_STATUS = (429, 503)
MAX_RETRY_AFTER_S = 5.0
"""Longer than this no customer waits: the next rung of the ladder is tried instead."""

_REFUSED = {
    400: "Check that the server supports structured output and that its --max-model-len holds the prompt (8192).",
    401: "Set the server's key in the file that [synthesis] api_key_file names.",
    403: "Set the server's key in the file that [synthesis] api_key_file names.",
    404: "Check [synthesis] base_url (it ends in /v1) and model: it must be the server's --served-model-name.",
    413: "Raise the server's request limit, or lower [retrieval] keep.",
    422: "Check that the server speaks the OpenAI chat API with structured output (vLLM 0.11 or newer).",
}
_LASTING = (401, 403, 404)
"""No key or no model: the next request fares no better. The others may be about one request alone, such as a prompt that is too long."""
_START = "Check that the model server runs and that [synthesis] base_url names it."


def fault_of(error: Exception, server: str) -> ModelFault:
    """The fault that ``error`` of the client stands for; ``server`` is the base URL."""
    if isinstance(error, openai.APIStatusError):
        return _status_fault(error.status_code, server)
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return ModelUnavailable(f"The model server {server} did not answer in time.", remedy=_START)
    if isinstance(error, openai.APIConnectionError):
        return ModelUnavailable(f"The connection to the model server {server} failed.", remedy=_START)
    return ModelUnavailable(f"The model server {server} answered with something that is not its protocol.")


def _status_fault(status: int, server: str) -> ModelFault:
    if status in _REFUSED:
        message = f"The model server {server} refused the request (HTTP {status})."
        return ModelRefused(message, remedy=_REFUSED[status], lasting=status in _LASTING)
    if status in RETRIED_STATUS:
        return ModelUnavailable(f"The model server {server} is overloaded or starting (HTTP {status}).")
    return ModelUnavailable(f"The model server {server} failed (HTTP {status}).", remedy="Its log says why.")


def retry_delay_s(error: Exception, attempt: int, *, first_s: float = 0.1) -> float | None:
    """Seconds to wait before the next try, or None where a further try is of no use.

    ``Retry-After`` (seconds or a date) is honoured up to ``MAX_RETRY_AFTER_S``; without one the wait doubles from
    ``first_s``. Time-outs are not tried again: the customer has waited once already.
    """
    if isinstance(error, openai.APIStatusError):
        if error.status_code not in RETRIED_STATUS:
            return None
        asked = _seconds(error.response.headers.get("retry-after", ""))
        if asked is not None:
            return asked if asked <= MAX_RETRY_AFTER_S else None
    elif not isinstance(error, openai.APIConnectionError) or isinstance(error, openai.APITimeoutError):
        return None
    return min(float(first_s * 2**attempt), MAX_RETRY_AFTER_S)


def _seconds(value: str) -> float | None:
    """A ``Retry-After`` value in seconds from now; None when there is none that can be read."""
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, OverflowError):
        return None

"""Faults of the appliance. Outcomes (handed over, refused) are values; these are raised only when something is wrong.

``code`` is stable and documented; ``remedy`` says what to do. ``appliance.web.errors`` has the one table from code to HTTP status.
"""

from __future__ import annotations

from pydantic import ValidationError


class ApplianceFault(Exception):
    """Something is wrong, and here is what to do about it."""

    code = "fault"
    transient = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ConfigInvalid(ApplianceFault):
    """A setting, profile or data file of ours cannot be used."""

    code = "config_invalid"


class InputInvalid(ApplianceFault):
    """What the caller sent cannot be processed as it is."""

    code = "input_invalid"


class InputTooLarge(InputInvalid):
    """The caller sent more than we accept."""

    code = "input_too_large"


class NotFound(ApplianceFault):
    """There is no such thing, or the caller may not see it: the two are not told apart."""

    code = "not_found"


class Unauthorized(ApplianceFault):
    """No key, or a key that does not fit."""

    code = "unauthorized"


class IdentityInvalid(Unauthorized):
    """A signed identity that does not hold. It is never taken for an anonymous visitor."""

    code = "identity_invalid"


class SignatureInvalid(ApplianceFault):
    """A webhook that does not prove where it comes from. Nothing of it was read."""

    code = "signature_invalid"


class Forbidden(ApplianceFault):
    """A key that is in force, but not for this."""

    code = "forbidden"


class KeyReused(ApplianceFault):
    """An Idempotency-Key came again with another request."""

    code = "idempotency_key_reused"


class Conflict(ApplianceFault):
    """The request contradicts what has happened already."""

    code = "conflict"


class CrmDown(ApplianceFault):
    """The CRM does not say who a customer is. Tickets go on without it; only somebody who asks for it alone is told so."""

    code = "crm_down"
    transient = True


class StorageFailed(ApplianceFault):
    """The disk is full, the database is locked or a file cannot be written. Nothing was acknowledged."""

    code = "storage_failed"
    transient = True


class OutgoingRefused(ApplianceFault):
    """An address that was configured may not be called: what it leads to is not allowed. Nothing was sent."""

    code = "outgoing_refused"


class OutgoingFailed(ApplianceFault):
    """A configured server could not be reached or broke off. ``sent``: whether it may have received the request all the same."""

    code = "outgoing_failed"
    transient = True

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message, remedy="Look at that server and the way to it; appliance doctor lists the addresses.")
        self.sent = sent


class LedgerBroken(ApplianceFault):
    """The egress ledger and its anchor do not fit each other, so nothing may be added, and nothing may leave."""

    code = "ledger_broken"


class DataTooNew(ApplianceFault):
    """The data directory was written by a newer version than this one."""

    code = "data_too_new"


class Busy(ApplianceFault):
    """More work is waiting than we can hold; nothing was accepted."""

    code = "overloaded"
    transient = True

    def __init__(self, message: str, *, retry_after_s: int = 2) -> None:
        super().__init__(message, remedy=f"Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class TooFast(ApplianceFault):
    """This one sender asks for more than its share, or strangers together do, whatever room there is for others; nothing was accepted."""

    code = "too_many_requests"
    transient = True

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message, remedy=f"Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


def explain(error: ValidationError) -> str:
    """A pydantic error in one line: key and reason, without the values (they may be secrets)."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'file'}: "
        f"{'unknown key' if item['type'] == 'extra_forbidden' else item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )

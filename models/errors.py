"""The two kinds of model fault, and the refusal of a full queue.

A fault is transient (trying again, or another rung, may help) or permanent (a person has to change something).
Each carries a stable ``code`` and a ``remedy``: what the reader should do.
"""

from __future__ import annotations


class ModelFault(Exception):
    """A model could not do its work."""

    code = "model_fault"
    transient = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ModelUnavailable(ModelFault):
    """Transient: a server is down, slow or answered with garbage."""

    code = "model_unavailable"
    transient = True


class ModelRefused(ModelFault):
    """Permanent: a weight file is missing, damaged or made for something else; a request is one the model can never serve.

    ``lasting``: so is every other request, until a person changes something; false where it is this one alone.
    """

    code = "model_refused"

    def __init__(self, message: str, *, remedy: str = "", lasting: bool = True) -> None:
        super().__init__(message, remedy=remedy)
        self.lasting = lasting


class Overloaded(ModelFault):
    """Transient: the bounded queue before a model is full. The caller sheds load instead of waiting."""

    code = "overloaded"
    transient = True

    def __init__(self, message: str, *, retry_after_s: int = 2) -> None:
        super().__init__(message, remedy=f"Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s

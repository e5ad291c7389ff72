"""The profile's tables ``[burst]``, ``[afterwards]`` and ``[mail]``: what is waited for before a reply, what is due after it, and how many mails a machine may send."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Burst(_Frozen):
    """Messages in quick succession, which one reply answers."""

    quiet_s: Annotated[float, Field(ge=0, le=30)] = 1.5
    """Who has only said hello is about to say more: so long it is waited for. 0: not at all."""


class Afterwards(_Frozen):
    """What is due some time after a reply. 0: never."""

    close_h: Annotated[float, Field(ge=0)] = 168.0
    """An answered conversation in which nobody has written since is closed; the next message opens it again."""
    remind_h: Annotated[float, Field(ge=0)] = 4.0
    """A conversation that was handed over and that nobody has answered since moves up in the queue, and whoever listens hears of it."""


class MailBudget(_Frozen):
    """Most automatic mails, acknowledgements and answers together. Beyond it nothing is sent, and a person has the ticket."""

    recipient_hour: Annotated[int, Field(ge=0)] = 5
    recipient_day: Annotated[int, Field(ge=0)] = 20
    all_hour: Annotated[int, Field(ge=0)] = 500
    """To everybody together: the breaker against a loop that nobody thought of."""

"""The profile's tables ``[burst]`` and ``[afterwards]``: what is waited for before a reply, and what is due after it."""

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

"""The journal of a run: what each station found out, so that a run that was broken off goes on where it stood.

``Journal`` is all that the line knows of it; ``appliance.line.durable`` writes one to a database.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from functools import cache
from typing import Any, Protocol, TypeVar, cast

from pydantic import TypeAdapter

from appliance.errors import ApplianceFault
from appliance.store.turns import MoreCame, Superseded
from kb.errors import KnowledgeFault
from models.errors import ModelFault, ModelRefused, ModelUnavailable, Overloaded

T = TypeVar("T")


class Journal(Protocol):
    """Notes the result of each station. A station that was noted before a crash is not asked again."""

    async def step(self, name: str, kind: type[T], work: Callable[[], Awaitable[T]]) -> T:
        """The result of ``work``, or what it was before. A fault of ``work`` is noted too, and raised again."""
        ...


class Unwritten:
    """No journal: evaluations and rehearsals, which nobody has to resume."""

    async def step(self, _name: str, _kind: type[T], work: Callable[[], Awaitable[T]]) -> T:
        return await work()


_EVENTS = {one.__name__: one for one in (Superseded, MoreCame)}
_FAULTS: dict[str, type[ModelFault] | type[KnowledgeFault] | type[ApplianceFault]] = {
    one.__name__: one for one in (ModelUnavailable, ModelRefused, Overloaded)
}


def note_fault(error: Exception) -> dict[str, str]:
    """A fault as JSON. Messages of our own faults are ours; those of anything else may quote the customer, and are left out."""
    ours = isinstance(error, ModelFault | KnowledgeFault | ApplianceFault)
    family = "model" if isinstance(error, ModelFault) else "knowledge" if isinstance(error, KnowledgeFault) else ""
    return {"fault": type(error).__name__, "family": family, "message": getattr(error, "message", "") if ours else ""}


def noted_fault(document: dict[str, str]) -> Exception:
    """The fault as it can be raised again: its kind decides what the runner does, so that is kept."""
    name, message = document["fault"], document["message"]
    if name in _EVENTS:
        return _EVENTS[name]()
    if document["family"] == "model":
        return cast("type[ModelFault]", _FAULTS.get(name, ModelFault))(message)
    if document["family"] == "knowledge":
        return KnowledgeFault(message)
    return RuntimeError(name)


def to_json(kind: type[T], value: T) -> Any:
    """A station's result as JSON values."""
    return _adapter(cast("Hashable", kind)).dump_python(value, mode="json")


def from_json(kind: type[T], document: Any) -> T:
    return cast("T", _adapter(cast("Hashable", kind)).validate_python(document))


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type[Any]", kind))

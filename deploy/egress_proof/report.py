"""The verdict, as JSON and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.egress_proof.events import Event, Seen
from deploy.egress_proof.sinkhole import END


@dataclass(frozen=True, slots=True)
class Outcome:
    """A chapter after it ran. ``left_running``: programs that it should have ended and did not."""

    name: str
    exit: int
    seconds: float
    seen: Seen
    signs: dict[str, bool]
    left_running: list[str]

    @property
    def is_control(self) -> bool:
        return bool(self.signs)

    @property
    def ok(self) -> bool:
        as_expected = all(self.signs.values()) if self.is_control else self.seen.nothing
        return self.exit == 0 and as_expected and not self.left_running


def whole(events: Sequence[Event]) -> dict[str, Any]:
    """Whether the capture had every frame that the interface counted: a packet that was missed would be no proof."""
    last = events[-1] if events and events[-1]["event"] == END else {}
    complete = bool(last) and last["lost"] == 0 and last["frames"] >= last["arrived"]
    return {"ok": complete, **{key: last.get(key) for key in ("frames", "arrived", "lost")}}


def document(outcomes: Sequence[Outcome], steps: Sequence[dict[str, Any]], capture: dict[str, Any]) -> dict[str, Any]:
    story = [one for one in outcomes if not one.is_control]
    ok = bool(story and steps) and capture["ok"] and all(one.ok for one in outcomes) and all(row["ok"] for row in steps)
    return {
        "ok": ok,
        "story": {
            "names": sum(one.seen.names.total() for one in story),
            "connections": sum(one.seen.connections.total() for one in story),
            "packets": sum(one.seen.packets.total() for one in story),
        },
        "capture": capture,
        "chapters": [
            {
                "name": one.name,
                "ok": one.ok,
                "exit": one.exit,
                "seconds": round(one.seconds, 1),
                "seen_as_required": one.signs,
                "left_running": one.left_running,
                **one.seen.document(),
            }
            for one in outcomes
        ],
        "steps": list(steps),
    }


def render(result: dict[str, Any]) -> str:
    """For people: what left, chapter by chapter, and the steps that failed."""
    lines = []
    for chapter in result["chapters"]:
        lines.append(f"{'ok  ' if chapter['ok'] else 'FAIL'} {chapter['name']} ({chapter['seconds']} s)")
        lines += [f"       name        {row['name']} {row['type']} x{row['count']}" for row in chapter["names"]]
        lines += [
            f"       connection  [{row['address']}]:{row['port']} {row['wanted']} x{row['count']}"
            for row in chapter["connections"]
        ]
        lines += [
            f"       packets     {row['protocol']} [{row['address']}]:{row['port']} x{row['count']}"
            for row in chapter["packets"]
        ]
        if not (chapter["names"] or chapter["connections"] or chapter["packets"]):
            lines.append("       nothing left the box")
        lines += [
            f"       {'seen    ' if was else 'NOT SEEN'}    {sign}" for sign, was in chapter["seen_as_required"].items()
        ]
        lines += [f"       STILL RUNNING {name}" for name in chapter["left_running"]]
    steps, capture, story = result["steps"], result["capture"], result["story"]
    failed = [row["step"] for row in steps if not row["ok"]]
    lines.append(f"steps: {len(steps)}, failed: {len(failed)}{' (' + ', '.join(failed) + ')' if failed else ''}")
    lines.append(
        f"capture: {capture['frames']} frames of {capture['arrived']} that the interface counted, {capture['lost']} lost"
    )
    lines.append(
        f"story: {story['names']} names, {story['connections']} connections, {story['packets']} packets left the box"
    )
    lines.append(f"zero egress: {'proved' if result['ok'] else 'NOT PROVED'}")
    return "\n".join(lines)

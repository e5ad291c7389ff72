"""``appliance handoffs``: the conversations that wait for a person, each with its note."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.panel import Panel

from appliance.cli.console import out, print_json
from appliance.cli.options import Data, Json, Settings, settings
from appliance.store.database import Database
from appliance.store.handoffs import Handoff, SqlHandoffs


def handoffs(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """What waits for a person, the most pressing first: what was asked, what was tried, and the next step."""
    database = Database(settings(config, data).database_url)
    try:
        waiting = SqlHandoffs(database).waiting(limit)
    finally:
        database.close()
    if json:
        print_json(waiting)
        return
    if not waiting:
        out.print("Nothing waits for a person.")
    for handoff in waiting:
        out.print(Panel(escape(_text(handoff)), title=f"{handoff.urgency} · {handoff.rule}", title_align="left"))


def _text(handoff: Handoff) -> str:
    note = handoff.note
    lines = [
        f"Asked:    {note.asked}",
        *(f"Tried:    {one}" for one in note.tried),
        f"Urgency:  {note.urgency} ({note.urgency_evidence})",
        f"Next:     {note.next_step}",
        f"Suggest:  {note.suggested_reply or '–'}",
        *(f"Hosted:   {name} wrote in an earlier reply, outside the building" for name in handoff.hosted),
        *(f"File:     {one.name} ({one.size:,} bytes, looks like {one.type})" for one in handoff.attachments),
        f"From:     {handoff.contact or 'unknown'} by {handoff.channel}, {handoff.created_at:%Y-%m-%d %H:%M} UTC, conversation {handoff.conversation_id}",
    ]
    return "\n".join(lines)

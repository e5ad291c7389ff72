"""Replies and notes out: parcels of kind ``desk``, each posted once as far as the desk can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from appliance.channels.carriers import Receipt, Undelivered
from appliance.channels.desks.adapter import Post
from appliance.channels.desks.caller import Caller, Sends
from appliance.channels.desks.registry import OpenDesk
from appliance.channels.desks.words import handoff_words, stopped_words
from appliance.desk_settings import DeskChange
from appliance.store.desk_tickets import Letter, SqlDeskTickets
from appliance.store.outbox import Parcel

WITHHELD = "withheld"
"""Receipt of a reply that was not posted because an agent had answered first."""
_GONE = "gone"


class DeskCarrier:
    kind = "desk"

    def __init__(self, desks: Mapping[str, OpenDesk], tickets: SqlDeskTickets, client: Sends) -> None:
        self._desks = desks
        self._tickets = tickets
        self._client = client

    async def look_up(self, parcel: Parcel) -> Receipt | None:
        """Only what was posted whole counts: an adapter changes the ticket first and writes last."""
        opened, letter = await self._prepared(parcel)
        if letter is None:
            return None
        call = Caller(opened, self._client)
        found = await opened.desk.find(call, opened.settings, _post(parcel, letter, opened))
        return None if found is None else Receipt(found)

    async def carry(self, parcel: Parcel) -> Receipt:
        opened, letter = await self._prepared(parcel)
        if letter is None:
            return Receipt(_GONE)
        if parcel.purpose == "reply" and letter.person_has_it:
            return Receipt(WITHHELD)
        call = Caller(opened, self._client)
        return Receipt(await opened.desk.post(call, opened.settings, _post(parcel, letter, opened)))

    async def _prepared(self, parcel: Parcel) -> tuple[OpenDesk, Letter | None]:
        opened = self._desks.get(parcel.target)
        if opened is None:
            raise Undelivered(f"No desk {parcel.target} is configured any more.", lasting=True)
        return opened, await asyncio.to_thread(self._tickets.letter, parcel)


def _post(parcel: Parcel, letter: Letter, opened: OpenDesk) -> Post:
    settings = opened.settings
    text, change = {
        "reply": (letter.text, settings.answered),
        "handoff": (handoff_words(letter.note), settings.hand_over),
        "stopped": (stopped_words(), settings.hand_over),
    }[parcel.purpose]
    if letter.person_has_it or (parcel.purpose == "reply" and letter.note is not None):
        change = (
            DeskChange()
        )  # nothing is taken out of a person's hands, and a note that follows says what becomes of the ticket
    return Post(
        key=parcel.id,
        ticket=letter.ticket,
        text=text,
        public=parcel.purpose == "reply",
        change=change,
        since=parcel.created_at,
    )

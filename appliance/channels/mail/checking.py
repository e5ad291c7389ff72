"""Tries a mailbox's servers as the appliance would use them, and says what is wrong with what to do. Nothing is read, marked or sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from appliance.channels.mail import smtp
from appliance.channels.mail.imap import imap
from appliance.errors import ApplianceFault
from appliance.mailbox_settings import Mailbox


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried. ``fix`` is what to do when it is not ``ok``."""

    mailbox: str
    what: str
    ok: bool
    detail: str
    fix: str = ""


def check_mailbox(mailbox: Mailbox) -> list[Tried]:
    """IMAP login, folders, IDLE and SMTP login. Blocks, and is bounded by the settings' time-outs. Not from within a running event loop."""
    return [*_imap(mailbox), _smtp(mailbox)]


def _imap(mailbox: Mailbox) -> list[Tried]:
    name, settings = mailbox.name, mailbox.imap
    needed = [settings.folder, settings.done_folder, mailbox.sent_folder if mailbox.look_up == "sent" else ""]
    try:
        with imap(mailbox) as box:
            box.select()
            there, idles = set(box.folders()), box.idles
    except ApplianceFault as fault:
        return [Tried(name, "imap", False, fault.message, fault.remedy)]
    detail = "IDLE: new mail is seen at once" if idles else f"no IDLE: asked every {settings.poll_s:.0f} s"
    missing = [folder for folder in needed if folder and folder.upper() != "INBOX" and folder not in there]
    return [
        Tried(name, "imap", True, f"logged in as {settings.user}, {settings.folder} can be read"),
        Tried(name, "idle", True, detail),
        Tried(
            name,
            "folders",
            not missing,
            f"missing: {', '.join(missing)}" if missing else "all there",
            "Make them on the server, or name others (imap.done_folder, sent_folder)." if missing else "",
        ),
    ]


def _smtp(mailbox: Mailbox) -> Tried:
    try:
        found = asyncio.run(smtp.check(mailbox))
    except ApplianceFault as fault:
        return Tried(mailbox.name, "smtp", False, fault.message, fault.remedy)
    return Tried(mailbox.name, "smtp", True, ", ".join(found))

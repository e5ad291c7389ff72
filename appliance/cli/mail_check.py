"""``appliance mail check``: can each mailbox be read, and its server be given mail?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from appliance.channels.mail.checking import check_mailbox
from appliance.cli.console import print_json, print_rows
from appliance.cli.options import Data, Json, Settings, settings


def check(*, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Try IMAP login, folders, IDLE and SMTP login of each mailbox. Nothing is read, marked or sent. Exit code 1 when something is not in order."""
    tried = [one for mailbox in settings(config, data).mailboxes for one in check_mailbox(mailbox)]
    if json:
        print_json([asdict(one) for one in tried])
    else:
        print_rows("Mailboxes", [{**asdict(one), "ok": "ok" if one.ok else "NOT OK"} for one in tried])
    if not all(one.ok for one in tried):
        raise typer.Exit(1)

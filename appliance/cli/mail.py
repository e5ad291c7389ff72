"""``appliance mail``: what a mail says, as the appliance reads it, and whether the mailboxes work. Nothing is stored, answered or sent."""

from __future__ import annotations

import json as js
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from glob import glob, has_magic
from pathlib import Path
from typing import Annotated

import typer

from appliance.channels.mail.child import MailParser
from appliance.channels.mail.parsed import ParsedMail, unparsed
from appliance.channels.mail.trust import trust_of
from appliance.cli.mail_check import check
from appliance.cli.options import Data, Json, Settings, settings
from appliance.mail_settings import Mail

app = typer.Typer(
    help="What mails say, as the appliance reads them, and whether the mailboxes work.", no_args_is_help=True
)

Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Mails, folders of mails, or patterns.", show_default=False)
]


app.command()(check)


@app.command()
def parse(files: Files, *, data: Data = None, config: Settings = None, json: Json = False) -> None:
    """Read mails in the capped child process: sender, text, attachments, whether a machine wrote it, and how far the sender is trusted.

    One object a file, in order; a file that cannot be read is one with "ok": false and a reason.
    """
    chosen = settings(config, data).mail
    rows = _rows(files, chosen)
    if json:
        _print_array(rows)
    else:
        for row in rows:
            _say(f"{row['path']}: {_told(row)}\n")


def _rows(files: list[str], mail: Mail) -> Iterator[dict[str, object]]:
    with MailParser(mail.parsing) as parser, ThreadPoolExecutor(mail.parsing.processes) as threads:
        yield from threads.map(lambda path: _row(path, parser, mail), _found(files))


def _found(files: list[str]) -> Iterator[Path]:
    """Files as they are given, those of folders in the order of their names, those of a pattern that the shell did not resolve."""
    for name in files:
        path = Path(name)
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file())
        elif has_magic(name) and not path.exists():
            matching = sorted(glob(name, recursive=True))  # noqa: PTH207 - a pattern may be absolute, which Path.glob refuses
            yield from map(Path, matching or [name])
        else:
            yield path


def _row(path: Path, parser: MailParser, rules: Mail) -> dict[str, object]:
    mail = _read(path, parser, rules.parsing.max_bytes)
    trust = trust_of(mail, rules.trust)
    return {
        "path": str(path),
        "ok": mail.ok,
        "reason": mail.reason,
        "subject": mail.subject,
        "from": mail.sender.email if mail.sender else "",
        "text": mail.text,
        "attachments": [
            {
                "name": one.name,
                "content_type": one.content_type,
                "size": one.size,
                "sha256": one.sha256,
                "kept": one.kept,
            }
            for one in mail.attachments
        ],
        "automatic": mail.automatic,
        "trust": trust.trust,
        "new_text": mail.new_text,
        "message_id": mail.message_id,
        "trust_rule": trust.rule,
        "flags": list(mail.flags),
    }


def _read(path: Path, parser: MailParser, most: int) -> ParsedMail:
    try:
        if not path.exists():
            return unparsed("file.missing")
        if not path.is_file():
            return unparsed("file.not_regular")
        with path.open("rb") as file:
            return parser.parse(file.read(most + 1))
    except (OSError, ValueError):  # ValueError: a name with a NUL byte
        return unparsed("file.unreadable")


def _print_array(rows: Iterator[dict[str, object]]) -> None:
    """One document, written as the mails are read: ten thousand of them are never held at once."""
    _say("[")
    for number, row in enumerate(rows):
        _say(",\n" if number else "\n")
        _say(js.dumps(row, ensure_ascii=False))
    _say("\n]\n")


def _told(row: dict[str, object]) -> str:
    if not row["ok"]:
        return f"not read, {row['reason']}"
    automatic = f", automatic ({row['automatic']})" if row["automatic"] else ""
    return f"from {row['from']}, trust {row['trust']}{automatic}: {row['subject']}"


def _say(text: str) -> None:
    """A name of a file may hold bytes that are no text."""
    sys.stdout.write(text.encode("utf-8", "replace").decode())

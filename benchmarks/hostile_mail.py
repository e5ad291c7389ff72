"""Hostile mail through the capped child process (R6): the mails of a folder, mutants of them, and a list of heavy ones.

``python -m benchmarks.hostile_mail --mails FOLDER [--count 10000] [--seed 1]``. Every file of the folder (licences and notes of sources apart) is a
mail. ``lost`` counts mails for which no value came back; ``unparsed`` those that go to a person with the raw file, by reason, as also do
mails without exactly one sender (``no_sender``). Seconds are of the clock and include the pipe; memory is the largest VmHWM of any child.
"""

from __future__ import annotations

import argparse
import base64
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.channels.mail.child import MailParser
from appliance.cli.console import err
from appliance.mail_settings import Parsing
from benchmarks.mail_mutants import mutants
from benchmarks.options import machine, show

_NO_MAIL = ("SOURCE", "LICEN", "MIT-LICENSE")
_HEAD = b"From: a@example.org\r\nTo: support@example.com\r\nSubject: heavy\r\nMIME-Version: 1.0\r\n"
_NO_SENDER = ("from.", "headers.missing", "mail.empty")


@dataclass
class Tally:
    """What became of the mails so far."""

    seconds: list[float] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    parsed: int = 0
    lost: int = 0
    largest_kib: int = 0

    def take(self, parser: MailParser, name: str, raw: bytes) -> None:
        begun = time.perf_counter()
        try:
            mail = parser.parse(raw)
        except Exception as error:  # a value must come back whatever the bytes are; this is what is counted here
            self.lost += 1
            err.print(f"{name}: {type(error).__name__}", markup=False)
            return
        took = time.perf_counter() - begun
        self.seconds.append(took)
        self.slowest = max(self.slowest, (took, name))
        self.parsed += mail.ok
        if mail.reason:
            self.reasons[mail.reason] += 1
        self.flags.update(mail.flags)
        self.largest_kib = max(self.largest_kib, *map(_peak_kib, _children()), 0)

    def told(self) -> dict[str, Any]:
        no_sender = sum(count for reason, count in self.reasons.items() if reason.startswith(_NO_SENDER))
        return {
            "n": len(self.seconds) + self.lost,
            "parsed": self.parsed,
            "no_sender": no_sender,
            "unparsed": sum(self.reasons.values()) - no_sender,
            "reasons": dict(self.reasons.most_common()),
            "flags": dict(self.flags.most_common()),
            "lost": self.lost,
            "p50_ms": round(statistics.median(self.seconds) * 1000, 2) if self.seconds else None,
            "slowest_s": round(self.slowest[0], 2),
            "slowest": self.slowest[1],
            "child_peak_mib": round(self.largest_kib / 1024, 1),
        }


def heavy() -> Iterator[tuple[str, bytes]]:
    """Mails that are dear to read: by size, by number of parts, by nesting, by what patterns and HTML readers find hard."""
    mixed = _HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    page = _HEAD + b"Content-Type: text/html\r\n\r\n"
    yield "50 MB of text", _HEAD + b"\r\n" + b"this is a long mail with many lines\r\n" * 1_350_000
    archive = base64.encodebytes(bytes(range(256)) * 145_000)
    yield (
        "50 MB attachment",
        mixed
        + b"--b\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + archive
        + b"--b--\r\n",
    )
    yield "500 parts", mixed + b"--b\r\n\r\nhi\r\n" * 500 + b"--b--"
    yield "12 million parts", mixed + b"--b\n" * 12_000_000
    yield (
        "3,000 levels",
        _HEAD
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3_000)),
    )
    yield "3 million headers", _HEAD + b"X: y\r\n" * 3_000_000
    yield "20 MB of NUL", b"\0" * 20_000_000
    yield (
        "a boundary of hyphens",
        _HEAD + b'Content-Type: multipart/mixed; boundary="' + b"-" * 70 + b'"\r\n\r\n' + b"-" * 20_000_000,
    )
    yield "32 MB of padding", _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QQ==" * 8_000_000
    yield "nested tables", page + b"<table><tr><td>" * 20_000
    yield "nested quotes", page + b"<blockquote>x" * 20_000
    yield "tags", page + b"<b>" * 300_000
    yield "quoted text without end", _HEAD + b"\r\n" + b"On On On wrote " * 70_000
    yield "comments in From", b"From: " + b"(" * 200_000 + b"a@example.org\r\n\r\n"
    yield "addresses in To", _HEAD + b"To: " + b"a@example.org," * 20_000 + b"\r\n\r\n"


def measure(folder: Path, count: int, seed: int, limits: Parsing) -> dict[str, Any]:
    files = sorted(one for one in folder.rglob("*") if one.is_file() and not one.name.startswith(_NO_MAIL))
    mails = [file.read_bytes() for file in files]
    if not mails:
        sys.exit(f"{folder} holds no mails")
    fixtures, changed, dear = Tally(), Tally(), Tally()
    with MailParser(limits) as parser:
        for file, raw in zip(files, mails, strict=True):
            fixtures.take(parser, str(file.relative_to(folder)), raw)
        for number, raw in enumerate(mutants(mails, count, seed)):
            changed.take(parser, f"mutant {number} of seed {seed}", raw)
            if number % 1_000 == 999:
                err.print(f"{number + 1} mutants …")
    for name, raw in heavy():
        with MailParser(limits) as parser:
            dear.take(parser, name, raw)
    return {"fixtures": fixtures.told(), "mutants": changed.told(), "heavy": dear.told()}


def _children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def _peak_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    limits = Parsing(processes=1)
    found = measure(given.mails, given.count, given.seed, limits)
    allowed = {"seconds": limits.seconds, "memory_mib": limits.memory_bytes // 1_048_576}
    show({**found, "limits": allowed, "seed": given.seed, "machine": machine()})


if __name__ == "__main__":
    main()

"""A throw-away Dovecot: IMAP (clear, STARTTLS and TLS) and LMTP on high ports of loopback, in a folder of its own, gone at the end.

Any name may log in with ``PASSWORD``, and has an empty mailbox of its own: each test takes a new name.
"""

from __future__ import annotations

import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Self

PASSWORD = "correct-horse"
_USER = "nobody"
"""Dovecot is to run as an ordinary user; containers often have no other account than root and this one."""
_CONF = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
auth_mechanisms = plain login
disable_plaintext_auth = {secure_only}
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
lmtp_save_to_detail_mailbox = no
recipient_delimiter = +
imap_idle_notify_interval = 2 mins
{more}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Handled {{
    auto = create
  }}
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  unix_listener stats-reader {{
  }}
  unix_listener stats-writer {{
  }}
}}
service imap {{
  unix_listener imap-master {{
  }}
}}
"""


def binary() -> Path | None:
    """Where Debian keeps it, or what PATH finds."""
    found = shutil.which("dovecot", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """(certificate, key) signed by itself, for ``name`` and nothing else."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
            "-keyout", str(key), "-out", str(cert),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return cert, key


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on just now."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Dovecot:
    """Runs while it is entered. ``more``: further lines of its configuration."""

    def __init__(self, program: Path, *, more: str = "", secure_only: bool = False) -> None:
        self._program = program
        self._more = more
        self._secure_only = secure_only
        self._names = count(1)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="dc-", dir="/tmp"))  # a socket's path has at most 107 bytes
        self.imap, self.imaps, self.lmtp = free_ports(3)
        root = os.geteuid() == 0
        account = pwd.getpwnam(_USER) if root else pwd.getpwuid(os.geteuid())
        group = subprocess.run(
            ["id", "-gn", account.pw_name], check=True, capture_output=True, text=True
        ).stdout.strip()
        self.certificate, _ = certificate(self.folder)
        (self.folder / "dovecot.conf").write_text(
            _CONF.format(
                folder=self.folder,
                user=account.pw_name,
                group=group,
                imap=self.imap,
                imaps=self.imaps,
                lmtp=self.lmtp,
                password=PASSWORD,
                more=self._more,
                secure_only="yes" if self._secure_only else "no",
            )
        )
        if root:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, account.pw_uid, account.pw_gid)
        self._account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if root else {}
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        with (self.folder / "stderr").open("wb") as said:
            self._process = subprocess.Popen(
                [str(self._program), "-F", "-c", str(self.folder / "dovecot.conf")],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={"PATH": f"{os.defpath}:/usr/sbin"},
                **self._account,
            )  # type: ignore[call-overload] # user and group only where they are needed
        for port in (self.imap, self.imaps, self.lmtp):
            self._wait(port)

    def stop(self) -> None:
        """As when the machine is switched off: connections end at once."""
        self._process.terminate()
        self._process.wait(10)

    def new_user(self) -> str:
        """A name nobody has used: an empty mailbox."""
        return f"user{next(self._names)}@desk.example"

    def deliver(self, user: str, raw: bytes, *, sender: str = "someone@customer.example") -> None:
        """Into the INBOX of ``user``, as the company's mail server would."""
        with smtplib.LMTP("127.0.0.1", self.lmtp, timeout=20) as lmtp:
            lmtp.sendmail(sender, [user], raw)

    def _wait(self, port: int) -> None:
        for _ in range(200):
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"Dovecot did not start: {self._said()}")

    def _said(self) -> str:
        return "\n".join(
            path.read_text(errors="replace")[-2000:]
            for name in ("stderr", "log")
            if (path := self.folder / name).exists()
        )

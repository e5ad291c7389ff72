"""A throw-away PostgreSQL: a folder of its own, a Unix socket in it, no network, gone at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Self

import psycopg

_USER = "nobody"
"""PostgreSQL refuses to run as root, and containers often have no other account."""


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs: from PATH, or where Debian keeps them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class Cluster:
    """Runs while it is entered."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._numbers = count(1)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path has at most 107 bytes
        if os.geteuid() == 0:
            shutil.chown(self.folder, _USER)
        self._run(
            "initdb", "--pgdata", "data", "--username", "test", "--auth", "trust", "--encoding", "UTF8", "--no-sync"
        )
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=100"
        self._run("pg_ctl", "--pgdata", "data", "--log", "log", "--options", options, "--wait", "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "--pgdata", "data", "--mode", "immediate", "stop")
        shutil.rmtree(self.folder)

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self._url("postgres", "postgresql"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name, "postgresql+psycopg")

    def _url(self, name: str, scheme: str) -> str:
        return f"{scheme}://test@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        account = {"user": _USER, "group": self.folder.stat().st_gid} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            check=False,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            **account,
        )  # type: ignore[call-overload] # user and group only where they are needed
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")

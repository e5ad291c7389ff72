"""A box or several on one database, a crowd that writes to them, and the world outside that is told."""

from __future__ import annotations

import base64
import os
import random
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.knowledge import open_knowledge
from appliance.stand_in import stand_in_models
from appliance.store.database import Database
from benchmarks.recovery.box import Box
from benchmarks.recovery.crowd import Log, Writer
from benchmarks.recovery.judge import judge, settled
from benchmarks.recovery.outside import Told, listening
from benchmarks.recovery.post import Post, post
from models.standin import StandInWarning

_SETTINGS = """
[server]
max_running = 2000
{database}
[models]
stand_in = true

[outgoing.allow_networks]
"127.0.0.1" = ["127.0.0.0/8"]

[[webhooks]]
name = "outside"
url = "http://127.0.0.1:{port}/"
events = ["message.received", "reply.sent", "conversation.handed_over"]
secret_file = "{secret}"

[openings]
per_client = 0
total = 0
form_per_client = 0
form_min_s = 0
repeats = 1000000
"""
SETTLE_S = 120.0


@dataclass
class Scene:
    """``url``: of the database. ``boxes``: replicas, the first of which is meant when one is asked for."""

    url: str
    boxes: list[Box]
    told: Told
    post: Post
    log: Log = field(default_factory=Log)
    seed: int = 1

    @property
    def box(self) -> Box:
        return self.boxes[0]

    def crowd(self, writers: int, *, over: threading.Event, rounds: int = 1) -> list[threading.Thread]:
        """Threads that write by all HTTP channels until they have done their rounds or it is over."""
        threads = []
        for _ in range(writers):
            self.seed += 1
            writer = Writer([box.port for box in self.boxes], self.log, self.seed, over.is_set)
            mail = partial(self.post.write, random.Random(self.seed))
            thread = threading.Thread(target=_write, args=(writer, mail, rounds, over), daemon=True)
            thread.start()
            threads.append(thread)
        return threads

    def crash(self, point: str, *, writers: int = 4, patience_s: float = 30.0) -> bool:
        """Start with a crash point, let people write, and start again once it has killed itself. False when the point was never reached."""
        over = threading.Event()
        self.box.start(point)
        threads = self.crowd(writers, over=over)
        reached = self.box.crashed(patience_s)
        if not reached:
            self.box.kill()
        self.box.start()
        for thread in threads:
            thread.join(60)
        over.set()
        return reached

    def settle(self) -> float | None:
        """Seconds until everything has come to rest; None when it does not."""
        return settled(self.url, patience_s=SETTLE_S, coming=lambda: self.post.waiting(self.url))

    def judge(self) -> dict[str, Any]:
        return judge(self.url, self.log.acknowledged, self.told) | self.post.judge(self.url)

    def stop(self) -> None:
        for box in self.boxes:
            box.stop()


def _write(writer: Writer, mail: Callable[[], None], rounds: int, over: threading.Event) -> None:
    for _ in range(rounds):
        if over.is_set():
            return
        mail()
        writer.chat(3)
        writer.first()
        writer.form()


def starter(folder: Path) -> Path:
    """A data directory with the starter articles, on stand-ins; copied for each scene."""
    data = folder / "starter"
    _fill(data, f"sqlite:///{data / 'appliance.db'}")
    return data


@contextmanager
def scene(folder: Path, start: Path, *, database_url: str = "", replicas: int = 1) -> Iterator[Scene]:
    """``database_url``: of an empty PostgreSQL database; empty: SQLite. Every process that is started is ended."""
    told = Told()
    with listening(told) as port, post(folder) as mail:
        boxes = [Box(_prepared(folder / f"box{n}", start, database_url, port, mail)) for n in range(replicas)]
        url = database_url or f"sqlite:///{boxes[0].data / 'appliance.db'}"
        if database_url:
            _fill(boxes[0].data, database_url)
        here = Scene(url, boxes, told, mail)
        try:
            yield here
        finally:
            here.stop()


def _prepared(data: Path, start: Path, database_url: str, port: int, mail: Post) -> Path:
    shutil.copytree(start, data)
    secret = data / "secret"
    secret.write_text(f"whsec_{base64.b64encode(os.urandom(32)).decode()}\n")
    database = f'[database]\nurl = "{database_url}"\n' if database_url else ""
    (data / "appliance.toml").write_text(_SETTINGS.format(database=database, port=port, secret=secret) + mail.settings)
    return data


def _fill(data: Path, database_url: str) -> None:
    """The articles' text belongs to the database; the index beside each box is made of the same articles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StandInWarning)
        encoder = stand_in_models().encoder
    with closing(Database(database_url)) as database:
        open_knowledge(Config(data=data), database, encoder).add_starter("saas")

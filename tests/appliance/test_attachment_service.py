"""Files on their way in and out: whole or not at all, in bounded number, and tidied up behind those who never sent them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.attachment import AttachmentLimits
from appliance.channels.attachments import Attachments, open_attachments
from appliance.config import Config
from appliance.doctor import Check, checks
from appliance.errors import Busy, InputInvalid, InputTooLarge, NotFound, StorageFailed, TooFast, Unauthorized
from appliance.store.attachment_files import AttachmentFiles
from appliance.store.attachments import SqlAttachments
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database

Now = Callable[[], datetime]
LIMITS = AttachmentLimits(max_bytes=300_000, max_uploads=3, max_uploads_each=2, keep_free_bytes=0)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path, attachments=LIMITS)


@pytest.fixture
def conversations(sqlite: Database, clock: Now) -> SqlConversations:
    made = SqlConversations(sqlite, limits=LIMITS)
    made.create(NewConversation("c1", "token", "chat"), now=clock())
    return made


@pytest.fixture
def attachments(config: Config, sqlite: Database, conversations: SqlConversations, clock: Now) -> Attachments:
    return open_attachments(config, sqlite, conversations, now=clock)


def look(config: Config) -> Check:
    return next(one for one in checks(config) if one.check == "attachments")


def left(config: Config) -> set[str]:
    return (
        {entry.name for entry in config.attachments_folder.iterdir()} if config.attachments_folder.exists() else set()
    )


async def content(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_many_small_pieces_become_one_file(attachments: Attachments, config: Config) -> None:
    kept = await attachments.upload("c1", "token", "a.txt", "text/plain", content(*[b"ab"] * 50_000))
    found, back = await attachments.download("c1", "token", kept.id)
    assert b"".join([block async for block in back]) == b"ab" * 50_000
    assert (found.size, left(config)) == (100_000, {kept.id})


async def test_a_sender_who_breaks_off_leaves_nothing(attachments: Attachments, config: Config) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield bytes(280_000)
        assert left(config)  # it has begun
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await attachments.upload("c1", "token", "a", "", cut())
    assert left(config) == set()


async def test_an_upload_that_is_cancelled_leaves_nothing(attachments: Attachments, config: Config) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(attachments.upload("c1", "token", "a", "", endless()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(config) == set()


async def test_what_the_database_refuses_leaves_no_file(attachments: Attachments, config: Config) -> None:
    for token, fault in (("wrong", NotFound), ("", Unauthorized)):
        with pytest.raises(fault):
            await attachments.upload("c1", token, "a", "", content(b"x"))
    with pytest.raises(InputTooLarge):
        await attachments.upload("c1", "token", "a", "", content(bytes(200_000), bytes(200_000)))
    tight = AttachmentLimits(max_bytes=300_000, max_bytes_per_day=10, keep_free_bytes=0)
    strict = open_attachments(
        config.model_copy(update={"attachments": tight}),
        attachments._rows._database,
        attachments._authority,
        now=attachments._now,
    )
    with pytest.raises(InputTooLarge, match="a day"):
        await strict.upload("c1", "token", "a", "", content(bytes(11)))
    assert left(config) == set()


def test_places_are_shared_out_and_given_back(attachments: Attachments) -> None:
    with attachments.place("a"), attachments.place("a"), pytest.raises(TooFast), attachments.place("a"):
        pass
    with attachments.place("a"), attachments.place("b"), attachments.place("c"):
        with pytest.raises(Busy) as refused, attachments.place("d"):
            pass
        assert refused.value.retry_after_s == 5
    for _ in range(5):
        with attachments.place("a"):
            pass
    assert not attachments._under_way


@pytest.mark.parametrize("none", [{"max_bytes": 0}, {"max_per_message": 0}])
async def test_where_no_files_are_taken_an_empty_one_is_not_either(
    config: Config, sqlite: Database, conversations: SqlConversations, clock: Now, none: dict[str, int]
) -> None:
    shut = config.model_copy(update={"attachments": AttachmentLimits(keep_free_bytes=0, **none)})
    door = open_attachments(shut, sqlite, conversations, now=clock)
    with pytest.raises(InputInvalid, match="No files"):
        await door.upload("c1", "token", "a", "", content())
    assert left(config) == set()


async def test_old_uploads_and_files_without_a_row_are_tidied_up_and_the_rest_stays(
    attachments: Attachments, conversations: SqlConversations, config: Config, clock: Now
) -> None:
    sent = await attachments.upload("c1", "token", "sent", "", content(b"sent"))
    conversations.accept("c1", "token", NewMessage("m1", "Hello", attachments=(sent.id,)), now=clock())
    await attachments.upload("c1", "token", "forgotten", "", content(b"forgotten"))
    for name in ("0" * 32, "1" * 32 + ".part"):
        (config.attachments_folder / name).write_bytes(b"of a process that was killed")
    long_ago = (clock() - timedelta(hours=25)).timestamp()
    for name in left(config):
        os.utime(config.attachments_folder / name, (long_ago, long_ago))
    clock.forward(hours=25)  # type: ignore[attr-defined] # the tests' own clock
    (config.attachments_folder / ("2" * 32)).write_bytes(b"young")
    now = clock().timestamp()
    os.utime(config.attachments_folder / ("2" * 32), (now, now))
    assert attachments.tidy() == 3
    assert left(config) == {sent.id, "2" * 32}
    assert attachments.tidy() == 0


async def test_the_sweep_goes_on_when_it_failed_once(
    config: Config, sqlite: Database, conversations: SqlConversations
) -> None:
    rounds = asyncio.Semaphore(0)

    async def pause(_seconds: float) -> None:
        rounds.release()
        await asyncio.sleep(0)

    times = iter([StorageFailed("locked")])

    def now() -> datetime:
        for fault in times:
            raise fault
        return datetime(2026, 6, 1, tzinfo=UTC)

    rows, files = SqlAttachments(sqlite), AttachmentFiles(config.attachments_folder, max_bytes=1)
    sweeping = asyncio.create_task(Attachments(rows, files, conversations, limits=LIMITS, now=now, pause=pause).sweep())
    for _ in range(3):
        await rounds.acquire()
    sweeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweeping


async def test_ready_and_doctor_notice_a_missing_file(attachments: Attachments, config: Config) -> None:
    kept = await attachments.upload("c1", "token", "a.txt", "", content(b"x"))
    assert attachments.check() == "1 files"
    assert (await asyncio.to_thread(look, config)).ok  # the doctor runs loops of its own
    (config.attachments_folder / kept.id).unlink()
    assert "1 of them missing" in attachments.check()
    found = await asyncio.to_thread(look, config)
    assert not found.ok
    assert kept.id in found.detail
    assert "backup" in found.fix
    with pytest.raises(NotFound, match="not on the disk"):
        await attachments.download("c1", "token", kept.id)


def test_a_folder_that_is_in_the_way_is_told(attachments: Attachments, config: Config) -> None:
    config.attachments_folder.write_text("no folder")
    with pytest.raises(StorageFailed, match="cannot be written"):
        attachments.check()
    assert not look(config).ok

"""Files on their way in and out: streamed to the disk and from it, with the caps kept while they arrive."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from appliance.attachment import Attachment, AttachmentLimits, StoredFile
from appliance.config import Config
from appliance.errors import ApplianceFault, Busy, InputInvalid, TooFast
from appliance.store.attachment_files import AttachmentFiles, Upload
from appliance.store.attachments import SqlAttachments
from appliance.store.database import Database

_log = logging.getLogger(__name__)
_BLOCK = 262_144
_SWEEP_S = 3_600.0
_SOON_S = 5


class Authority(Protocol):
    """Says whether a token is a conversation's. Raises ``Unauthorized`` or ``NotFound``; may block."""

    def authorize(self, conversation_id: str, token: str) -> None: ...


class Arriving:
    """A file while its bytes come in: written in pieces that are worth a thread's time, since clients may send a byte at a time."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._waiting = bytearray()

    async def write(self, piece: bytes) -> None:
        """Raises ``InputTooLarge`` beyond the cap, at the latest a block after it."""
        self._waiting += piece
        if len(self._waiting) >= _BLOCK:
            await self._flush()

    async def finish(self) -> StoredFile:
        await self._flush()
        return await asyncio.to_thread(self._upload.finish)

    async def discard(self) -> None:
        """Also when the task is being cancelled: the thread goes on by itself."""
        await asyncio.shield(asyncio.to_thread(self._upload.discard))

    async def _flush(self) -> None:
        block = bytes(self._waiting)
        self._waiting.clear()
        if block:
            await asyncio.to_thread(self._upload.write, block)


class Attachments:
    """The one door for files, whatever the channel."""

    def __init__(
        self,
        rows: SqlAttachments,
        files: AttachmentFiles,
        authority: Authority,
        *,
        limits: AttachmentLimits,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.limits = limits
        self._rows = rows
        self._files = files
        self._authority = authority
        self._now = now
        self._pause = pause
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A place for one request with files, while they arrive. Raises ``Busy`` when there is none, and ``TooFast`` when this client has its share:
        whoever sends a byte now and then would keep all others out."""
        if self._under_way[client] >= self.limits.max_uploads_each:
            raise TooFast("Your network has as many uploads under way as it may.", retry_after_s=_SOON_S)
        if self._under_way.total() >= self.limits.max_uploads:
            raise Busy("Many uploads are under way; more are not taken on just now.", retry_after_s=_SOON_S)
        self._under_way[client] += 1
        try:
            yield
        finally:
            self._under_way[client] -= 1
            self._under_way += Counter()  # drops those that have none

    async def begin(self, name: str, declared_type: str) -> Arriving:
        """A file that is about to arrive. Finish or discard it. Raises ``StorageFailed``."""
        if not self.limits.max_bytes or not self.limits.max_per_message:
            raise InputInvalid("No files are taken here.", remedy="Send the message without them.")
        return Arriving(await asyncio.to_thread(self._files.begin, name, declared_type))

    async def store(self, name: str, declared_type: str, content: AsyncIterator[bytes]) -> StoredFile:
        """The whole content on the disk, or nothing of it. Raises ``InputTooLarge``, ``StorageFailed`` and whatever ``content`` raises."""
        arriving = await self.begin(name, declared_type)
        try:
            async for piece in content:
                await arriving.write(piece)
            return await arriving.finish()
        except BaseException:
            await arriving.discard()
            raise

    async def upload(
        self, conversation_id: str, token: str, name: str, declared_type: str, content: AsyncIterator[bytes]
    ) -> Attachment:
        """A file for a message of this conversation that is still to come. Nothing is read before the token is known to be right."""
        await asyncio.to_thread(self._authority.authorize, conversation_id, token)
        file = await self.store(name, declared_type, content)
        try:
            return await asyncio.to_thread(self._rows.add, conversation_id, file, now=self._now())
        except ApplianceFault:
            await self.discard((file,))
            raise

    async def discard(self, files: Sequence[StoredFile]) -> None:
        """Remove files that no row knows: their message was refused, or was stored before."""
        for file in files:
            await asyncio.to_thread(self._files.remove, file.id)

    async def download(
        self, conversation_id: str, token: str, attachment_id: str
    ) -> tuple[Attachment, AsyncIterator[bytes]]:
        """A file and its content. The file is opened by whoever reads the content: a client that is gone before leaves nothing open."""
        await asyncio.to_thread(self._authority.authorize, conversation_id, token)
        found = await asyncio.to_thread(self._rows.get, conversation_id, attachment_id)
        (await asyncio.to_thread(self._files.open, found.id)).close()  # a missing file is told before the answer begins
        return found, self._content(found.id)

    async def _content(self, file_id: str) -> AsyncIterator[bytes]:
        with await asyncio.to_thread(self._files.open, file_id) as file:
            while block := await asyncio.to_thread(file.read, _BLOCK):
                yield block

    async def sweep(self) -> None:
        """Tidy up again and again, until cancelled."""
        while True:
            await self._pause(_SWEEP_S)
            try:
                await asyncio.to_thread(self.tidy)
            except (ApplianceFault, OSError) as fault:
                _log.warning("old uploads could not be removed: %s", type(fault).__name__)

    def tidy(self) -> int:
        """Remove what was uploaded and never sent, and files that no row knows, once they are old; returns how many. May block."""
        before = self._now() - timedelta(hours=self.limits.orphans_h)
        gone = set(self._rows.forget_orphans(before))
        known = self._rows.ids()
        gone |= {name for name in self._files.left_over(before.timestamp()) if name not in known}
        for name in gone:
            self._files.remove(name)
        return len(gone)

    def check(self) -> str:
        """How many there are, and how many of them have lost their file. Raises ``StorageFailed`` when the folder cannot be used. May block."""
        self._files.check()
        known = self._rows.ids()
        if missing := self._files.missing(known):
            return f"{len(known)} files, {len(missing)} of them missing on the disk (appliance doctor names them)"
        return f"{len(known)} files"


def open_attachments(
    config: Config, database: Database, authority: Authority, *, now: Callable[[], datetime]
) -> Attachments:
    limits = config.attachments
    files = AttachmentFiles(config.attachments_folder, max_bytes=limits.max_bytes, keep_free=limits.keep_free_bytes)
    return Attachments(SqlAttachments(database, limits), files, authority, limits=limits, now=now)

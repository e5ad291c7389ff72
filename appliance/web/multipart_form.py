"""Forms with files, as a browser sends them without JavaScript: fields stay in memory, files go to the disk while they arrive.

What is wrong with a file does not end the reading: the fields are needed to show the form again with all that was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from appliance.attachment import AttachmentLimits, StoredFile, display_name
from appliance.channels.attachments import Arriving, Attachments
from appliance.errors import ApplianceFault, InputInvalid, InputTooLarge
from appliance.store.attachments import check_count
from appliance.web.errors import AnyRequest
from appliance.web.uploads import deadline, pieces

MAX_FIELDS = 20
_READ_ON = 4
"""Files that are too large are read on (and dropped) up to this many times the cap: a browser that is cut off in the middle shows nothing at all."""


@dataclass(frozen=True, slots=True)
class SentForm:
    """``files`` are on the disk and have no row yet. ``fault``: why they were dropped; then there are none. ``names``: of all that were chosen."""

    fields: dict[str, str]
    files: tuple[StoredFile, ...] = ()
    fault: ApplianceFault | None = None
    names: tuple[str, ...] = ()


Keep = Callable[[Mapping[str, str]], bool]
"""Whether files are worth keeping, by the fields that came before the first of them."""


async def read_multipart(
    request: AnyRequest,
    attachments: Attachments,
    client: str,
    *,
    max_field_bytes: int,
    keep: Keep = lambda _fields: True,
) -> SentForm:
    """Raises ``InputTooLarge`` and ``InputInvalid`` for what is no form; nothing is left on the disk then. Files that ``keep`` does not want never reach the disk."""
    limits = attachments.limits
    reading = _Reading(attachments, client, limits, max_field_bytes, keep=keep)
    most = _READ_ON * limits.max_bytes * max(limits.max_per_message, 1) + max_field_bytes
    try:
        async with deadline(limits.upload_timeout_s):
            await _parse(request, reading, most)
    except BaseException:
        await reading.drop()
        raise
    finally:
        reading.place.close()
    if reading.fault is not None:
        await reading.drop()
        return SentForm(reading.fields, (), reading.fault, tuple(reading.names))
    return SentForm(reading.fields, tuple(reading.files), None, tuple(reading.names))


async def _parse(request: AnyRequest, reading: _Reading, most: int) -> None:
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get("boundary", "")
    if not 1 <= len(boundary) <= 200:
        raise InputInvalid("The form cannot be read.", remedy="Send it from its page.")
    try:
        parser = PushMultipartParser(boundary, max_segment_count=MAX_FIELDS + 50, max_header_size=4_096, strict=True)
        async for piece in pieces(request, most=most):
            if not piece or parser.closed:
                continue
            for event in parser.parse(piece):
                await reading.take(event)
        parser.close()
    except ParserLimitReached as error:
        raise InputTooLarge("The form has too many parts.", remedy="Send it from its page.") from error
    except MultipartError as error:
        raise InputInvalid("The form cannot be read.", remedy="Send it from its page.") from error


@dataclass
class _Reading:
    attachments: Attachments
    client: str
    limits: AttachmentLimits
    max_field_bytes: int
    keep: Keep
    fields: dict[str, str] = field(default_factory=dict)
    files: list[StoredFile] = field(default_factory=list)
    fault: ApplianceFault | None = None
    part: MultipartSegment | None = None
    value: bytearray = field(default_factory=bytearray)
    file: Arriving | None = None
    field_bytes: int = 0
    names: list[str] = field(default_factory=list)
    wanted: bool | None = None
    placed: bool = False
    place: ExitStack = field(default_factory=ExitStack)
    """Taken with the first file: a form without any needs none."""

    async def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """The next thing that the parser has found: a part's head, a piece of its body, or its end."""
        if isinstance(event, MultipartSegment):
            self.part, self.value = event, bytearray()
            self._head(event)
        elif event is None:
            await self._end()
        elif self.part is not None and self.part.filename is not None:
            await self._file_piece(self.part, bytes(event))
        else:
            self._count(len(event))
            self.value += event

    async def drop(self) -> None:
        """Leave nothing on the disk."""
        if self.file is not None:
            await self.file.discard()
            self.file = None
        await self.attachments.discard(self.files)
        self.files.clear()

    def _count(self, size: int) -> None:
        self.field_bytes += size
        if self.field_bytes > self.max_field_bytes:
            raise InputTooLarge("The form holds more text than is read.", remedy="Shorten it to what matters.")

    def _head(self, part: MultipartSegment) -> None:
        self._count(len(part.name or ""))
        if not part.filename:  # a field, or a choice of files that was left empty
            return
        self._count(len(part.filename))
        self.names.append(display_name(part.filename))
        if self.wanted is None:
            self.wanted = self.keep(self.fields)

    async def _file_piece(self, part: MultipartSegment, piece: bytes) -> None:
        if self.fault is not None or not self.wanted:
            return
        try:
            if self.file is None:
                self.file = await self._begin(part)
            await self.file.write(piece)
        except ApplianceFault as fault:
            await self._gone_wrong(fault)

    async def _begin(self, part: MultipartSegment) -> Arriving:
        check_count(len(self.names), self.limits)
        if not self.placed:
            self.place.enter_context(self.attachments.place(self.client))
            self.placed = True
        return await self.attachments.begin(part.filename or "", part.content_type or "")

    async def _end(self) -> None:
        part, self.part = self.part, None
        if part is None:
            return
        if part.filename is None:
            self._field(part.name or "")
        elif part.filename and self.wanted and self.fault is None:
            try:
                file = self.file or await self._begin(part)
                self.file = file
                self.files.append(await file.finish())
                self.file = None
            except ApplianceFault as fault:
                await self._gone_wrong(fault)

    def _field(self, name: str) -> None:
        if len(self.fields) >= MAX_FIELDS and name not in self.fields:
            raise InputTooLarge("The form has too many parts.", remedy="Send it from its page.")
        try:
            self.fields[name] = self.value.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise InputInvalid("The form cannot be read.", remedy="Send it from its page.") from error

    async def _gone_wrong(self, fault: ApplianceFault) -> None:
        self.fault = fault
        if self.file is not None:
            await self.file.discard()
            self.file = None

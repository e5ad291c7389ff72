"""The files of a mail on the disk: once for each mail, however often its taking in has to be tried again."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.attachment import StoredFile
from appliance.channels.mail.attachments import content
from appliance.channels.mail.parsed import ParsedMail
from appliance.store.attachment_files import AttachmentFiles


class KeptFiles:
    """Of one mailbox, for one mail at a time. Everything may block, and raises ``StorageFailed``."""

    def __init__(self, files: AttachmentFiles) -> None:
        self._files = files
        self._kept: dict[tuple[str, str], tuple[StoredFile, ...]] = {}

    def attachments(self, mail_id: str, raw: bytes, parsed: ParsedMail) -> tuple[StoredFile, ...]:
        """The limits were those of ``mail.parsing``."""
        return self._once(
            (mail_id, "attachments"),
            (
                self._files.keep(one.name, one.content_type, content(raw, one), max_bytes=max(one.size, 1))
                for one in parsed.attachments
                if one.kept
            ),
        )

    def whole(self, mail_id: str, raw: bytes) -> tuple[StoredFile, ...]:
        """The mail itself as one file."""
        return self._once(
            (mail_id, "whole"),
            (self._files.keep("mail.eml", "message/rfc822", one, max_bytes=len(one)) for one in (raw,)),
        )

    def forget(self, mail_id: str) -> None:
        """It has been dealt with: its files have their rows."""
        for what in ("attachments", "whole"):
            self._kept.pop((mail_id, what), None)

    def _once(self, key: tuple[str, str], keeping: Iterator[StoredFile]) -> tuple[StoredFile, ...]:
        """``keeping`` writes a file at each step; no step is taken when the files of an earlier try are still there."""
        earlier = self._kept.get(key)
        if earlier is not None and all(self._files.renew(file.id) for file in earlier):
            return earlier
        kept: list[StoredFile] = []
        try:
            kept.extend(keeping)
        except BaseException:
            for file in kept:
                self._files.remove(file.id)
            raise
        self._kept[key] = tuple(kept)
        return self._kept[key]

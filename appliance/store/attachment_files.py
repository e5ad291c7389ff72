"""The bytes of attachments: one file each, named by 128 random bits, readable by this user alone, in no folder that is served.

A file is whole and on the disk before anybody is told of it: it grows under another name, is flushed, and then gets its own.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from appliance.attachment import HEAD_BYTES, StoredFile, display_name, file_size, media_type, sniff
from appliance.errors import InputTooLarge, NotFound, StorageFailed

_GROWING = ".part"


class AttachmentFiles:
    """A folder of files. ``new_id`` gives 128 random bits in hexadecimal; everything here may block.

    ``keep_free``: bytes of the disk that attachments never take, since messages need them more.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        keep_free: int = 0,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._keep_free = keep_free
        self._new_id = new_id

    def begin(self, name: str, declared_type: str, *, max_bytes: int | None = None) -> Upload:
        """A new file to write into; nothing of it is left unless it is finished. ``max_bytes``: another cap than the folder's."""
        most = self._max_bytes if max_bytes is None else max_bytes
        with _named():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if shutil.disk_usage(self.folder).free < self._keep_free + most:
                raise StorageFailed(
                    "The disk has no room for attachments.", remedy="Free space, or lower attachments.keep_free_bytes."
                )
            return Upload(self.folder, self._new_id(), name, declared_type, most)

    def keep(self, name: str, declared_type: str, content: bytes, *, max_bytes: int | None = None) -> StoredFile:
        """A file whose content is at hand already. Raises ``InputTooLarge``."""
        upload = self.begin(name, declared_type, max_bytes=max_bytes)
        try:
            upload.write(content)
            return upload.finish()
        except BaseException:
            upload.discard()
            raise

    def open(self, file_id: str) -> BinaryIO:
        try:
            return (self.folder / file_id).open("rb")
        except FileNotFoundError as error:
            raise NotFound(
                "This attachment is not on the disk any more.", remedy="Restore the folder attachments from a backup."
            ) from error
        except OSError as error:
            raise _failed(error) from error

    def renew(self, file_id: str) -> bool:
        """Is it still there? Then it counts as written just now, and no sweep takes it for left over."""
        try:
            os.utime(self.folder / file_id)
        except OSError:
            return False
        return True

    def remove(self, file_id: str) -> None:
        with suppress(FileNotFoundError):
            (self.folder / file_id).unlink()

    def present(self) -> set[str]:
        """Ids of the whole files."""
        with suppress(FileNotFoundError):
            return {entry.name for entry in os.scandir(self.folder) if not entry.name.endswith(_GROWING)}
        return set()

    def check(self) -> None:
        """Raises ``StorageFailed`` when a file could not be made now."""
        place = (
            self.folder if self.folder.exists() else next(one for one in self.folder.absolute().parents if one.exists())
        )
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise StorageFailed(
                f"{place} cannot be written by this user.", remedy=f"Give this user write access to {place}."
            )

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Of these, the ones that are not on the disk."""
        return sorted(set(ids) - self.present())

    def left_over(self, before: float) -> list[str]:
        """Names of files that nobody has written to since ``before`` (seconds since the epoch): cut uploads, and whole files whose row may be missing."""
        with suppress(FileNotFoundError):
            return [entry.name for entry in os.scandir(self.folder) if _age(entry) < before]
        return []


class Upload:
    """A file that grows. ``write`` raises ``InputTooLarge`` beyond the cap; then, as after any fault, ``discard`` it."""

    def __init__(self, folder: Path, file_id: str, name: str, declared_type: str, max_bytes: int) -> None:
        self._folder = folder
        self._id = file_id
        self._name = name
        self._declared = declared_type
        self._max = max_bytes
        self._growing = folder / f"{file_id}{_GROWING}"
        self._hash = hashlib.sha256()
        self._head = b""
        self._size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._growing, flags, 0o600), "wb", buffering=0)

    def write(self, chunk: bytes) -> None:
        if self._size + len(chunk) > self._max:
            raise InputTooLarge(
                f"A file may have at most {file_size(self._max)}.", remedy="Send a smaller one, or a part of it."
            )
        with _named():
            self._file.write(chunk)
        self._size += len(chunk)
        self._hash.update(chunk)
        if len(self._head) < HEAD_BYTES:
            self._head = (self._head + chunk)[:HEAD_BYTES]

    def finish(self) -> StoredFile:
        """Flushed to the disk under its own name when this returns."""
        with _named():
            os.fsync(self._file.fileno())
            self._file.close()
            self._growing.rename(self._folder / self._id)
            _flush(self._folder)
        return StoredFile(
            id=self._id,
            name=display_name(self._name),
            declared_type=media_type(self._declared),
            sniffed_type=sniff(self._head),
            size=self._size,
            sha256=self._hash.hexdigest(),
        )

    def discard(self) -> None:
        self._file.close()
        for path in (self._growing, self._folder / self._id):
            with suppress(
                OSError
            ):  # what cannot be removed now is swept later; the fault that led here is the one to tell
                path.unlink()


def _flush(folder: Path) -> None:
    """A new name is safe only when its folder is on the disk too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _age(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:  # somebody has finished or removed it meanwhile
        return float("inf")


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _failed(error) from error


def _failed(error: OSError) -> StorageFailed:
    return StorageFailed(
        f"The folder of attachments cannot be used: {error.strerror or error}.",
        remedy="Free space, and check that this user may write there.",
    )

"""Attachments: the bytes on disk, their rows on both engines, and whose they are."""

from __future__ import annotations

import os
import stat
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from appliance.attachment import AttachmentLimits, StoredFile
from appliance.errors import Conflict, InputTooLarge, NotFound, StorageFailed
from appliance.store.attachment_files import AttachmentFiles
from appliance.store.attachment_table import AttachmentRow
from appliance.store.attachments import SqlAttachments
from appliance.store.conversations import NewConversation, NewMessage, SqlConversations
from appliance.store.database import Database
from appliance.store.tables import MessageRow

Now = Callable[[], datetime]
LIMITS = AttachmentLimits(max_bytes=1_000, max_bytes_per_day=2_500, max_files_per_day=4)


@pytest.fixture
def files(tmp_path: Path) -> AttachmentFiles:
    return AttachmentFiles(tmp_path / "attachments", max_bytes=LIMITS.max_bytes)


@pytest.fixture
def attachments(database: Database) -> SqlAttachments:
    return SqlAttachments(database, LIMITS)


@pytest.fixture
def conversations(database: Database, clock: Now) -> SqlConversations:
    made = SqlConversations(database, limits=LIMITS)
    for name in ("c1", "c2"):
        made.create(NewConversation(name, f"token-{name}", "chat"), now=clock())
    return made


def test_a_file_is_private_and_named_by_nothing_of_the_senders(files: AttachmentFiles) -> None:
    kept = files.keep("../../etc/passwd", "Text/Plain; charset=x", b"hello")
    path = files.folder / kept.id
    assert [entry.name for entry in files.folder.iterdir()] == [kept.id]
    assert len(bytes.fromhex(kept.id)) == 16
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
    assert (kept.name, kept.declared_type, kept.sniffed_type, kept.size) == ("passwd", "text/plain", "text/plain", 5)
    with files.open(kept.id) as content:
        assert content.read() == b"hello"


def test_what_is_larger_than_the_cap_leaves_nothing(files: AttachmentFiles) -> None:
    with pytest.raises(InputTooLarge, match="1 kB"):
        files.keep("a.bin", "", b"x" * 1_001)
    assert list(files.folder.iterdir()) == []
    files.keep("a.bin", "", b"x" * 1_000)


def test_an_upload_that_is_cut_leaves_nothing_under_its_name(files: AttachmentFiles) -> None:
    upload = files.begin("a.bin", "")
    upload.write(b"half")
    assert files.present() == set()
    upload.discard()
    assert list(files.folder.iterdir()) == []


def test_a_disk_without_room_takes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="no room"):
        AttachmentFiles(tmp_path, max_bytes=10, keep_free=2**62).keep("a", "", b"x")


def test_a_folder_that_cannot_be_written_is_a_named_fault(tmp_path: Path) -> None:
    (tmp_path / "attachments").write_text("in the way")
    with pytest.raises(StorageFailed):
        AttachmentFiles(tmp_path / "attachments", max_bytes=10).keep("a", "", b"x")


def test_a_zip_bomb_is_only_bytes(tmp_path: Path) -> None:
    """A gigabyte of zeros, packed a thousandfold: what it would become is nobody's business."""
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(1_000)) + packer.flush()
    folder = AttachmentFiles(tmp_path, max_bytes=10_000_000)
    tracemalloc.start()
    upload = folder.begin("bomb.zip", "application/zip")
    for start in range(0, len(bomb), 65_536):
        upload.write(bomb[start : start + 65_536])
    kept = upload.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept.size == len(bomb) == (tmp_path / kept.id).stat().st_size
    assert peak < 1_000_000


def test_an_upload_waits_for_its_message_and_is_then_part_of_it(
    conversations: SqlConversations, attachments: SqlAttachments, files: AttachmentFiles, clock: Now
) -> None:
    first = attachments.add("c1", files.keep("one.txt", "text/plain", b"one"), now=clock())
    assert (first.message_id, first.state) == (None, "uploaded")
    assert conversations.view("c1", "token-c1").messages == ()
    new = NewMessage("m1", "See the files.", attachments=(first.id,), files=(files.keep("two.txt", "", b"two"),))
    conversations.accept("c1", "token-c1", new, now=clock())
    assert [(one.message_id, one.state) for one in attachments.of("c1")] == [("m1", "bound")] * 2
    [message] = conversations.view("c1", "token-c1").messages
    assert [(one.name, one.type, one.size) for one in message.attachments] == [
        ("one.txt", "text/plain", 3),
        ("two.txt", "text/plain", 3),
    ]


def test_a_first_message_and_its_files_are_stored_together_or_not_at_all(
    conversations: SqlConversations, attachments: SqlAttachments, files: AttachmentFiles, clock: Now, database: Database
) -> None:
    small = files.keep("a.txt", "", b"a")
    conversations.create(
        NewConversation("c3", "token-c3", "form"), now=clock(), first=NewMessage("m1", "Hello", files=(small,))
    )
    assert [one.id for one in attachments.of("c3")] == [small.id]
    heavy = tuple(files.keep("b.bin", "", b"x" * 1_000) for _ in range(3))
    with pytest.raises(InputTooLarge, match=r"2\.5 kB"):
        conversations.create(
            NewConversation("c4", "token-c4", "form"), now=clock(), first=NewMessage("m2", "Hello", files=heavy)
        )
    with pytest.raises(NotFound):
        conversations.view("c4", "token-c4")
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(MessageRow).where(MessageRow.id == "m2")) == 0
        assert session.scalar(select(func.count()).select_from(AttachmentRow)) == 1


@pytest.mark.parametrize("foreign", ["theirs", "nothing", "a\x00b", "../../etc/passwd", "x" * 5_000, ""])
def test_a_foreign_id_is_refused_like_one_that_never_was(
    conversations: SqlConversations, attachments: SqlAttachments, files: AttachmentFiles, clock: Now, foreign: str
) -> None:
    theirs = attachments.add("c2", files.keep("theirs.txt", "", b"secret"), now=clock())
    chosen = theirs.id if foreign == "theirs" else foreign
    with pytest.raises(NotFound) as refused:
        attachments.get("c1", chosen)
    with pytest.raises(NotFound) as again:
        conversations.accept("c1", "token-c1", NewMessage("m1", "Mine!", attachments=(chosen,)), now=clock())
    assert str(refused.value) == str(again.value)
    assert conversations.view("c1", "token-c1").messages == ()
    assert attachments.get("c2", theirs.id).state == "uploaded"


def test_an_upload_goes_with_one_message_only(
    conversations: SqlConversations, attachments: SqlAttachments, files: AttachmentFiles, clock: Now
) -> None:
    one = attachments.add("c1", files.keep("a.txt", "", b"a"), now=clock())
    conversations.accept("c1", "token-c1", NewMessage("m1", "First", attachments=(one.id,)), now=clock())
    with pytest.raises(Conflict, match="already"):
        conversations.accept("c1", "token-c1", NewMessage("m2", "Second", attachments=(one.id,)), now=clock())


def test_the_same_key_with_other_files_is_a_conflict(
    conversations: SqlConversations, attachments: SqlAttachments, files: AttachmentFiles, clock: Now
) -> None:
    def send(message_id: str, *brought: StoredFile, ids: tuple[str, ...] = ()) -> bool:
        new = NewMessage(message_id, "Hello", "key", attachments=ids, files=brought)
        return conversations.accept("c1", "token-c1", new, now=clock()).again

    up = attachments.add("c1", files.keep("up.txt", "", b"up"), now=clock())
    assert not send("m1", files.keep("a.txt", "", b"a"), ids=(up.id,))
    assert send("m2", files.keep("a.txt", "", b"a"), ids=(up.id,))
    for other in ((), (files.keep("a.txt", "", b"b"),), (files.keep("a.txt", "", b"a"),) * 2):
        with pytest.raises(Conflict, match="other files"):
            send("m3", *other, ids=(up.id,))
    with pytest.raises(Conflict, match="other files"):
        send("m4", files.keep("a.txt", "", b"a"))
    assert len(attachments.of("c1")) == 2


def test_a_conversation_has_a_cap_for_the_day_and_another_day_another(
    conversations: SqlConversations, attachments: SqlAttachments, files: AttachmentFiles, clock: Now
) -> None:
    for _ in range(2):
        attachments.add("c1", files.keep("a.bin", "", b"x" * 1_000), now=clock())
    with pytest.raises(InputTooLarge, match="a day"):
        attachments.add("c1", files.keep("a.bin", "", b"x" * 600), now=clock())
    for _ in range(2):
        attachments.add("c1", files.keep("empty", "", b""), now=clock())
    with pytest.raises(InputTooLarge, match="4 files a day"):
        attachments.add("c1", files.keep("empty", "", b""), now=clock())
    attachments.add("c2", files.keep("a.bin", "", b"x" * 1_000), now=clock())
    attachments.add("c1", files.keep("a.bin", "", b"x" * 1_000), now=clock() + timedelta(hours=25))


def test_what_was_never_sent_is_forgotten_and_what_was_sent_stays(
    conversations: SqlConversations, attachments: SqlAttachments, files: AttachmentFiles, clock: Now
) -> None:
    sent = attachments.add("c1", files.keep("sent.txt", "", b"a"), now=clock())
    old = attachments.add("c1", files.keep("old.txt", "", b"b"), now=clock())
    conversations.accept("c1", "token-c1", NewMessage("m1", "Hello", attachments=(sent.id,)), now=clock())
    young = attachments.add("c1", files.keep("young.txt", "", b"c"), now=clock() + timedelta(hours=23))
    assert attachments.forget_orphans(clock() + timedelta(hours=22)) == [old.id]
    assert attachments.ids() == {sent.id, young.id}


def test_names_types_and_sizes_come_back_as_they_were(
    conversations: SqlConversations, attachments: SqlAttachments, files: AttachmentFiles, clock: Now
) -> None:
    kept = attachments.add("c1", files.keep("日" * 500 + ".pdf", "application/pdf", b"%PDF-1.7"), now=clock())
    assert attachments.get("c1", kept.id) == kept
    assert len(kept.name) == 200


def test_files_that_nobody_writes_to_are_told(files: AttachmentFiles) -> None:
    cut = files.begin("cut.bin", "")
    cut.write(b"x")
    whole = files.keep("a.txt", "", b"a")
    os.utime(files.folder / whole.id, (1_000, 1_000))
    assert files.left_over(2_000) == [whole.id]
    assert len(files.left_over(float("inf"))) == 2
    assert files.present() == {whole.id}
    cut.discard()

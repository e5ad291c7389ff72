"""Imports: idempotent, complete, all at once, one at a time, and mended after a crash."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from shelf import Shelf, WordEncoder

from kb.article import Article, Visibility
from kb.errors import ImportBusy, IndexMismatch, IndexUnavailable
from kb.ingest import Stage, check_level, import_articles, rebuild, remove
from kb.search import Search
from kb.store import LanceIndex
from models.roles import Matrix


def found(index: LanceIndex, shelf: Shelf, encoder: WordEncoder, who: Visibility, question: str) -> list[str]:
    candidates = Search(index, shelf).find(question, encoder.encode([question])[0], who)
    return [candidate.passage.article_id for candidate in candidates]


def test_a_second_import_changes_nothing(folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder) -> None:
    first = import_articles([folder], shelf, index, encoder)
    assert (first.added, first.updated, first.unchanged, first.removed, first.passages) == (3, 0, 0, 0, 4)
    second = import_articles([folder], shelf, index, encoder)
    assert (second.added, second.updated, second.unchanged, second.removed, second.passages) == (0, 0, 3, 0, 0)
    assert encoder.calls == 4 + 3, "each passage and each title once"


def test_only_what_changed_is_encoded(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    path = folder / "billing" / "refunds.md"
    path.write_text(path.read_text().replace("10 business days", "12 business days"))
    report = import_articles([folder], shelf, index, encoder)
    assert (report.updated, report.unchanged, report.passages) == (1, 2, 1)
    (candidate, *_) = Search(index, shelf).find("refunds", encoder.encode(["refunds annual plans"])[0], anyone)
    assert "12 business days" in candidate.passage.text


def test_a_shorter_article_leaves_no_passages_behind(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    import_articles([folder], shelf, index, encoder)
    (folder / "reset-password.md").write_text("# How to reset your password\n\nAsk us.")
    import_articles([folder], shelf, index, encoder)
    assert index.vectors()[1].count("reset-password") == 1


def test_a_deleted_file_takes_its_article_away(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    (folder / "billing" / "refunds.md").unlink()
    report = import_articles([folder], shelf, index, encoder)
    assert report.removed == 1
    assert shelf.get("refunds") is None
    assert "refunds" not in found(index, shelf, encoder, anyone, "refunds for annual plans")


def test_another_source_is_left_alone(
    folder: Path, tmp_path: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    lines = tmp_path / "more.jsonl"
    lines.write_text(json.dumps({"id": "x", "title": "X", "text": "Something else."}))
    import_articles([folder], shelf, index, encoder)
    report = import_articles([lines], shelf, index, encoder)
    assert (report.added, report.removed, len(shelf.hashes())) == (1, 0, 4)


def test_a_file_that_broke_keeps_its_earlier_article(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    import_articles([folder], shelf, index, encoder)
    (folder / "playbook.md").write_text("---\ntitel: typo\n---\nx")
    report = import_articles([folder], shelf, index, encoder)
    assert (len(report.rejected), report.removed) == (1, 0)
    assert shelf.get("playbook") is not None
    assert any("stay" in notice.message for notice in report.warnings)


def test_an_empty_folder_does_not_wipe_the_knowledge_base(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    import_articles([folder], shelf, index, encoder)
    folder.rename(folder.with_name("moved"))
    folder.mkdir()
    report = import_articles([folder], shelf, index, encoder)
    assert (report.removed, len(shelf.hashes())) == (0, 3)
    (warning,) = report.warnings
    assert "appliance kb remove" in warning.message
    assert "playbook, refunds, reset-password" in warning.message


def test_a_removed_article_is_gone_from_text_and_index(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    import_articles([folder], shelf, index, encoder)
    remove(["refunds"], shelf, index, encoder)
    assert set(shelf.hashes()) == set(index.article_hashes()) == {"playbook", "reset-password"}


def test_articles_that_the_index_lacks_are_counted(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    check_level(shelf, index)
    with pytest.raises(Crash):
        import_articles([folder], shelf, index, CrashingEncoder())
    with pytest.raises(IndexUnavailable, match=r"3 of 3 .* `appliance kb rebuild`"):
        check_level(shelf, index)
    import_articles([folder], shelf, index, encoder)
    wordless = Article("bare", "Bare", "")
    shelf.save([(wordless, [])])
    check_level(shelf, index)


def test_progress_ends_at_the_total(folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder) -> None:
    seen: list[tuple[Stage, int, int]] = []
    import_articles([folder], shelf, index, encoder, progress=lambda *step: seen.append(step))
    assert seen[0][0] == "reading"
    assert seen[-1] == ("indexing", 3, 3)


class Crash(Exception):
    """Stands for a power cut."""


class CrashingEncoder(WordEncoder):
    def encode(self, texts: Sequence[str]) -> Matrix:
        raise Crash


def test_a_crash_between_sql_and_index_is_mended_by_the_next_import(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    with pytest.raises(Crash):
        import_articles([folder], shelf, index, CrashingEncoder())
    assert len(shelf.hashes()) == 3
    assert found(index, shelf, encoder, anyone, "refunds") == []
    report = import_articles([folder], shelf, index, encoder)
    assert (report.added, report.unchanged, report.passages) == (0, 3, 4)
    assert "refunds" in found(index, shelf, encoder, anyone, "refunds")


def test_a_crash_after_the_first_import_leaves_readers_on_the_old_state(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    (folder / "new.md").write_text("# Gift cards\n\nGift cards never expire.")
    with pytest.raises(Crash), index.writing() as writer:
        writer.drop(["refunds"])
        raise Crash
    assert "refunds" in found(index, shelf, encoder, anyone, "refunds")
    report = import_articles([folder], shelf, index, encoder)
    assert report.passages == 2, "the dropped article and the new one"
    assert {"refunds", "new"} <= set(found(index, shelf, encoder, anyone, "refunds gift cards"))


def test_another_reader_sees_an_import_with_its_next_search(
    folder: Path, tmp_path: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    reader = LanceIndex(tmp_path / "lance", encoder.dimension, encoder.revision)
    assert found(reader, shelf, encoder, anyone, "refunds") == []
    import_articles([folder], shelf, index, encoder)
    assert "refunds" in found(reader, shelf, encoder, anyone, "refunds")
    (folder / "new.md").write_text("# Gift cards\n\nGift cards never expire.")
    import_articles([folder], shelf, index, encoder)
    assert found(reader, shelf, encoder, anyone, "gift cards")[0] == "new"


def test_a_second_import_at_the_same_time_is_refused(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder
) -> None:
    with index.writing(), pytest.raises(ImportBusy, match="Another import"):
        import_articles([folder], shelf, index, encoder)
    import_articles([folder], shelf, index, encoder)


def test_another_encoder_needs_a_rebuild(
    folder: Path, tmp_path: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    other = WordEncoder("words-2", 32)
    newer = LanceIndex(tmp_path / "lance", other.dimension, other.revision)
    with pytest.raises(IndexMismatch, match="kb rebuild"):
        newer.nearest(other.encode(["x"])[0], anyone, 5)
    with pytest.raises(IndexMismatch, match="kb rebuild"):
        import_articles([folder], shelf, newer, other)
    assert rebuild(shelf, newer, other) == 4
    assert "refunds" in found(newer, shelf, other, anyone, "refunds")


def test_readers_go_on_while_a_rebuild_runs_and_fails(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    with pytest.raises(Crash):
        rebuild(shelf, index, CrashingEncoder())
    assert "refunds" in found(index, shelf, encoder, anyone, "refunds")
    rebuild(shelf, index, encoder)
    rebuild(shelf, index, encoder)
    assert "refunds" in found(index, shelf, encoder, anyone, "refunds")
    tables = sorted(path.name for path in index.path.glob("*.lance"))
    assert len(tables) == 2, "the one in use, and the one before for searches that are still reading it"


def test_a_damaged_index_says_so(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    (index.path / "index.json").write_text("{")
    reader = LanceIndex(index.path, encoder.dimension, encoder.revision)
    with pytest.raises(IndexUnavailable, match="kb rebuild"):
        found(reader, shelf, encoder, anyone, "refunds")
    rebuild(shelf, index, encoder)
    assert "refunds" in found(reader, shelf, encoder, anyone, "refunds")


def test_a_table_whose_files_are_gone_says_so(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    for path in index.path.glob("*.lance/data/*"):
        path.unlink()
    reader = LanceIndex(index.path, encoder.dimension, encoder.revision)
    with pytest.raises(IndexUnavailable, match="kb rebuild"):
        found(reader, shelf, encoder, anyone, "refunds")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from shelf import WordEncoder
from kb.article import Article
from kb.chunking import chunk
from kb.errors import ImportFailed
from kb.schema import Row
from kb.store import LanceIndex

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
encoder = WordEncoder()
index = LanceIndex(Path(sys.argv[2]), encoder.dimension, encoder.revision)
article = Article("big", "Big", "word " * 20_000)
rows = [Row(passage, article, "h") for passage in chunk(article)]
try:
    with index.writing() as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        vectors = encoder.encode([row.passage.text for row in rows])
        writer.put(rows, vectors, vectors)
except ImportFailed as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_leaves_readers_on_the_old_state(
    folder: Path, shelf: Shelf, index: LanceIndex, encoder: WordEncoder, anyone: Visibility
) -> None:
    import_articles([folder], shelf, index, encoder)
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(Path(__file__).parent), str(index.path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "import again" in run.stdout
    assert "refunds" in found(index, shelf, encoder, anyone, "refunds")
    assert import_articles([folder], shelf, index, encoder).unchanged == 3

"""What the installation keeps: database and search index. Both are only read."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text

from appliance.config import Config
from appliance.doctor.amiss import Amiss
from appliance.doctor.parts import EncoderOrWhy, present
from appliance.knowledge import open_index
from appliance.store.articles import SqlArticles
from appliance.store.attachment_files import AttachmentFiles
from appliance.store.attachments import SqlAttachments
from appliance.store.database import Database
from kb.ingest import check_level
from kb.store import LanceIndex

_PRAGMAS = {"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "foreign_keys": "1"}
"""What every connection must report; ``synchronous`` 2 is FULL."""
_NAMED = 5


def database(url: str) -> str:
    shown = make_url(url).render_as_string(hide_password=True)
    if _is_made_at_first_start(url):
        return f"{shown} is made at the first start"
    if pending := _schema(url):
        return f"{shown}: {pending}"
    database = Database(url)
    try:
        return f"{shown}: schema up to date{_pragmas(database) if url.startswith('sqlite') else ''}"
    finally:
        database.close()


def index(config: Config, opened: EncoderOrWhy) -> str:
    index = open_index(config, present(opened))
    manifest = index.check()
    _level(config.database_url, index)
    return (
        "empty: nothing was imported yet"
        if manifest is None
        else f"{manifest.passages} passages by {manifest.encoder_revision}"
    )


def attachments(config: Config) -> str:
    """Every file that a row speaks of must be on the disk."""
    url = config.database_url
    files = AttachmentFiles(config.attachments_folder, max_bytes=config.attachments.max_bytes)
    files.check()
    if _is_made_at_first_start(url) or _schema(url):
        return "none yet"
    database = Database(url)
    try:
        known = SqlAttachments(database).ids()
    finally:
        database.close()
    if missing := files.missing(known):
        raise Amiss(
            f"{len(missing)} of {len(known)} attachments are not in {files.folder}: {', '.join(missing[:_NAMED])}{'…' if len(missing) > _NAMED else ''}.",
            remedy="Restore that folder from the backup that fits the database; with several replicas it must be a disk that all of them share.",
        )
    return f"{len(known)} files"


def _level(url: str, index: LanceIndex) -> None:
    """Raises ``IndexUnavailable`` when the index lacks articles. A database that the next start makes or migrates waits."""
    if _is_made_at_first_start(url) or _schema(url):
        return
    database = Database(url)
    try:
        check_level(SqlArticles(database), index)
    finally:
        database.close()


def _is_made_at_first_start(url: str) -> bool:
    return url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists()


def _schema(url: str) -> str:
    """Empty when it is this version's; what the next start will do when it is older. Opened for reading: looking must not migrate."""
    with resources.as_file(resources.files("appliance.store") / "migrations") as folder:
        scripts = ScriptDirectory(str(folder))
        known, newest = {script.revision for script in scripts.walk_revisions()}, set(scripts.get_heads())
    engine = create_engine(_read_only(url))
    try:
        with engine.connect() as connection:
            present = set(MigrationContext.configure(connection).get_current_heads())
    finally:
        engine.dispose()
    if unknown := present - known:
        raise Amiss(
            f"Written by a newer version of the appliance (schema {', '.join(sorted(unknown))}).",
            remedy="Start that version, or restore a backup made by this one.",
        )
    return (
        ""
        if present == newest
        else f"schema {', '.join(sorted(present)) or 'none'}, brought to {', '.join(sorted(newest))} at the next start"
    )


def _read_only(url: str) -> str:
    return f"sqlite:///file:{url.removeprefix('sqlite:///')}?mode=ro&uri=true" if url.startswith("sqlite") else url


def _pragmas(database: Database) -> str:
    with database.read() as session:
        found = {name: str(session.execute(text(f"PRAGMA {name}")).scalar()) for name in _PRAGMAS}
    if wrong := {name: value for name, value in found.items() if value != _PRAGMAS[name]}:
        raise Amiss(
            f"SQLite runs with {wrong}, not {_PRAGMAS}.",
            remedy="Keep the data directory on a local disk: network disks cannot do WAL.",
        )
    return "; " + ", ".join(f"{name}={value}" for name, value in found.items())

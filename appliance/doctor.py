"""What is in order, what is not, and what to do about it. The doctor only looks: it makes, migrates and mends nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import platform
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from importlib import metadata, resources
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from appliance.config import Config
from appliance.errors import ApplianceFault
from appliance.model_set import open_catalog, open_classifier
from appliance.policy import load_policy
from appliance.store.database import Database
from kb.errors import KnowledgeFault
from kb.store import LanceIndex
from models.catalog import Catalog, ModelStatus
from models.encoder import OnnxEncoder
from models.errors import ModelFault
from models.roles import Encoder
from models.telemetry import check, required, switch_off

_FREE_BYTES = 1_000_000_000
"""Less than this may not hold an import beside its predecessor, or a backup."""
_TIMEOUT_S = 2.0
_PRAGMAS = {"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "foreign_keys": "1"}
"""What every connection must report; ``synchronous`` 2 is FULL."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``fix`` is what to do when it is not ``ok``."""

    check: str
    ok: bool
    detail: str
    fix: str = ""


class _Amiss(ApplianceFault):
    """Not in order; the message says what, the remedy how to mend it."""

    code = "doctor_amiss"


Look = Callable[[], str]
"""What was seen. Raises a fault when it is not in order."""


def checks(config: Config) -> list[Check]:
    """Everything that must be in order before a ticket can be answered, in the order in which it is needed. Blocks for some seconds."""
    return [_checked(name, look) for name, look in _looks(config)]


def _looks(config: Config) -> Iterator[tuple[str, Look]]:
    yield "python", _python
    yield "telemetry", _telemetry  # before anything opens a model, which would set the switches
    yield "onnxruntime", partial(_onnxruntime, config)
    catalog = open_catalog(config)
    encoder = _opened(config, catalog)
    for status in catalog.verify():
        yield f"weights.{status.id}", partial(_weights, status)
    yield "encoder", partial(_encoder, encoder)
    yield "profile", partial(_profile, config)
    yield "classifier", partial(_classifier, config, encoder)
    yield "data_directory", partial(_data_directory, config.data)
    yield "disk", partial(_disk, config.data)
    yield "database", partial(_database, config.database_url)
    yield "index", partial(_index, config, encoder)
    yield "port", partial(_port, config.server.host, config.server.port)
    yield "synthesis", partial(_synthesis, config)


def _checked(name: str, look: Look) -> Check:
    try:
        return Check(name, True, look())
    except (ApplianceFault, ModelFault, KnowledgeFault) as fault:
        return Check(name, False, fault.message, fault.remedy or "Run it again with APPLIANCE_LOG=debug.")
    except SQLAlchemyError as error:
        return Check(name, False, str(error).splitlines()[0], "Check that the database is up and may be used.")
    except OSError as error:
        return Check(
            name, False, f"{error.filename or name}: {error.strerror or error}.", "Check the path and its permissions."
        )


def _python() -> str:
    return f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"


def _telemetry() -> str:
    if wrong := check():
        names = ", ".join(f"{switch.name}={switch.value}" for switch in wrong)
        raise _Amiss(
            f"Not switched off: {', '.join(switch.silences for switch in wrong)}.",
            remedy=f"Set {names} in the environment.",
        )
    return f"{len(required())} switches set: " + ", ".join(switch.name for switch in required())


def _onnxruntime(config: Config) -> str:
    switch_off()
    import onnxruntime

    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[config.models.provider]
    available = onnxruntime.get_available_providers()
    if wanted not in available:
        raise _Amiss(
            f"models.provider is {config.models.provider!r}; this onnxruntime has {', '.join(available)}.",
            remedy='Install the extra "gpu" on a machine with an NVIDIA driver, or set models.provider to "cpu".',
        )
    return f"onnxruntime {metadata.version('onnxruntime')}, {wanted}"


def _weights(status: ModelStatus) -> str:
    if not status.ok:
        raise _Amiss(status.detail, remedy="Install the appliance again from its bundle.")
    return f"{status.revision}: {status.detail}"


def _opened(config: Config, catalog: Catalog) -> Encoder | ModelFault:
    """The encoder, which three checks need, or why there is none."""
    try:
        folder = catalog.require("encoder")
        return OnnxEncoder.open(folder, provider=config.models.provider, threads=config.models.threads or None)
    except ModelFault as fault:
        return fault


def _encoder(encoder: Encoder | ModelFault) -> str:
    found = _present(encoder)
    vectors = found.encode(["Does it work?"])
    return f"{found.revision}: {vectors.shape[1]} dimensions"


def _present(encoder: Encoder | ModelFault) -> Encoder:
    if isinstance(encoder, ModelFault):
        raise encoder
    return encoder


def _profile(config: Config) -> str:
    policy = load_policy(config.profile)
    return f"{policy.name}: {len(policy.intents)} intents, threshold {policy.thresholds.confidence}"


def _classifier(config: Config, encoder: Encoder | ModelFault) -> str:
    policy = load_policy(config.profile)
    heads = open_classifier(config, policy.name, _present(encoder))
    wanted = {intent.name for intent in policy.intents}
    if differing := wanted ^ set(heads.intents):
        raise _Amiss(
            f"Heads and profile differ in {', '.join(sorted(differing))}.",
            remedy="Train the heads for this profile: appliance models train intent.",
        )
    return f"{heads.revision}: {len(heads.intents)} intents, all of the profile"


def _data_directory(data: Path) -> str:
    """Nothing is written: a doctor's look must work beside a running appliance and on a full disk."""
    if not data.exists():
        parent = next(folder for folder in data.absolute().parents if folder.exists())
        _writable(parent)
        return f"{data} is made at the first start"
    if not data.is_dir():
        raise _Amiss(f"{data} is no directory.", remedy="Name another with --data.")
    _writable(data)
    return f"{data} can be written"


def _writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _Amiss(
            f"{folder} cannot be written by this user.",
            remedy=f"Give this user write access to {folder}, or choose another with --data.",
        )


def _disk(data: Path) -> str:
    folder = next(place for place in (data.absolute(), *data.absolute().parents) if place.exists())
    free = shutil.disk_usage(folder).free
    if free < _FREE_BYTES:
        raise _Amiss(
            f"Only {free / 1e9:.2f} GB are free on {folder}.", remedy=f"Free at least {_FREE_BYTES / 1e9:.0f} GB."
        )
    return f"{free / 1e9:.1f} GB free"


def _database(url: str) -> str:
    shown = make_url(url).render_as_string(hide_password=True)
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
        return f"{shown} is made at the first start"
    if pending := _schema(url):
        return f"{shown}: {pending}"
    database = Database(url)
    try:
        return f"{shown}: schema up to date{_pragmas(database) if url.startswith('sqlite') else ''}"
    finally:
        database.close()


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
        raise _Amiss(
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
        raise _Amiss(
            f"SQLite runs with {wrong}, not {_PRAGMAS}.",
            remedy="Keep the data directory on a local disk: network disks cannot do WAL.",
        )
    return "; " + ", ".join(f"{name}={value}" for name, value in found.items())


def _index(config: Config, encoder: Encoder | ModelFault) -> str:
    found = _present(encoder)
    manifest = LanceIndex(config.data / "lance", found.dimension, found.revision).check()
    return (
        "empty: nothing was imported yet"
        if manifest is None
        else f"{manifest.passages} passages by {manifest.encoder_revision}"
    )


def _port(host: str, port: int) -> str:
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return f"{host}:{port} is free"
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _is_ours(host, port):
            return f"{host}:{port} is served by a running appliance"
        raise _Amiss(
            f"{host}:{port} cannot be used: {error.strerror or error}.",
            remedy="Choose another with --port, or end the other program.",
        ) from error


def _is_ours(host: str, port: int) -> bool:
    connection = HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=_TIMEOUT_S)  # noqa: S104 - compared, not bound
    try:
        connection.request("GET", "/readyz")
        return b'"parts"' in connection.getresponse().read(65_536)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _synthesis(config: Config) -> str:
    asked = config.synthesis
    if asked.mode == "quote":
        return "quote: sentences of the knowledge base, no server needed"
    key = _key(Path(asked.api_key_file)) if asked.api_key_file else os.environ.get("APPLIANCE_VLLM_API_KEY", "")
    from models.synthesis.vllm import VllmSynthesizer

    async def probe() -> None:
        server = VllmSynthesizer(asked.base_url, asked.model, key, first_token_timeout_s=_TIMEOUT_S)
        try:
            await server.probe()
        finally:
            await server.aclose()

    asyncio.run(probe())
    return f"vLLM at {asked.base_url} serves {asked.model}"


def _key(file: Path) -> str:
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _Amiss(f"The key file {file} can be read by others than its owner.", remedy=f"chmod 600 {file}")
    return file.read_text("utf-8").strip()

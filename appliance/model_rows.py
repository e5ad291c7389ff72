"""What ``appliance models list`` and ``verify`` say of the catalogue: the entries, what was added, and what fits here."""

from __future__ import annotations

from pathlib import Path

from appliance.config import Config
from models.catalog import Catalog, Entry, ModelStatus
from models.catalog_lock import Lock
from models.errors import ModelRefused
from models.fit import fit, uses_gpu
from models.hardware import Machine
from models.serving import serve_arguments


def listed(config: Config, catalog: Catalog, machine: Machine) -> list[dict[str, object]]:
    """One row an entry, the shipped ones first. ``on_disk`` looks at the lock and the folder, and hashes nothing."""
    locks = _locks(config, catalog)
    return [_row(entry, locks.get(entry.id), catalog, config, machine) for entry in catalog.list_models()]


def verified(config: Config, catalog: Catalog) -> list[ModelStatus]:
    """Every shipped and every added model, each file of it hashed: minutes when large ones were added."""
    return [*catalog.verify(), *catalog.verify_added(config.data, volume(config))]


def volume(config: Config) -> Path | None:
    """The model volume of the settings, if there is one."""
    return Path(config.models.folder) if config.models.folder else None


def _locks(config: Config, catalog: Catalog) -> dict[str, Lock]:
    try:
        return {lock.id: lock for lock in catalog.locks(config.data)}
    except ModelRefused:  # `models verify` says which lock is broken; the list shows what can be shown
        return {}


def _row(entry: Entry, lock: Lock | None, catalog: Catalog, config: Config, machine: Machine) -> dict[str, object]:
    gpu = uses_gpu(entry, provider=config.models.provider, device=config.models.device)
    found = fit(entry, machine, gpu=gpu)
    return {
        "id": entry.id,
        "role": entry.role,
        "revision": lock.revision if lock else entry.revision,
        "licence": entry.licence,
        "bytes": lock.bytes if lock else entry.bytes,
        "memory_mb": entry.memory_mb,
        "gpu_memory_mb": entry.gpu_memory_mb,
        "on_disk": entry.ships or (lock is not None and catalog.local_folder(lock, volume(config)).is_dir()),
        "fits": found.fits,
        "ships": entry.ships,
        "verified": entry.verified,
        "quantisation": entry.quantisation,
        "languages": list(entry.languages),
        "source": entry.source,
        "fetch": entry.fetch,
        "serve": ["vllm", "serve", *serve_arguments(entry)] if entry.preset else [],
        "note": entry.note,
        "files": [file.model_dump() for file in (lock.files if lock else entry.files)],
    }

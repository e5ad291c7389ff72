"""Whether the models that the settings name fit this machine: what each needs, against what there is."""

from __future__ import annotations

from urllib.parse import urlsplit

from appliance.config import Config
from appliance.doctor.amiss import Amiss
from models.catalog import Catalog, Entry
from models.fit import fit, largest_that_fits, uses_gpu
from models.fit import together as fit_together
from models.hardware import Machine

_HERE = {"127.0.0.1", "localhost", "::1"}


def finder(config: Config, catalog: Catalog, machine: Machine, role: str) -> str:
    """The encoder or the reranker. The shipped ones run where ``models.provider`` says, others where ``models.device`` does."""
    entry = catalog.get(config.models.encoder if role == "encoder" else config.models.reranker)
    gpu = _on_gpu(config, entry)
    if gpu and not machine.gpus and config.models.device == "cuda" and not entry.ships:
        return f"{entry.id} needs {entry.needs_mb(gpu=True):,} MiB of a GPU that nvidia-smi does not show, so nothing is compared"
    found = fit(entry, machine, gpu=gpu)
    if not found.fits:
        raise Amiss(f"{found.detail}.", remedy=_smaller(catalog, entry, machine, f"models.{role}", gpu=gpu))
    return found.detail


def synthesis(config: Config, catalog: Catalog, machine: Machine) -> str:
    """The model that vLLM serves, when it is one of the catalogue and served from this machine."""
    asked = config.synthesis
    if asked.mode != "vllm":
        return "no language model is asked for"
    entry = _served(config, catalog)
    if entry is None:
        return f'"{asked.model}" is no id of the catalogue, so its need is not known; docs/models.md says what each preset needs'
    if urlsplit(asked.base_url).hostname not in _HERE:
        return (
            f"{entry.id} needs {entry.gpu_memory_mb} MiB of GPU memory at {asked.base_url}, which is not this machine"
        )
    found = fit(entry, machine)
    if not found.fits:
        why = f" ({machine.note})" if machine.note else ""
        raise Amiss(f"{found.detail}{why}.", remedy=_smaller(catalog, entry, machine, "synthesis.model"))
    return found.detail


def together(config: Config, catalog: Catalog, machine: Machine) -> str:
    """All that this machine loads at once: each may fit alone, and still not beside the others on one card."""
    entries = [catalog.get(config.models.encoder), catalog.get(config.models.reranker)]
    if (served := _served(config, catalog)) and urlsplit(config.synthesis.base_url).hostname in _HERE and machine.gpus:
        entries.append(served)
    found = fit_together([(entry, _on_gpu(config, entry)) for entry in entries], machine)
    if not found.fits:
        raise Amiss(
            f"Together the models do not fit: {found.detail}.",
            remedy='Set models.device to "cpu", choose smaller ones, or lower vLLM\'s --gpu-memory-utilization as far as its '
            "model allows (docs/models.md).",
        )
    return found.detail


def _on_gpu(config: Config, entry: Entry) -> bool:
    return uses_gpu(entry, provider=config.models.provider, device=config.models.device)


def _served(config: Config, catalog: Catalog) -> Entry | None:
    """The entry that vLLM serves, when the settings name one of the catalogue."""
    asked = config.synthesis
    found = (one for one in catalog.entries if one.id == asked.model and one.preset)
    return next(found, None) if asked.mode == "vllm" else None


def _smaller(catalog: Catalog, entry: Entry, machine: Machine, setting: str, *, gpu: bool = True) -> str:
    if other := largest_that_fits(catalog.entries, entry.role, machine, gpu=gpu):
        return f'Set {setting} to "{other.id}", which fits, or give the machine more memory.'
    return (
        'No model of the catalogue fits: set synthesis.mode to "quote".'
        if entry.preset
        else "Give the machine more memory."
    )

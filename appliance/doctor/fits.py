"""Whether the models that the settings name fit this machine: what each needs, against what there is."""

from __future__ import annotations

from urllib.parse import urlsplit

from appliance.config import Config
from appliance.doctor.amiss import Amiss
from models.catalog import Catalog, Entry
from models.fit import fit, largest_that_fits
from models.hardware import Machine

_HERE = {"127.0.0.1", "localhost", "::1"}


def finder(config: Config, catalog: Catalog, machine: Machine, role: str) -> str:
    """The encoder or the reranker. The shipped ones run where ``models.provider`` says, others on a GPU where there is one."""
    entry = catalog.get(config.models.encoder if role == "encoder" else config.models.reranker)
    gpu = bool(machine.gpus) and (config.models.provider == "cuda" or not entry.ships)
    found = fit(entry, machine, gpu=gpu)
    if not found.fits:
        raise Amiss(f"{found.detail}.", remedy=_smaller(catalog, entry, machine, f"models.{role}"))
    return found.detail


def synthesis(config: Config, catalog: Catalog, machine: Machine) -> str:
    """The model that vLLM serves, when it is one of the catalogue and served from this machine."""
    asked = config.synthesis
    if asked.mode != "vllm":
        return "no language model is asked for"
    entry = next((one for one in catalog.entries if one.id == asked.model and one.preset), None)
    if entry is None:
        return f'"{asked.model}" is no id of the catalogue, so its need is not known'
    if urlsplit(asked.base_url).hostname not in _HERE:
        return (
            f"{entry.id} needs {entry.gpu_memory_mb} MiB of GPU memory at {asked.base_url}, which is not this machine"
        )
    found = fit(entry, machine)
    if not found.fits:
        why = f" ({machine.note})" if machine.note else ""
        raise Amiss(f"{found.detail}{why}.", remedy=_smaller(catalog, entry, machine, "synthesis.model"))
    return found.detail


def _smaller(catalog: Catalog, entry: Entry, machine: Machine, setting: str) -> str:
    if other := largest_that_fits(catalog.entries, entry.role, machine):
        return f'Set {setting} to "{other.id}", which fits, or give the machine more memory.'
    return (
        'No model of the catalogue fits: set synthesis.mode to "quote".'
        if entry.preset
        else "Give the machine more memory."
    )

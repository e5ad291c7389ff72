"""The exact ``vllm serve`` arguments of a preset. CI reads every one of them with vLLM's own parser.

The API key is never among them: arguments show in the process list. vLLM reads it from ``VLLM_API_KEY``.
"""

from __future__ import annotations

from models.catalog_entries import VOLUME, Entry
from models.errors import ModelRefused

COMMON: tuple[str, ...] = (
    "--enable-prefix-caching",
    '--structured-outputs-config={"backend":"xgrammar","disable_any_whitespace":true}',
    "--no-enable-log-requests",
    "--disable-uvicorn-access-log",
)
"""For every model: the prompt's fixed head is computed once; drafts keep to their JSON schema; no customer's text in logs."""


def serve_arguments(
    entry: Entry, *, model: str = "", name: str = "", host: str = "127.0.0.1", port: int = 8000
) -> tuple[str, ...]:
    """What follows ``vllm serve``. ``model`` is the folder (default: the entry's on the model volume), ``name`` what it is
    called in ``synthesis.model`` (default: the entry's id). Raises ``ModelRefused`` for a model that vLLM does not serve."""
    if entry.preset is None:
        raise ModelRefused(
            f'The model "{entry.id}" is no synthesis model.', remedy="vLLM serves synthesis models only."
        )
    return (
        model or f"{VOLUME}/{entry.id}",
        f"--served-model-name={name or entry.id}",
        f"--host={host}",
        f"--port={port}",
        f"--max-model-len={entry.preset.context_tokens}",
        f"--max-num-seqs={entry.preset.max_num_seqs}",
        f"--gpu-memory-utilization={entry.preset.gpu_memory_utilization:.2f}",
        *COMMON,
        *entry.preset.extra,
    )


def compose_environment(entry: Entry) -> str:
    """The preset as an ``--env-file`` for ``docker-compose.gpu.yml``, which has the arguments that all share."""
    if entry.preset is None:
        raise ModelRefused(
            f'The model "{entry.id}" is no synthesis model.', remedy="vLLM serves synthesis models only."
        )
    preset = entry.preset
    return (
        f"# {entry.id}: {entry.source}, {entry.gpu_memory_mb} MiB of GPU memory. {entry.note}\n"
        "# Written by deploy/dev/model_docs.py from models/catalog.toml; set MODEL_DIR to where the model lies.\n"
        f"MODEL_DIR=/srv/models/{entry.id}\n"
        f"MAX_MODEL_LEN={preset.context_tokens}\n"
        f"MAX_NUM_SEQS={preset.max_num_seqs}\n"
        f"GPU_MEMORY_UTILIZATION={preset.gpu_memory_utilization:.2f}\n"
        f"VLLM_EXTRA_ARGS='{' '.join(preset.extra)}'\n"
    )

"""How much memory a model needs, by formula: weights + keys and values + what the runtime needs beside them.

    KV cache = 2 (keys and values) x layers x KV heads x head dimension x bytes a value x tokens

Held in ``tests/models/test_memory.py`` against figures that others measured and published.
"""

from __future__ import annotations

import math

MIB = 2**20
VLLM_OVERHEAD_MB = 2_048
"""Activations of a prefill, CUDA graphs and the context of the driver. 1.8 GiB were measured for an 8B model on one card."""
TORCH_OVERHEAD_MB = 700
"""torch itself with the activations of one batch."""
VALUE_BYTES = 2
"""bf16 or fp16: the KV cache stays in 16 bits also where the weights have 8 or 4."""


def kv_bytes_per_token(*, layers: int, kv_heads: int, head_dim: int, value_bytes: int = VALUE_BYTES) -> int:
    """Bytes of KV cache for one token of one sequence."""
    return 2 * layers * kv_heads * head_dim * value_bytes


def kv_tokens(cache_bytes: float, bytes_per_token: int) -> int:
    """How many tokens a cache of that size holds."""
    return int(cache_bytes // bytes_per_token)


def serving_mb(weights_bytes: int, bytes_per_token: int, tokens: int) -> int:
    """MiB of GPU memory for a vLLM server whose cache holds ``tokens``."""
    return math.ceil((weights_bytes + bytes_per_token * tokens) / MIB) + VLLM_OVERHEAD_MB


def card_mb(needed_mb: int, utilization: float) -> int:
    """MiB that the card must have in all, when the server may use the share ``utilization`` of it."""
    return math.ceil(needed_mb / utilization)


def torch_mb(weights_bytes: int, *, stored_bits: int, gpu: bool) -> int:
    """MiB for an encoder or reranker in torch: 32 bits a weight on the CPU and 16 on a GPU (``torch_models``), however stored."""
    return math.ceil(weights_bytes * (16 if gpu else 32) / stored_bits / MIB) + TORCH_OVERHEAD_MB

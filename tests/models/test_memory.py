"""The formulas, against figures that others measured with vLLM and published (sources: docs/decisions/0008)."""

from __future__ import annotations

import pytest

from models import memory
from models.catalog import Catalog

GIB = 2**30


def test_a_token_of_qwen3_8b_takes_144_kib() -> None:
    shape = Catalog.open().get("qwen3-8b").shape
    assert shape is not None
    assert shape.kv_bytes_per_token == 144 * 1024


@pytest.mark.parametrize(
    ("cache_gib", "tokens"),
    [(29.76, 216_704), (18.69, 136_000)],  # "Available KV cache memory" and "GPU KV cache size" of three servers' logs
)
def test_a_cache_holds_what_vllm_says_of_qwen3_8b(cache_gib: float, tokens: int) -> None:
    assert memory.kv_tokens(cache_gib * GIB, 147_456) == pytest.approx(tokens, rel=0.002)


def test_a_whole_server_was_measured_at_what_we_say_it_needs() -> None:
    """Qwen3-8B in bf16 on a card of 32,607 MiB at 0.92, context 32,768: weights 15.27 GiB, room for 89,040 tokens."""
    allowed = 32_607 * 0.92
    weights = Catalog.open().get("qwen3-8b").files
    needed = memory.serving_mb(sum(file.bytes for file in weights), 147_456, 89_040)
    assert needed == pytest.approx(allowed, rel=0.015)
    assert needed >= allowed  # rather too much than too little


def test_weights_in_the_catalogue_are_as_large_as_vllm_loads_them() -> None:
    loaded = {"qwen3-8b": 15.27, "qwen3-8b-fp8": 8.8, "qwen3-8b-awq": 5.68}  # GiB, "Model loading took"
    for name, gib in loaded.items():
        assert Catalog.open().get(name).bytes / GIB == pytest.approx(gib, rel=0.01), name


def test_the_card_has_room_for_what_vllm_may_not_use() -> None:
    assert memory.card_mb(9_000, 0.9) == 10_000


def test_the_cpu_computes_in_32_bits_and_a_gpu_in_16_however_the_weights_are_stored() -> None:
    for stored_bits, gpu, mib in ((16, False, 200), (32, False, 100), (16, True, 100), (32, True, 50)):
        assert memory.torch_mb(100 * 2**20, stored_bits=stored_bits, gpu=gpu) == memory.TORCH_OVERHEAD_MB + mib
    qwen = Catalog.open().get("qwen3-embedding-0.6b")
    assert qwen.memory_mb - memory.TORCH_OVERHEAD_MB == pytest.approx(
        2 * (qwen.needs_mb(gpu=True) - memory.TORCH_OVERHEAD_MB), rel=0.01
    )

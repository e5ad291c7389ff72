"""Every vLLM argument that we publish, read by vLLM's own parser: the presets of the catalogue and the compose file.

All are read in one process (importing vLLM takes most of the time), together with slips that have to be noticed.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from composed import filled

from models.catalog import Catalog, Entry
from models.serving import serve_arguments

pytestmark = pytest.mark.vllm

ROOT = Path(__file__).resolve().parents[2]
PRESETS = [entry for entry in Catalog.open().entries if entry.preset]
QUANTISED: dict[str, dict[str, object]] = {
    "fp8": {"quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3", "weight_block_size": [128, 128]},
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"},
}
SLIPS = {
    "an unknown flag": ("--max-modell-len=1",),
    "a wrong type": ("--max-num-seqs=many",),
    "a wrong choice": ("--dtype=float17",),
    "bad JSON": ("--structured-outputs-config={backend}",),
    "an unknown quantisation": ("--quantization=awk",),
    "a deprecated quantisation": ("--quantization=fbgemm_fp8",),
    "an unknown load format": ("--load-format=safetensor",),
    "an unknown tokenizer mode": ("--tokenizer-mode=mistrall",),
    "an unknown config format": ("--config-format=mistrall",),
    "a context beyond the model's": ("--max-model-len=9999999",),
    "a quantisation that the weights lack": ("--quantization=gptq",),
}


def composed() -> list[str]:
    spec: dict[str, Any] = yaml.safe_load(
        filled((ROOT / "docker-compose.gpu.yml").read_text(), MODEL_DIR="/srv/models/m")
    )
    return [str(argument) for argument in spec["services"]["vllm"]["command"]]


def config_of(entry: Entry) -> dict[str, object] | None:
    """The model's config.json, from the shape. None for Mistral's own format, whose picture part needs torchvision to be built."""
    if entry.shape is None or entry.shape.architecture != "Qwen3ForCausalLM":
        return None
    shape = entry.shape
    config: dict[str, object] = {
        "architectures": [shape.architecture],
        "model_type": "qwen3",
        "hidden_size": shape.hidden_size,
        "intermediate_size": shape.hidden_size * 4,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "vocab_size": shape.vocab_size,
        "max_position_embeddings": 40_960,
        "torch_dtype": "bfloat16",
    }
    return config | ({"quantization_config": QUANTISED[entry.quantisation]} if entry.quantisation in QUANTISED else {})


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """By preset, by slip, and "compose"."""
    python = os.environ.get("VLLM_PYTHON")
    if not python:
        pytest.fail('VLLM_PYTHON is not set. Run: eval "$(deploy/dev/vllm-cpu.sh env)"', pytrace=False)
    awq = next(entry for entry in PRESETS if entry.quantisation == "awq")
    asked = {entry.id: (serve_arguments(entry), config_of(entry)) for entry in PRESETS}
    asked |= {name: ((*serve_arguments(awq), *slip), config_of(awq)) for name, slip in SLIPS.items()}
    asked["compose"] = (tuple(composed()), None)
    asked["a deprecated flag"] = ((*serve_arguments(awq), "--disable-cascade-attn"), None)
    sent = json.dumps([{"arguments": arguments, "config": config} for arguments, config in asked.values()])
    silent = {"VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1", "VLLM_PLUGINS": "", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [python, str(ROOT / "tests/deploy/vllm_reads.py")],
        input=sent,
        env=os.environ | silent | {"TRANSFORMERS_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(asked, json.loads(done.stdout.partition("READ")[2]), strict=True))


@pytest.mark.parametrize("entry", PRESETS, ids=lambda entry: entry.id)
def test_vllm_understands_every_preset(answers: dict[str, dict[str, Any]], entry: Entry) -> None:
    answer = answers[entry.id]
    assert "fault" not in answer, answer["fault"]
    assert answer["deprecated"] == []
    assert entry.preset is not None
    assert answer["values"] == {
        "model_tag": f"/models/{entry.id}",
        "host": "127.0.0.1",
        "port": 8000,
        "served_model_name": [entry.id],
        "max_model_len": entry.preset.context_tokens,
        "max_num_seqs": entry.preset.max_num_seqs,
        "enable_log_requests": False,
        "enable_prefix_caching": True,
        "backend": "xgrammar",
        "disable_any_whitespace": True,
        "api_key": None,  # from the environment: arguments show in the process list
        "trust_remote_code": False,
    }


@pytest.mark.parametrize("entry", [entry for entry in PRESETS if config_of(entry)], ids=lambda entry: entry.id)
def test_vllm_builds_the_model_of_the_shape(answers: dict[str, dict[str, Any]], entry: Entry) -> None:
    assert entry.shape is not None and entry.preset is not None
    assert answers[entry.id]["model"] == {
        "architecture": entry.shape.architecture,
        "max_model_len": entry.preset.context_tokens,
        "kv_heads": entry.shape.kv_heads,
        "head_dim": entry.shape.head_dim,
    }


def test_vllm_understands_the_compose_file(answers: dict[str, dict[str, Any]]) -> None:
    answer = answers["compose"]
    assert "fault" not in answer, answer["fault"]
    assert answer["deprecated"] == []
    assert (answer["values"]["host"], answer["values"]["served_model_name"]) == ("0.0.0.0", ["support-model"])


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_noticed(answers: dict[str, dict[str, Any]], slip: str) -> None:
    assert "fault" in answers[slip], slip


def test_a_deprecated_flag_is_noticed(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["a deprecated flag"]["deprecated"] == ["--disable-cascade-attn"]


def test_the_hubs_client_has_every_option_of_the_commands_to_fetch() -> None:
    """The client that vLLM brings with it; nothing is fetched."""
    client = Path(os.environ["VLLM_PYTHON"]).with_name("hf")
    done = subprocess.run([client, "download", "--help"], capture_output=True, text=True, timeout=120, check=True)
    for entry in Catalog.open().entries:
        options = {word for word in entry.fetch.split() if word.startswith("--")}
        assert {option for option in options if option not in done.stdout} == set(), entry.id

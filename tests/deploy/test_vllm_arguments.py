"""The vLLM arguments of the compose file and of the development script, read by vLLM's own parser."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.vllm

ROOT = Path(__file__).resolve().parents[2]
PARSE = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.utils.argparse_utils import FlexibleArgumentParser
parsed = make_arg_parser(FlexibleArgumentParser()).parse_args(json.loads(sys.argv[1]))
validate_parsed_serve_args(parsed)
names = ("model_tag", "host", "port", "served_model_name", "max_model_len", "enable_log_requests", "enable_prefix_caching")
values = {name: getattr(parsed, name) for name in names}
values["disable_any_whitespace"] = parsed.structured_outputs_config.disable_any_whitespace
print("PARSED" + json.dumps(values))
"""


def parsed(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    python = os.environ.get("VLLM_PYTHON")
    if not python:
        pytest.fail('VLLM_PYTHON is not set. Run: eval "$(deploy/dev/vllm-cpu.sh env)"', pytrace=False)
    return subprocess.run(
        [python, "-c", PARSE, json.dumps(arguments)], capture_output=True, text=True, timeout=300, check=False
    )


def arguments() -> list[str]:
    spec: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())
    return [str(argument) for argument in spec["services"]["vllm"]["command"]]


def test_vllm_understands_every_argument() -> None:
    done = parsed(arguments())
    assert done.returncode == 0, done.stderr[-2000:]
    values = json.loads(done.stdout.partition("PARSED")[2])
    assert values == {
        "model_tag": "/model",
        "host": "0.0.0.0",
        "port": 8000,
        "served_model_name": ["support-model"],
        "max_model_len": 8192,
        "enable_log_requests": False,
        "enable_prefix_caching": True,
        "disable_any_whitespace": True,
    }


def test_its_parser_would_notice_a_slip() -> None:
    done = parsed([*arguments(), "--max-modell-len=1"])
    assert done.returncode == 2
    assert "max-modell-len" in done.stderr

"""Run by vLLM's own Python: reads lists of ``vllm serve`` arguments as vLLM does, and prints what it made of each.

Standard input: ``[{"arguments": [...], "config": {...} | null}, ...]``. With a ``config`` (what the model's config.json says), vLLM's model
configuration is built as well: it refuses unknown formats, a quantisation that the weights do not have and a context that is too long.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from vllm.engine.arg_utils import EngineArgs
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.model_executor.layers.quantization import DEPRECATED_QUANTIZATION_METHODS, QUANTIZATION_METHODS
from vllm.model_executor.model_loader import _LOAD_FORMAT_TO_MODEL_LOADER
from vllm.tokenizers.registry import TokenizerRegistry
from vllm.transformers_utils.config import get_config_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser

NAMES = ("model_tag", "host", "port", "served_model_name", "max_model_len", "max_num_seqs", "enable_log_requests")


def read(arguments: list[str], config: dict[str, Any] | None) -> dict[str, Any]:
    parser = make_arg_parser(FlexibleArgumentParser())
    said = io.StringIO()
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stderr(said):
        warnings.simplefilter("always")
        try:
            parsed = parser.parse_args(arguments)
            validate_parsed_serve_args(parsed)
        except SystemExit:
            return {"fault": said.getvalue().strip().splitlines()[-1]}
        except (TypeError, ValueError) as error:
            return {"fault": str(error)}
    try:
        refuse_unknown(parsed)
        built = model_of(parsed, config) if config else {}
    except ValueError as error:
        return {"fault": str(error)}
    return {
        "deprecated": [
            *old_options(parser, arguments),
            *(str(w.message) for w in warned if "deprecated" in str(w.message)),
        ],
        "values": {name: getattr(parsed, name) for name in NAMES}
        | {
            "enable_prefix_caching": parsed.enable_prefix_caching,
            "backend": parsed.structured_outputs_config.backend,
            "disable_any_whitespace": parsed.structured_outputs_config.disable_any_whitespace,
            "api_key": parsed.api_key,
            "trust_remote_code": parsed.trust_remote_code,
        },
        "model": built,
    }


def refuse_unknown(parsed: Any) -> None:
    """What the parser takes as free text, and the server refuses only when it has started."""
    if parsed.quantization and parsed.quantization not in QUANTIZATION_METHODS:
        raise ValueError(f"unknown quantization {parsed.quantization}")
    if parsed.quantization in DEPRECATED_QUANTIZATION_METHODS:
        raise ValueError(f"deprecated quantization {parsed.quantization}")
    if parsed.load_format not in _LOAD_FORMAT_TO_MODEL_LOADER:
        raise ValueError(f"unknown load format {parsed.load_format}")
    if parsed.config_format != "auto":
        get_config_parser(parsed.config_format)
    if parsed.tokenizer_mode not in ("auto", "slow"):
        TokenizerRegistry.load_tokenizer_cls(parsed.tokenizer_mode)


def old_options(parser: Any, arguments: list[str]) -> list[str]:
    given = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
    return [
        option
        for action in parser._actions
        for option in action.option_strings
        if option in given and (action in parser._deprecated or "deprecated" in (action.help or "").lower())
    ]


def model_of(parsed: Any, config: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        parsed.model = parsed.tokenizer = folder
        made = EngineArgs.from_cli_args(parsed).create_model_config()
        return {
            "architecture": made.architecture,
            "max_model_len": made.max_model_len,
            "kv_heads": made.get_total_num_kv_heads(),
            "head_dim": made.get_head_size(),
        }


if __name__ == "__main__":
    sys.stdout.write(
        "READ" + json.dumps([read(one["arguments"], one["config"]) for one in json.load(sys.stdin)]) + "\n"
    )

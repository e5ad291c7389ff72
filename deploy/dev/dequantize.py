"""Turns a GGUF file into a folder of plain safetensors with tokenizer and chat template, which vLLM serves as it is.

    python dequantize.py FILE.gguf FOLDER

Runs in the vLLM environment (torch, transformers, gguf, accelerate), never in the appliance's own.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def convert(gguf: Path, target: Path) -> None:
    """Write ``target`` whole or not at all: a conversion that was cut off must not look like a finished model."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    if not tokenizer.chat_template:
        raise SystemExit(f"{gguf} carries no chat template: vLLM's chat endpoint would refuse every request.")
    model = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent),
        gguf_file=gguf.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    convert(Path(sys.argv[1]), Path(sys.argv[2]))

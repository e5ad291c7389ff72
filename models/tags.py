"""Language tags, such as ``pt-BR``."""

from __future__ import annotations

import re

TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")


def primary(tag: str) -> str:
    """``pt`` of ``pt-BR`` or ``pt_BR``: the part that says which words are used. Norwegian has one code here, ``no``."""
    code = tag.strip().replace("_", "-").partition("-")[0].lower()
    return {"nb": "no", "nn": "no"}.get(code, code)

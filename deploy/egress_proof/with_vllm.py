"""One more chapter, inside the box: a real vLLM server on the CPU, and the appliance that writes with it."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from deploy.egress_proof.steps import Steps
from deploy.egress_proof.story import MATERIAL, ROOT, Place

PORT = "28431"
"""Free inside the box in any case; the script keeps its process ids by port, and must not take a server outside for its own."""
SCRIPT = ROOT / "deploy/dev/vllm-cpu.sh"
_SETTINGS = """
profile = "saas"

[synthesis]
mode = "vllm"
base_url = "{VLLM_BASE_URL}"
model = "{VLLM_MODEL}"
timeout_s = 120
first_token_timeout_s = 60
"""


def chapter(steps: Steps, place: Place, vllm: Path) -> None:
    os.environ |= {"VLLM_VENV": str(vllm), "VLLM_PORT": PORT, "VLLM_START_TIMEOUT_S": "500", "VLLM_THREADS": "2"}
    steps.run("vllm-cpu.sh start", SCRIPT, "start")
    if steps.failed:
        return
    try:
        told = steps.run("vllm-cpu.sh env", SCRIPT, "env")
        answers = dict(word.split("=", 1) for word in shlex.split(told) if "=" in word)
        place.data.mkdir(exist_ok=True)
        (place.data / "appliance.toml").write_text(_SETTINGS.format(**answers), "utf-8")
        os.environ["APPLIANCE_VLLM_API_KEY"] = answers["VLLM_API_KEY"]
        steps.run("doctor with vLLM", *place.appliance("doctor", "--json"))
        for number, text in enumerate(
            ("How long is the password reset link valid?", "What does the team plan cost?"), 1
        ):
            steps.run(f"ask {number}, written by vLLM", *place.appliance("ask", text, "--json"))
        steps.run("eval answers --synthesizer vllm", place.venv / "bin/appliance", "eval", "answers", "--synthesizer", "vllm",
                  "--base-url", answers["VLLM_BASE_URL"], "--model", answers["VLLM_MODEL"], "--kb", MATERIAL / "articles.jsonl",
                  "--questions", MATERIAL / "questions.jsonl", "--json")  # fmt: skip
    finally:
        steps.run("vllm-cpu.sh stop", SCRIPT, "stop")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--vllm", type=Path, required=True)
    parser.add_argument("--steps", type=Path, required=True)
    given = parser.parse_args()
    steps = Steps(given.steps, given.work)
    chapter(steps, Place(given.work / "venv", given.work / "data-vllm", given.work), given.vllm)
    return 1 if steps.failed else 0


if __name__ == "__main__":
    sys.exit(main())

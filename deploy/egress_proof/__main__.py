"""``python -m deploy.egress_proof``: nothing leaves, shown by the whole story in a network of its own. Linux and root; see docs/egress-proof.md."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.egress_proof import events, report, steps
from deploy.egress_proof.box import ROOT, Box, NotPossible, needed
from deploy.egress_proof.chapters import Chapter, chapters

OUT = ROOT / "build/egress-proof"
_PATIENCE_S = 10.0
"""How long a chapter's programs may take to end after it."""


@dataclass(frozen=True, slots=True)
class Span:
    """A chapter that ran, between two readings of the monotonic clock."""

    chapter: Chapter
    exit: int
    left_running: list[str]
    start: float
    end: float


def wheels(folder: Path) -> None:
    """The appliance's own wheel and those locked for serving: brought in before, as on a stick."""
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT,
                   capture_output=True, check=True)  # fmt: skip
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--require-hashes",
                    "-r", "requirements/serve.txt", "-w", str(folder)], cwd=ROOT, check=True)  # fmt: skip


def prove(work: Path, vllm: Path | None) -> dict[str, Any]:
    wheels(work / "wheels")
    log = work / "steps.jsonl"
    spans = []
    with Box(work) as box:
        for chapter in chapters(work, work / "wheels", log, vllm):
            print(chapter.name, flush=True)
            start = time.monotonic()
            code = subprocess.run(box.inside(chapter.argv), cwd=ROOT, check=False).returncode
            left = box.settle(_PATIENCE_S)
            spans.append(Span(chapter, code, left, start, time.monotonic()))
        box.stop()
        written = events.read(box.events)
    outcomes = [outcome(span, written) for span in spans]
    return report.document(outcomes, [dict(row) for row in steps.read(log)], report.whole(written))


def outcome(span: Span, written: list[events.Event]) -> report.Outcome:
    seen = events.seen(written, span.start, span.end)
    signs = {name: sign(seen) for name, sign in span.chapter.signs.items()}
    return report.Outcome(span.chapter.name, span.exit, span.end - span.start, seen, signs, span.left_running)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--vllm", type=Path, help="environment made by deploy/dev/vllm-cpu.sh: one more chapter, written by vLLM"
    )
    given = parser.parse_args()
    if given.vllm and not (given.vllm / "bin/python").exists():
        print(f"egress-proof: {given.vllm} has no vLLM. Build it: deploy/dev/vllm-cpu.sh build", file=sys.stderr)
        return 2
    work = OUT / "work"
    try:
        needed()
        shutil.rmtree(OUT, ignore_errors=True)
        work.mkdir(parents=True)
        result = prove(work, given.vllm.absolute() if given.vllm else None)
    except NotPossible as why:
        print(f"egress-proof: {why}", file=sys.stderr)
        return 1
    for name in ("sinkhole.jsonl", "steps.jsonl", "up.log"):
        if (work / name).exists():
            (work / name).replace(OUT / name)
    shutil.rmtree(work)
    words = report.render(result)
    (OUT / "result.json").write_text(json.dumps(result, indent=2), "utf-8")
    (OUT / "result.txt").write_text(words + "\n", "utf-8")
    print(words)
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())

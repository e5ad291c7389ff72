"""How well the language of short messages is told to a desk that speaks English: ``python -m benchmarks.language tests/data/language.csv``.

Rows of ``text,language`` (empty: cannot be told). A file without that column is held for English throughout.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from appliance.policy import Thresholds
from models.hearing import hear
from models.language import LangidDetector
from models.roles import Language

Row = tuple[str, str]


def figures(rows: list[Row], found: list[Language], least: float) -> dict[str, object]:
    """``right``: foreign messages with the right code; ``seen``: known for foreign at all; ``false_alarms``: English ones held for foreign."""
    sure = [one.code if one.confidence >= least else "" for one in found]
    pairs = [(wanted, code) for (_, wanted), code in zip(rows, sure, strict=True)]
    foreign = [(wanted, code) for wanted, code in pairs if wanted not in ("en", "")]
    english = [code for wanted, code in pairs if wanted == "en"]
    nothing = [code for wanted, code in pairs if wanted == ""]
    return {
        "n": len(rows),
        "foreign": len(foreign),
        "right": _share(sum(wanted == code for wanted, code in foreign), len(foreign)),
        "seen": _share(sum(code not in ("en", "") for _, code in foreign), len(foreign)),
        "english": len(english),
        "false_alarms": sum(code not in ("en", "") for code in english),
        "undecidable": len(nothing),
        "undecidable_called_foreign": sum(code not in ("en", "") for code in nothing),
        "by_language": {
            name: _share(
                sum(code == name for wanted, code in foreign if wanted == name), sum(w == name for w, _ in foreign)
            )
            for name in dict.fromkeys(wanted for wanted, _ in foreign)
        },
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["text"], row.get("language", "en")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--threshold", type=float, default=Thresholds().language)
    parser.add_argument("--home", default="en", help="the desk's own language")
    parser.add_argument("--errors", action="store_true", help="print what was told wrong")
    options = parser.parse_args()
    began = time.perf_counter()
    detector = LangidDetector.open()
    opened = time.perf_counter() - began
    for path in options.files:
        rows, found, took = list(_rows(path)), [], []
        for text, _ in rows:
            began = time.perf_counter()
            found.append(hear(detector.detect, text, options.home))
            took.append((time.perf_counter() - began) * 1000)
        document = figures(rows, found, options.threshold)
        document |= {
            "file": str(path),
            "threshold": options.threshold,
            "open_s": round(opened, 2),
            "p50_ms": round(statistics.median(took), 3),
        }
        print(json.dumps(document, ensure_ascii=False))
        if options.errors:
            for (text, wanted), one in zip(rows, found, strict=True):
                told = one.code if one.confidence >= options.threshold else ""
                if told != wanted and not (wanted == "en" and not told):
                    print(f"  {wanted or '-'} -> {told or '-'} ({one.code} {one.confidence:.2f}): {text[:80]!r}")


if __name__ == "__main__":
    main()

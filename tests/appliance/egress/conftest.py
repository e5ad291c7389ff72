"""The loopback model server lives with the contract suites."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "contracts"))

from egress_parts import House

from appliance.store.database import Database


@pytest.fixture
def house(sqlite: Database, tmp_path: Path) -> House:
    return House(tmp_path, sqlite)


@pytest.fixture
def any_house(database: Database, tmp_path: Path) -> House:
    """On each engine that we support."""
    return House(tmp_path, database)

"""The shipped models, opened once a session: loading is the slow part, and they keep no state."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from models.catalog import Catalog
from models.encoder import OnnxEncoder

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "appliance"), str(TESTS / "appliance/egress")]  # the hosted rung needs its house around it


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.open()


@pytest.fixture(scope="session")
def onnx_encoder(catalog: Catalog) -> OnnxEncoder:
    return OnnxEncoder.open(catalog.require("encoder"), threads=2)

"""The shipped models, opened once a session: loading is the slow part, and they keep no state."""

from __future__ import annotations

import pytest

from models.catalog import Catalog
from models.encoder import OnnxEncoder


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.open()


@pytest.fixture(scope="session")
def onnx_encoder(catalog: Catalog) -> OnnxEncoder:
    return OnnxEncoder.open(catalog.require("encoder"), threads=2)

"""An appliance that is open for real: database, index, line, runner; with stand-ins for the models, or with those that ship."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.bootstrap import Appliance, open_appliance
from appliance.config import Config, Models
from appliance.knowledge import open_knowledge
from appliance.model_set import open_models
from appliance.stand_in import stand_in_models
from appliance.store.database import Database
from models.standin import StandInWarning


def stocked(data: Path, config: Config, encoder: object) -> Path:
    """A data directory with the starter articles."""
    database = Database(config.database_url)
    assert open_knowledge(config, database, encoder).add_starter(config.profile) > 0  # type: ignore[arg-type]
    database.close()
    return data


@pytest.fixture(scope="session")
def stand_in_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("stand-in") / "data"
    with pytest.warns(StandInWarning):
        encoder = stand_in_models().encoder
    return stocked(data, Config(data=data), encoder)


@pytest.fixture
async def appliance(stand_in_data: Path, tmp_path: Path) -> AsyncIterator[Appliance]:
    """On stand-ins: quick, and as good as any where meaning does not matter."""
    data = Path(shutil.copytree(stand_in_data, tmp_path / "data"))
    with pytest.warns(StandInWarning):
        async with open_appliance(Config(data=data, models=Models(stand_in=True))) as opened:
            yield opened


@pytest.fixture(scope="session")
def shipped_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("shipped") / "data"
    config = Config(data=data)
    return stocked(data, config, open_models(config).encoder)


@pytest.fixture
async def shipped(shipped_data: Path, tmp_path: Path) -> AsyncIterator[Appliance]:
    """On the weights that ship, with the profile ``saas``."""
    data = Path(shutil.copytree(shipped_data, tmp_path / "data"))
    async with open_appliance(Config(data=data)) as opened:
        yield opened

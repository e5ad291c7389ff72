"""Fixtures that every room may use: a clock and ids that tests own, and real databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from dovecot import Dovecot
from dovecot import binary as dovecot_binary
from hypothesis import settings
from postgres import Cluster, binaries
from torch_folders import torch_missing

from appliance.store.database import Database

# The same examples in every run, so that a red run is red for its change; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("same", derandomize=True, database=None)
settings.register_profile("explore", derandomize=False, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


TORCH = "torch is not installed here: `make torch-test` runs this."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the bigger models and of training the reranker need torch, which the default install does not have."""
    if torch_missing():
        for item in items:
            if item.get_closest_marker("torch"):
                item.add_marker(pytest.mark.skip(reason=TORCH))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Said aloud: a row of silent s is how untested code ships."""
    left_out = [one for one in terminalreporter.stats.get("skipped", []) if TORCH in str(one.longrepr)]
    if left_out:
        terminalreporter.write_line(
            f"NOT RUN: {len(left_out)} tests need torch. `make torch-test` runs them.", yellow=True
        )


class Clock:
    """The time, as the test sets it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **span: float) -> None:
        self.time += timedelta(**span)


class Ids:
    """id-1, id-2, …"""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self) -> str:
        return f"id-{next(self._numbers)}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ids() -> Ids:
    return Ids()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of our own for this session, on a Unix socket."""
    if os.environ.get("APPLIANCE_TEST_POSTGRES") == "0":
        pytest.skip("APPLIANCE_TEST_POSTGRES=0: PostgreSQL is left out on request.")
    folder = binaries()
    if folder is None:
        pytest.fail(
            "PostgreSQL's initdb was not found: install it (Debian: postgresql), or set APPLIANCE_TEST_POSTGRES=0 to leave these tests out.",
            pytrace=False,
        )
    with Cluster(folder) as running:
        yield running


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A mail server of our own for this session: IMAP and LMTP on loopback."""
    program = dovecot_binary()
    if program is None:
        pytest.fail(
            "Dovecot was not found: install it (Debian: dovecot-imapd dovecot-lmtpd), or run `make test`, which does.",
            pytrace=False,
        )
    with Dovecot(program) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once for each engine that we support."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'appliance.db'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.new_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """For tests to which the engine does not matter."""
    opened = Database(f"sqlite:///{tmp_path / 'appliance.db'}")
    yield opened
    opened.close()

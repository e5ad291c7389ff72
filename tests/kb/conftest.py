"""Fixtures of the knowledge base's tests: a real SQLite shelf and a real LanceDB index in a folder of their own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from shelf import Shelf, WordEncoder

from kb.article import AUDIENCES, Visibility
from kb.store import LanceIndex


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "kb.sqlite")


@pytest.fixture
def index(tmp_path: Path, encoder: WordEncoder) -> LanceIndex:
    return LanceIndex(tmp_path / "lance", encoder.dimension, encoder.revision)


@pytest.fixture
def anyone() -> Visibility:
    return Visibility(frozenset({"public"}), date(2026, 6, 1))


@pytest.fixture
def staff() -> Visibility:
    return Visibility(frozenset(AUDIENCES), date(2026, 6, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small articles in Markdown."""
    folder = tmp_path / "articles"
    (folder / "billing").mkdir(parents=True)
    (folder / "reset-password.md").write_text(
        "---\ntitle: How to reset your password\nintents: [login]\nowner: web\n---\n"
        + f"## On the web\n\nOpen the sign-in page and choose Forgot password.{' The link is valid for 30 minutes.' * 10}\n\n"
        + f"## On the phone\n\nOpen the app, choose Account, then Reset.{' The app must be newer than version 7.' * 10}\n"
    )
    (folder / "billing" / "refunds.md").write_text(
        "---\ntitle: Refunds for annual plans\nurl: https://help.example.com/refunds\n---\n"
        "Refunds for annual plans are paid within 10 business days.\n"
    )
    (folder / "playbook.md").write_text(
        "---\ntitle: Escalation playbook\naudience: internal\n---\nCall the engineer on duty at once.\n"
    )
    return folder

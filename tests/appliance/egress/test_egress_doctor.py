"""The doctor's check ``egress``: what may leave, and whether the ledger is whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_parts import filled, open_ledger, tamper

from appliance.config import Config, Hosted
from appliance.doctor.amiss import Amiss
from appliance.doctor.leaving import egress
from appliance.errors import ConfigInvalid
from appliance.store.database import Database

ON = Hosted(enabled=True, provider="custom", base_url="http://127.0.0.1:9/v1", model="m", price_input=1, price_output=1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    database = Database(f"sqlite:///{tmp_path / 'appliance.db'}")
    filled(open_ledger(tmp_path, database))
    database.close()
    return tmp_path


def test_off_is_in_order_and_a_look_makes_nothing(tmp_path: Path) -> None:
    assert egress(Config(data=tmp_path)) == "hosted models are off; ledger intact (0 rows)"
    assert list(tmp_path.iterdir()) == []


def test_a_broken_ledger_is_amiss_also_while_it_is_off(data: Path) -> None:
    tamper(data, "DELETE FROM egress_ledger WHERE sequence = 3")
    with pytest.raises(Amiss, match="row 3: deleted"):
        egress(Config(data=data))


def test_on_says_to_whom_by_which_rules_and_for_how_much(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOSTED_API_KEY", "sk-very-secret")
    said = egress(Config(data=data, hosted=ON))
    assert said.startswith(
        "hosted models are ON: m at http://127.0.0.1:9/v1; switch on; rules: none, so nothing leaves"
    )
    assert "ledger intact (6 rows)" in said
    assert "secret" not in said
    (data / "egress.off").touch()
    assert "switch OFF" in egress(Config(data=data, hosted=ON))


def test_a_key_file_that_others_may_read_is_refused(data: Path) -> None:
    file = data / "key"
    file.write_text("sk-very-secret")
    file.chmod(0o644)
    with pytest.raises(ConfigInvalid, match="by others") as raised:
        egress(Config(data=data, hosted=ON.model_copy(update={"api_key_file": str(file)})))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "hosted",
    [
        Hosted(enabled=True),
        Hosted(enabled=True, prices_confirmed=True, model="another"),
        Hosted(enabled=True, prices_confirmed=True, base_url="https://another.example/v1"),
        Hosted(enabled=True, provider="custom", base_url="https://x.example/v1", model="m", prices_confirmed=True),
        Hosted(enabled=True, provider="custom", price_input=1, price_output=1),
    ],
)
def test_prices_that_nobody_confirmed_are_refused(data: Path, hosted: Hosted) -> None:
    with pytest.raises(ConfigInvalid, match=r"hosted|prices"):
        egress(Config(data=data, hosted=hosted))


def test_a_preset_whose_prices_are_confirmed_needs_only_its_key(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOSTED_API_KEY", "k")
    assert "claude-sonnet-5-5 at https://api.anthropic.com/v1" in egress(
        Config(data=data, hosted=Hosted(enabled=True, prices_confirmed=True))
    )

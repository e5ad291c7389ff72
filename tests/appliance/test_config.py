"""Settings and profiles: what is missing has a default, and what is wrong is named with its file, its key and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.config import Config, load_config
from appliance.customers import Customer, Customers
from appliance.errors import ConfigInvalid
from appliance.policy import Policy, load_policy, parse_policy, shipped_profiles
from appliance.ticket import Identified
from appliance.trusted import Trusted


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPLIANCE_DATA", raising=False)


def written(folder: Path, text: str, name: str = "appliance.toml") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    assert load_config(None, data=tmp_path) == Config(data=tmp_path)
    assert load_config(None).data == Path("data")


def test_the_file_of_the_data_directory_is_read(tmp_path: Path) -> None:
    written(tmp_path, 'profile = "shop"\n[server]\nport = 9000\n')
    config = load_config(None, data=tmp_path)
    assert (config.profile, config.server.port, config.data) == ("shop", 9000, tmp_path)


def test_the_command_line_goes_before_the_file_and_silence_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, 'profile = "shop"\n[server]\nport = 9000\nhost = "0.0.0.0"\n')
    config = load_config(file, profile="saas", port=1234, host=None, data=None)
    assert (config.profile, config.server.port, config.server.host) == ("saas", 1234, "0.0.0.0")


def test_the_environment_names_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_DATA", str(tmp_path))
    assert load_config(None).data == tmp_path
    assert load_config(None, data=tmp_path / "other").data == tmp_path / "other"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1", r"colour: unknown key"),
        ("[server]\nprot = 1", r"server\.prot: unknown key"),
        ("[server]\nport = 99999", r"server\.port: .*65535"),
        ('[server]\nport = "x"', r"server\.port: .*integer"),
        ("[retrieval]\nkeep = 0", r"retrieval\.keep"),
        ('[synthesis]\nmode = "magic"', r"synthesis\.mode: .*'quote' or 'vllm'"),
        ("[models\n", r"is not valid TOML: .*line 1"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_a_remedy(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigInvalid, match=named) as fault:
        load_config(written(tmp_path, text))
    assert "appliance.toml" in fault.value.message
    assert fault.value.remedy.startswith("Mend")


def test_a_value_that_may_be_a_secret_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as fault:
        load_config(written(tmp_path, '[database]\nurl = ["hunter2"]\n'))
    assert "hunter2" not in str(fault.value)


@pytest.mark.parametrize("port", [1, None])
@pytest.mark.parametrize("section", ["server", "database", "models", "retrieval", "synthesis"])
def test_a_section_that_is_no_table_is_named(tmp_path: Path, section: str, port: int | None) -> None:
    with pytest.raises(ConfigInvalid, match=rf"{section} must be a table\. Write it as \[{section}\]"):
        load_config(written(tmp_path, f"{section} = 3"), port=port)


@pytest.mark.parametrize("make", [lambda path: path / "missing.toml", lambda path: path])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, make: object) -> None:
    file = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load_config(file)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "appliance.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load_config(None, data=tmp_path)


def test_settings_do_not_change_while_running() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().profile = "shop"  # type: ignore[misc]


def test_an_unknown_profile_names_those_that_ship() -> None:
    with pytest.raises(ConfigInvalid, match=r"no profile 'bank'.*it_helpdesk, saas, shop"):
        load_policy("bank")


@pytest.mark.parametrize("name", ["../saas", "saas.TOML", "", "saas\x00"])
def test_a_profile_is_no_path_into_the_package(name: str) -> None:
    with pytest.raises(ConfigInvalid):
        load_policy(name)


def test_a_profile_of_your_own_is_read_by_its_path(tmp_path: Path) -> None:
    own = written(tmp_path, saas().replace('name = "saas"', 'name = "mine"', 1), "mine.toml")
    assert load_policy(str(own)).name == "mine"
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load_policy(str(tmp_path / "none.toml"))


def saas() -> str:
    import appliance

    return (Path(appliance.__file__).parent / "profiles" / "saas.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("confidence = 0.7", "confidence = 1.7", r"thresholds\.confidence: .*less than or equal to 1"),
        ("confidence = 0.7", "confidense = 0.7", r"thresholds\.confidense: unknown key"),
        ('name = "billing_question"', 'name = "Billing Question"', r"intents\.0\.name"),
        ('name = "billing_dispute"', 'name = "billing_question"', r"intents named twice: billing_question"),
        (
            'always_escalate = ["technical_problem"]',
            'always_escalate = ["technical"]',
            r"tier enterprise escalates unknown intents: technical",
        ),
        ('name = "enterprise"', 'name = "gold"', r"tiers\.2\.name"),
        ("not_covered = ", "not_coverd = ", r"replies\.not_covered: Field required"),
        ('title = "Tallybird customer support"', "", r"title: Field required"),
    ],
)
def test_a_profile_with_a_mistake_is_refused_and_the_mistake_named(old: str, new: str, named: str) -> None:
    text = saas()
    assert old in text
    with pytest.raises(ConfigInvalid, match=named):
        parse_policy(text.replace(old, new, 1), origin="mine.toml")


def test_too_few_and_too_many_intents_are_refused() -> None:
    head, *intents = saas().partition("[[tiers]]")[0].split("[[intents]]")
    with pytest.raises(ConfigInvalid, match="intents"):
        parse_policy(head + "".join(f"[[intents]]{one}" for one in intents[:4]), origin="few.toml")
    many = "".join(f'[[intents]]\nname = "i{n}"\ntitle = "I"\n' for n in range(16))
    with pytest.raises(ConfigInvalid, match="intents"):
        parse_policy(head + many, origin="many.toml")


def test_an_unknown_tier_is_an_ordinary_one() -> None:
    policy: Policy = load_policy("it_helpdesk")
    for tier in ("free", "paid", "enterprise"):
        assert policy.tier(tier).priority >= 0  # type: ignore[arg-type]
    assert set(shipped_profiles()) == {"saas", "shop", "it_helpdesk"}


class Table:
    """A customer table of three."""

    def customer(self, customer_id: str) -> Customer | None:
        tier = {"k1": "paid", "k2": "platinum", "k3": "enterprise"}.get(customer_id)
        return Customer(customer_id, "", "a@example.org", "Ann", tier) if tier else None

    def put_standing(self, *_: object, **__: object) -> None:
        raise AssertionError("there is no CRM")


@pytest.mark.parametrize(
    ("customer_id", "expected"),
    [
        (None, Identified()),
        ("", Identified()),
        ("nobody", Identified()),
        ("k1", Identified("paid", True, frozenset({"public", "customer"}))),
        ("k2", Identified("free", True, frozenset({"public", "customer"}))),
        ("k3", Identified("enterprise", True, frozenset({"public", "customer"}))),
    ],
)
def test_tier_and_audience_come_from_the_table_alone(customer_id: str | None, expected: Identified) -> None:
    found = Customers(Table(), Trusted(), now=lambda: datetime(2026, 6, 1, tzinfo=UTC)).identify(customer_id, "session")
    assert found == expected
    assert "internal" not in found.audiences

"""One frozen tree of settings, read once from ``appliance.toml`` and passed by hand. Unknown keys are refused."""

from __future__ import annotations

import os
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from appliance.attachment import AttachmentLimits
from appliance.customer_settings import Crm, Identity
from appliance.desk_settings import DeskSettings
from appliance.errors import ConfigInvalid, explain
from appliance.mail_settings import Mail
from appliance.mailbox_settings import Mailbox
from appliance.opening_settings import Openings, ProgramLimits
from appliance.outgoing_settings import Outgoing, Webhook, distinct
from appliance.section import Section


class Server(Section):
    """Where the appliance listens, and what it accepts."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = ""
    """Address under which customers reach the appliance, for links to articles that have none of their own; empty: http://host:port."""
    allowed_embed_origins: tuple[str, ...] = ()
    """Origins (scheme://host:port) whose pages may embed the widget; the appliance's own is always allowed."""
    max_message_chars: Annotated[int, Field(ge=1)] = 8_000
    max_body_bytes: Annotated[int, Field(ge=1024)] = 262_144
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of our own reverse proxies; only their X-Forwarded-For is believed."""
    max_running: Annotated[int, Field(ge=1)] = 64
    """Messages accepted and not yet answered; beyond it new ones get 503 with Retry-After."""
    max_running_each: Annotated[int, Field(ge=1)] = 8
    """The same of one conversation, which then gets 429."""
    max_streams: Annotated[int, Field(ge=1)] = 12_000
    """Event streams open at once; beyond it new ones get 503. Each is a connection, so the open files of the process bound them too."""
    max_streams_each: Annotated[int, Field(ge=1)] = 32
    """The same of one conversation, which then gets 429."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ip_network(one, strict=False)
        return value


class Database(Section):
    """Empty: SQLite in the data directory. Otherwise an SQLAlchemy URL, such as ``postgresql+psycopg://…``."""

    url: str = ""


class Line(Section):
    """The durable line."""

    keep_runs_hours: Annotated[float, Field(ge=0)] = 24.0
    """How long the journal of a finished run is kept (what its stations found; the record of the reply is another thing and stays)."""


class Models(Section):
    """How the local models run."""

    provider: Literal["cpu", "cuda"] = "cpu"
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads a model; 0: as many as the machine has processors, at most 8."""
    weights: str = ""
    """Folder of the weights; empty: those that ship."""
    encoder: str = "encoder"
    """Catalogue id of the encoder. Another one needs the index rebuilt, and intent heads of its own."""
    reranker: str = "reranker"
    """Catalogue id of the reranker; ``reranker``: the one trained here, or else the one that ships."""
    folder: str = ""
    """Folder of the models brought here (``models add``), one folder an id; empty: where each lay when it was added."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models of the catalogue compute; auto: on the GPU where there is one."""
    stand_in: bool = False
    """Run without weights, on stand-ins that warn aloud. For trying out pages and tests; answers are worthless."""
    max_waiting: Annotated[int, Field(ge=1)] = 512
    """Inputs that may wait before a model; beyond it: overloaded."""


class Retrieval(Section):
    """How passages are found."""

    pool: Annotated[int, Field(ge=1, le=200)] = 30
    """Passages that the search brings up; the first stage's learned order picks among them."""
    candidates: Annotated[int, Field(ge=1, le=100)] = 10
    """The best of these, which the cross-encoder reads."""
    keep: Annotated[int, Field(ge=1, le=20)] = 4
    """Passages that go on to the draft."""
    rerank: bool | Literal["always"] = True
    """True: the cross-encoder orders the candidates where it was measured to help; ``always``: even where it was not; false: never."""


class Spoken(Section):
    """The languages that customers write in."""

    detect: bool = True
    """Tell the language of each message; off: every message counts as the profile's language."""
    expected: tuple[str, ...] = ()
    """Codes of the languages that customers write in, such as de and fr; naming them makes short messages surer. Empty: all that the detector knows."""


class ModelServer(Section):
    """A server of ours that speaks the OpenAI API, and a model on it."""

    base_url: str = "http://127.0.0.1:8000/v1"
    model: str = ""
    api_key_file: str = ""
    """File that holds the key of the server; the environment's APPLIANCE_VLLM_API_KEY is read when this is empty."""
    timeout_s: Annotated[float, Field(gt=0)] = 30.0
    first_token_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    max_retries: Annotated[int, Field(ge=0, le=5)] = 2
    parallel: Annotated[int, Field(ge=1, le=512)] = 16
    """Requests that it works on at once (vLLM's --max-num-seqs)."""


class CircuitBreaker(Section):
    """When a model server that fails is no longer asked, and when it is asked again."""

    faults: Annotated[int, Field(ge=1)] = 3
    """Passing faults in a row that open it."""
    open_s: Annotated[float, Field(gt=0)] = 15.0
    lasting_s: Annotated[float, Field(gt=0)] = 120.0
    """The same after a fault that a person has to mend, such as a wrong key; one is enough."""


class Shedding(Section):
    """When tickets are quoted at once instead of waiting for a model server."""

    wait_s: Annotated[float, Field(ge=0)] = 5.0
    """Seconds that a ticket may be expected to wait for its place at the model."""
    resume: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Share of ``parallel`` down to which the demand must fall before tickets go to the model again."""


class Synthesis(ModelServer):
    """Who writes the draft. ``quote`` copies sentences of the knowledge base and needs no language model."""

    mode: Literal["quote", "vllm"] = "quote"
    smaller: tuple[ModelServer, ...] = ()
    """Further model servers, best first, asked when those above are down, shed or write nothing that passes."""
    breaker: CircuitBreaker = CircuitBreaker()
    shedding: Shedding = Shedding()


class Hosted(Section):
    """A model outside the building, for what the profile's ``[fallback]`` rules allow. Off: no client, no mask and no gate exist."""

    enabled: bool = False
    provider: Literal["anthropic", "openai", "custom"] = "anthropic"
    base_url: str = ""
    """Empty: the provider's. https, or http on loopback."""
    model: str = ""
    """Empty: the provider's preset."""
    form: Literal["preset", "schema", "object", "prompt"] = "preset"
    """How JSON is asked for, where the provider's preset does not fit another server."""
    api_key_file: str = ""
    """File that holds the key; the environment's APPLIANCE_HOSTED_API_KEY is read when this is empty."""
    residency: str = ""
    """Residency tag of this installation's tickets, such as eu. Empty: unknown, and nothing goes."""
    customer_residency: dict[str, str] = {}  # noqa: RUF012 - pydantic copies the default
    """A further tag for single customers, by customer id."""
    price_input: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """For a million input tokens; None: the preset's, once ``prices_confirmed`` says that somebody has compared it with the contract."""
    price_output: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    prices_confirmed: bool = False
    max_tokens: Annotated[int, Field(ge=64, le=32_000)] = 2_000
    """Of one answer, what the model thinks included."""
    timeout_s: Annotated[float, Field(gt=0)] = 25.0
    first_token_timeout_s: Annotated[float, Field(gt=0)] = 15.0
    anchor: str = ""
    """The ledger's anchor file; empty: ``egress.anchor`` in the data directory."""


class Config(Section):
    """Everything an operator can set."""

    data: Path = Path("data")
    profile: str = "saas"
    server: Server = Server()
    database: Database = Database()
    line: Line = Line()
    models: Models = Models()
    retrieval: Retrieval = Retrieval()
    language: Spoken = Spoken()
    synthesis: Synthesis = Synthesis()
    hosted: Hosted = Hosted()
    attachments: AttachmentLimits = AttachmentLimits()
    openings: Openings = Openings()
    programs: ProgramLimits = ProgramLimits()
    mail: Mail = Mail()
    mailboxes: tuple[Mailbox, ...] = ()
    outgoing: Outgoing = Outgoing()
    identity: Identity = Identity()
    crm: Crm = Crm()
    desks: tuple[DeskSettings, ...] = ()
    """Help desks that the company keeps."""
    webhooks: tuple[Webhook, ...] = ()

    @field_validator("webhooks")
    @classmethod
    def _distinct(cls, value: tuple[Webhook, ...]) -> tuple[Webhook, ...]:
        return distinct(value)

    @field_validator("mailboxes")
    @classmethod
    def _apart(cls, value: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
        for what, used in (
            ("name", [one.name for one in value]),
            ("address", [address.lower() for one in value for address in one.addresses]),
        ):
            if twice := {one for one in used if used.count(one) > 1}:
                raise ValueError(f"two mailboxes with the {what} {', '.join(sorted(twice))}")
        return value

    @property
    def base_url(self) -> str:
        """Where customers find this appliance, without a slash at the end."""
        everywhere = self.server.host in {"0.0.0.0", "::", "[::]"}  # noqa: S104 - compared, not bound: no browser can open it
        return (
            self.server.public_url or f"http://{'localhost' if everywhere else self.server.host}:{self.server.port}"
        ).rstrip("/")

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data / 'appliance.db'}"

    @property
    def attachments_folder(self) -> Path:
        """Outside everything that is served; on the same disk for every replica."""
        return self.data / "attachments"

    @property
    def further_profiles(self) -> frozenset[str]:
        """Profiles besides the own one that mailboxes and help desks answer by."""
        named = {desk.profile for desk in self.desks} | {mailbox.profile for mailbox in self.mailboxes}
        return frozenset(named - {"", self.profile})

    @property
    def egress_anchor(self) -> Path:
        return Path(self.hosted.anchor) if self.hosted.anchor else self.data / "egress.anchor"

    @property
    def egress_brake(self) -> Path:
        """While this file exists nothing hosted is asked on this machine."""
        return self.data / "egress.off"


def load_config(file: Path | None, **overrides: object) -> Config:
    """Read ``file`` (or ``appliance.toml`` of the data directory when there is one), then apply what the command line says.

    ``overrides`` are top-level keys and ``host``/``port``; None means "not given". Raises ``ConfigInvalid``.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    data = Path(str(given.get("data") or os.environ.get("APPLIANCE_DATA") or "data"))
    chosen = file or data / "appliance.toml"
    tree = _toml(chosen) if file or chosen.is_file() else {}
    if "data" in given or "data" not in tree:
        tree["data"] = data
    server: dict[str, object] = {name: given.pop(name) for name in ("host", "port") if name in given}
    given.pop("data", None)
    tree = {**tree, **given}
    sections = [name for name, field in Config.model_fields.items() if isinstance(field.default, Section)]
    tree |= {name: _table(tree, name, chosen) for name in sections if name in tree}
    if server:
        tree["server"] = {**_table(tree, "server", chosen), **server}
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigInvalid(
            f"{chosen}: {explain(error)}.", remedy="Mend the keys named; docs/settings.md lists them all."
        ) from error


def _table(tree: dict[str, object], name: str, file: Path) -> dict[str, object]:
    value = tree.get(name, {})
    if not isinstance(value, dict):
        raise ConfigInvalid(f"{file}: {name} must be a table.", remedy=f"Write it as [{name}] with one key a line.")
    return value


def _toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(
            f"The settings file {file} cannot be read: {error}.", remedy="Check the path and its permissions."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(
            f"{file} is not valid TOML: {error}.", remedy="Mend the line that the message names."
        ) from error

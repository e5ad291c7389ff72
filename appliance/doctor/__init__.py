"""What is in order, what is not, and what to do about it. The doctor only looks: it makes, migrates and mends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from appliance.config import Config
from appliance.doctor import calls, customers, desks, destinations, fits, leaving, machine, mailboxes, parts, state
from appliance.doctor.amiss import Amiss
from appliance.errors import ApplianceFault
from appliance.model_set import open_catalog
from kb.errors import KnowledgeFault
from models import hardware
from models.errors import ModelFault


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``fix`` is what to do when it is not ``ok``."""

    check: str
    ok: bool
    detail: str
    fix: str = ""


Look = Callable[[], str]
"""What was seen. Raises a fault when it is not in order."""


def checks(config: Config) -> list[Check]:
    """Everything that must be in order before a ticket can be answered, in the order in which it is needed. Blocks for some seconds."""
    return [_checked(name, look) for name, look in _looks(config)]


def _looks(config: Config) -> Iterator[tuple[str, Look]]:
    yield "python", machine.python
    yield "telemetry", machine.telemetry  # before anything opens a model, which would set the switches
    yield "calls", partial(calls.calls, config)
    yield "destinations", partial(destinations.destinations, config)
    yield "onnxruntime", partial(machine.onnxruntime, config)
    catalog = open_catalog(config)
    encoder = parts.opened(config, catalog)
    for status in catalog.verify():
        yield f"weights.{status.id}", partial(parts.weights, status)
    yield "encoder", partial(parts.encoder, encoder)
    yield "profile", partial(parts.profile, config)
    yield "classifier", partial(parts.classifier, config, encoder)
    yield "ranking", partial(parts.ranking, config, catalog, encoder)
    yield "data_directory", partial(machine.data_directory, config.data)
    yield "disk", partial(machine.disk, config.data)
    yield "database", partial(state.database, config.database_url)
    yield "index", partial(state.index, config, encoder)
    yield "attachments", partial(state.attachments, config)
    yield "port", partial(machine.port, config.server.host, config.server.port)
    yield "open_files", partial(machine.open_files, config.server.max_streams)
    yield "synthesis", partial(parts.synthesis, config)
    yield "identity", partial(customers.identity, config)
    yield "crm", partial(customers.crm, config)
    yield "egress", partial(leaving.egress, config)
    for box in config.mailboxes:
        yield f"mailboxes.{box.name}", partial(mailboxes.mailbox, config, box)
    for settings in config.desks:
        yield f"desks.{settings.name}", partial(desks.desk, config, settings)
    here = hardware.look()
    for role in ("encoder", "reranker"):
        yield f"fits.{role}", partial(fits.finder, config, catalog, here, role)
    yield "fits.synthesis", partial(fits.synthesis, config, catalog, here)
    yield "fits.together", partial(fits.together, config, catalog, here)


def _checked(name: str, look: Look) -> Check:
    try:
        return Check(name, True, look())
    except (Amiss, ApplianceFault, ModelFault, KnowledgeFault) as fault:
        return Check(name, False, fault.message, fault.remedy or "Run it again with APPLIANCE_LOG=debug.")
    except SQLAlchemyError as error:
        return Check(name, False, str(error).splitlines()[0], "Check that the database is up and may be used.")
    except OSError as error:
        return Check(
            name, False, f"{error.filename or name}: {error.strerror or error}.", "Check the path and its permissions."
        )

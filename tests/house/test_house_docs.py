"""Docs are tests: every setting, fault and command stands in them, and nothing that does not exist."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_args

import click
import pytest
import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from tracked import FILES, ROOT

import appliance
import kb
import models
from appliance.cli.main import app
from appliance.config import Config
from appliance.policy import Policy

SETTINGS = (ROOT / "docs/settings.md").read_text("utf-8")
ERRORS = (ROOT / "docs/errors.md").read_text("utf-8")


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a tree of settings, in the order of the source."""
    for name, field in model.model_fields.items():
        nested = [
            kind
            for kind in (field.annotation, *leaves(field.annotation))
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        is_table = isinstance(field.annotation, type) and bool(nested)
        if not is_table:
            yield f"{prefix}{name}"
        for kind in nested[:1]:
            yield from keys(kind, f"{prefix}{name}.")


def leaves(annotation: Any) -> Iterator[Any]:
    for one in get_args(annotation):
        yield one
        yield from leaves(one)


def documented(section: str) -> list[str]:
    """The keys in the first column of the tables of one part of the page."""
    return re.findall(r"^\| `([a-z_.]+)` \|", section, re.M)


def test_every_setting_stands_in_the_docs_and_no_other() -> None:
    own, _, profile = SETTINGS.partition("## Profile")
    assert set(documented(own)) == set(keys(Config))
    assert set(documented(profile)) == set(keys(Policy))


def fields(key: str) -> Iterator[FieldInfo]:
    """The fields along the way of a dotted key."""
    model: type[BaseModel] = Config
    for name in key.split("."):
        field = model.model_fields[name]
        yield field
        nested = [one for one in (field.annotation, *leaves(field.annotation)) if isinstance(one, type)]
        model = next((one for one in nested if issubclass(one, BaseModel)), model)


@pytest.mark.parametrize("key", sorted(key for key in keys(Config)))
def test_the_default_in_the_docs_is_the_default(key: str) -> None:
    value: Any = Config()
    names = key.split(".")
    for name, field in zip(names, fields(key), strict=True):
        own = value == () or value is PydanticUndefined  # a list of tables, or a table in one: theirs are their own
        value = field.default if own else getattr(value, name)
    [said] = re.findall(rf"^\| `{re.escape(key)}` \| ([^|]*) \|", SETTINGS, re.M)
    if value is PydanticUndefined:
        assert said == "needed"
    elif value in ("", ()):
        assert said in {"empty", "none"}
    else:
        assert said.strip("`").lower() == str(value).lower()


def modules() -> Iterator[ModuleType]:
    for package in (appliance, kb, models):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("errors"):
                yield importlib.import_module(found.name)


def codes() -> set[str]:
    return {
        kind.__dict__["code"]
        for module in modules()
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and isinstance(kind.__dict__.get("code"), str)
    }


def test_every_fault_stands_in_the_docs_with_its_remedy() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*) \|$", ERRORS, re.M))
    assert codes() <= set(rows)
    for code in codes():
        assert all(cell.strip() for cell in rows[code].split("|")), code


def commands(group: click.Command | None = None, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    group = group or typer.main.get_command(app)
    if not hasattr(group, "commands"):
        return {path: group}
    return {
        name: command
        for child, inner in group.commands.items()
        for name, command in commands(inner, (*path, child)).items()
    }


COMMANDS = commands()
CALL = re.compile(r"(?:^|\s|`)(?:\.venv/bin/)?appliance ((?:[a-z]+ )?[^`\n]*)")


def called(text: str) -> Iterator[list[str]]:
    """Calls of the command in fenced lines that begin with ``$`` and in code spans."""
    for line in re.findall(r"^\$ (.*)$|`(appliance [^`]*)`", text, re.M):
        for found in CALL.finditer(line[0] or line[1]):
            yield shlex.split(found[1].split(" > ")[0].split(" | ")[0].replace("…", ""), comments=True)


def documents() -> list[str]:
    return [
        str(path)
        for path in FILES
        if path.suffix == ".md" and path.parts[0] in {"README.md", "docs", "CONTRIBUTING.md", "deploy"}
    ]


@pytest.mark.parametrize("document", documents())
def test_commands_in_the_docs_exist_with_their_options(document: str) -> None:
    for words in called((ROOT / document).read_text("utf-8")):
        bare = [word.split("|")[0] for word in words if word]
        if not bare or bare[0].startswith("-"):
            continue
        path = next((tuple(bare[:n]) for n in (3, 2, 1) if tuple(bare[:n]) in COMMANDS), None)
        groups = {name[0] for name in COMMANDS if len(name) > 1}
        assert path or (len(bare) == 1 and bare[0] in groups), f"{document}: appliance {' '.join(words)}"
        if path:
            known = {
                option for parameter in COMMANDS[path].params for option in (*parameter.opts, *parameter.secondary_opts)
            } | {"--help"}
            assert {word.split("=")[0] for word in bare if word.startswith("--")} <= known, (
                f"{document}: appliance {' '.join(words)}"
            )


@pytest.mark.parametrize("document", documents())
def test_links_of_the_docs_lead_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text("utf-8"), flags=re.M | re.S)
    targets = [
        target.partition("#")[0]
        for target in re.findall(r"\]\(([^)\s]+)\)", text)
        if "://" not in target and not target.startswith(("#", "mailto:"))
    ]
    assert [target for target in targets if target and not (folder / target).exists()] == []

"""Small files, short functions: a house that can be read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tracked import CODE, ROOT

MOST_LINES = 300
LONGEST_FUNCTION = 60
PROGRAM = [path for path in CODE if path.parts[0] != "tests" and "migrations" not in path.parts]


@pytest.mark.parametrize("path", CODE, ids=str)
def test_no_file_is_long(path: Path) -> None:
    lines = (ROOT / path).read_text("utf-8").count("\n")
    assert lines <= MOST_LINES or path.parts[0] == "tests", f"{path} has {lines} lines: split it by its nouns"


@pytest.mark.parametrize("path", PROGRAM, ids=str)
def test_no_function_is_long(path: Path) -> None:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    found = {
        node.name: (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in found.items() if lines > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", CODE, ids=str)
def test_no_module_is_a_drawer(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "core", "misc"}


@pytest.mark.parametrize("path", PROGRAM, ids=str)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = (ROOT / path).read_text("utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


@pytest.mark.parametrize("path", CODE, ids=str)
def test_exceptions_to_the_rules_carry_a_reason(path: Path) -> None:
    lines = (ROOT / path).read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        for mark in ("# noqa", "# type: ignore"):
            _, found, after = line.partition(mark)
            bare = bool(found) and "#" not in after and '"' not in after
            assert not bare, f"{path}:{number}: {mark} without a reason beside it"


@pytest.mark.parametrize("path", [path for path in CODE if path.parts[0] == "tests"], ids=str)
def test_tests_use_real_parts(path: Path) -> None:
    modules = {
        name
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not any(name.startswith(("unittest.mock", "mock")) for name in modules)

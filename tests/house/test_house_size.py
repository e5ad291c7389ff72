"""Small files, short functions, reasons beside exceptions: a house that can be read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tracked import CODE, ROOT

MOST_LINES = 300
LONGEST_FUNCTION = 60
DRAWERS = {"utils", "util", "helpers", "helper", "common", "core", "misc"}
PROGRAM = [path for path in CODE if path.parts[0] != "tests" and "migrations" not in path.parts]
EXEMPTION = re.compile(r"# (?:noqa|type: ignore)(?P<rest>.*)$")


def text_of(path: Path) -> str:
    return (ROOT / path).read_text("utf-8")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_no_file_is_long() -> None:
    lines = {str(path): text_of(path).count("\n") for path in PROGRAM}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_no_function_is_long() -> None:
    lines = {
        f"{path}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in PROGRAM
        for node in functions(path)
    }
    assert {name: count for name, count in lines.items() if count > LONGEST_FUNCTION} == {}


def test_no_module_is_a_drawer() -> None:
    assert [str(path) for path in CODE if path.stem in DRAWERS] == []


def test_every_module_says_what_it_is() -> None:
    assert [
        str(path) for path in PROGRAM if text_of(path).strip() and not ast.get_docstring(ast.parse(text_of(path)))
    ] == []


def test_exceptions_to_the_rules_carry_a_reason() -> None:
    """In the program; a test may break a rule to show what happens then."""
    bare = [
        f"{path}:{number}"
        for path in PROGRAM
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if (found := EXEMPTION.search(line)) and not re.search(r"#|--| - |\(|—", found["rest"])
    ]
    assert bare == []


def test_tests_use_real_parts() -> None:
    assert [
        str(path) for path in CODE if any(name.startswith(("unittest.mock", "mock")) for name in imported(path))
    ] == []

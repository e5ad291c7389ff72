"""Opens ONNX models: checked against their hash, on CPU or CUDA, with telemetry off before the library is imported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from models.cores import physical_cores
from models.errors import ModelRefused, ModelUnavailable
from models.telemetry import switch_off

Provider = Literal["cpu", "cuda"]
Arrays = dict[str, npt.NDArray[Any]]

REINSTALL = "Run `appliance models verify`; if it fails, install the appliance again from its bundle."
_PROVIDERS: dict[Provider, list[str]] = {
    "cpu": ["CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
}


class Session:
    """One loaded model. ``run`` may be called from several threads."""

    def __init__(self, inner: Any, path: Path, provider: Provider) -> None:
        self.provider = provider
        self._inner = inner
        self._path = path
        self.inputs = frozenset(node.name for node in inner.get_inputs())
        self.outputs = tuple(node.name for node in inner.get_outputs())

    def run(self, feeds: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Outputs by name. Feeds that the model has no input for are left out. Raises ``ModelUnavailable``."""
        known = {name: value for name, value in feeds.items() if name in self.inputs}
        try:
            values = self._inner.run(None, known)
        except Exception as error:  # onnxruntime's exceptions share no base class; memory is the usual reason
            raise ModelUnavailable(f"The model {self._path.name} failed on this input: {_first_line(error)}") from error
        return dict(zip(self.outputs, values, strict=True))


def open_session(
    path: Path,
    *,
    provider: Provider = "cpu",
    threads: int | None = None,
    sha256: str | None = None,
    inner: Sequence[str] = (),
) -> Session:
    """Load ``path``; ``threads`` None means the physical cores given to this process. ``inner``: tensors inside the graph that are
    wanted in place of its outputs; what they do not need is not loaded.

    Raises ``ModelRefused`` when the file is missing, does not hash to ``sha256``, cannot be parsed, or when CUDA is
    asked for and this install or machine has none.
    """
    check_file(path, sha256)
    switch_off()
    import onnxruntime as ort

    if provider == "cuda" and "CUDAExecutionProvider" not in ort.get_available_providers():
        raise ModelRefused(
            "CUDA was asked for, but the installed onnxruntime has no CUDA provider.",
            remedy='Install the extra "gpu" on a machine with an NVIDIA driver, or set the provider to "cpu".',
        )
    options = _options(ort, threads or physical_cores())
    try:
        graph = _cut(path, inner) if inner else str(path)
        opened = ort.InferenceSession(graph, options, providers=_PROVIDERS[provider])
    except Exception as error:  # onnxruntime's exceptions share no base class
        message = f"The weight file {path} cannot be loaded: {_first_line(error)}"
        raise ModelRefused(message, remedy=REINSTALL) from error
    if provider == "cuda" and "CUDAExecutionProvider" not in opened.get_providers():
        raise ModelRefused(
            "CUDA was asked for, but the GPU could not be opened (onnxruntime fell back to the CPU).",
            remedy='Check the NVIDIA driver with `nvidia-smi`, or set the provider to "cpu".',
        )
    return Session(opened, path, provider)


def _cut(path: Path, wanted: Sequence[str]) -> bytes:
    """The part of the graph that computes ``wanted``, tensors by name. Raises ``KeyError`` for one that it has not."""
    import onnx

    model = onnx.load(str(path))
    makers = {name: node for node in model.graph.node for name in node.output}
    if missing := [name for name in wanted if name not in makers]:
        raise KeyError(f"no tensor {missing[0]}")
    needed, open_ends = set(), list(wanted)
    while open_ends:
        name = open_ends.pop()
        if name and name not in needed:
            needed.add(name)
            open_ends += makers[name].input if name in makers else ()
    kept = [node for node in model.graph.node if needed.intersection(node.output)]
    weights = [one for one in model.graph.initializer if one.name in needed]
    outputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in wanted]
    part = onnx.helper.make_graph(kept, model.graph.name, list(model.graph.input), outputs, weights)
    cut = onnx.helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)
    return bytes(cut.SerializeToString())


def check_file(path: Path, sha256: str | None = None) -> None:
    """Raise ``ModelRefused`` when ``path`` is missing, unreadable or not the file that ``sha256`` names."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest() if sha256 else None
    except FileNotFoundError:
        raise ModelRefused(f"The weight file {path} is missing.", remedy=REINSTALL) from None
    except OSError as error:
        raise ModelRefused(f"The weight file {path} cannot be read: {error.strerror}.", remedy=REINSTALL) from error
    if found != sha256:
        raise ModelRefused(f"The weight file {path} is damaged: its sha256 is not the one recorded.", remedy=REINSTALL)


def _options(ort: Any, threads: int) -> Any:
    """Latency with little memory: no spinning threads beside a web server, no arena that keeps its peak for ever."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]

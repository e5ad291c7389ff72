"""Writes fitted heads as a small ONNX graph: ``vector`` in, three calibrated outputs out, nothing left to the caller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.training.heads import ENERGY_SHARPNESS, FLOOR, FittedHeads

OPSET = 17
IR_VERSION = 10  # ONNX Runtime reads only IR versions that it knows; 10 suits every supported release


class _Graph:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def number(self, name: str, value: float) -> str:
        return self.constant(name, np.array(value, dtype=np.float32))

    def node(self, operator: str, *inputs: str, result: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, list(inputs), [result], **attributes))
        return result


def write_graph(heads: FittedHeads, path: Path) -> None:
    """``heads.onnx``: input ``vector`` float32 (n, d); outputs as in ``FittedHeads.predict``."""
    import onnx
    from onnx import TensorProto, helper

    graph = _Graph()
    kernel = _kernel(graph, heads)
    scores = graph.node("MatMul", kernel, graph.constant("ridge_weights", heads.ridge.weights), result="centred")
    scores = graph.node("Add", scores, graph.constant("ridge_offset", heads.ridge.offset), result="scores")
    intents = _columns(graph, scores, 0, len(heads.intents), "intent_scores")
    _softmax_of(graph, _intent_logits(graph, intents, heads.sharpness), "intent_probability")
    width = heads.ridge.weights.shape[1]
    _softmax_of(
        graph,
        _linear(
            graph,
            _columns(graph, scores, width - 4, width, "levels"),
            heads.urgency.weights,
            heads.urgency.bias,
            "urgency",
        ),
        "urgency_probability",
    )
    _outside(graph, heads, kernel, scores, intents)
    made = helper.make_graph(
        graph.nodes,
        "heads",
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", heads.ridge.landmarks.shape[1]])],
        [
            helper.make_tensor_value_info("intent_probability", TensorProto.FLOAT, ["n", len(heads.intents)]),
            helper.make_tensor_value_info("urgency_probability", TensorProto.FLOAT, ["n", 4]),
            helper.make_tensor_value_info("out_of_scope", TensorProto.FLOAT, ["n"]),
        ],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _kernel(graph: _Graph, heads: FittedHeads) -> str:
    """exp(2 gamma (x . landmark - 1)), (n, m); landmarks are kept in half precision."""
    from onnx import TensorProto

    stored = graph.constant("landmarks", heads.ridge.landmarks.T.astype(np.float16))
    landmarks = graph.node("Cast", stored, result="landmarks_fp32", to=TensorProto.FLOAT)
    product = graph.node("MatMul", "vector", landmarks, result="product")
    shifted = graph.node("Sub", product, graph.number("one", 1.0), result="shifted")
    scaled = graph.node("Mul", shifted, graph.number("two_gamma", 2.0 * heads.ridge.gamma), result="scaled")
    return graph.node("Exp", scaled, result="kernel")


def _intent_logits(graph: _Graph, intents: str, sharpness: float) -> str:
    """sharpness x log(max(score, 0) + floor)."""
    positive = graph.node("Relu", intents, result="positive")
    raised = graph.node("Add", positive, graph.number("floor", FLOOR), result="raised")
    return graph.node(
        "Mul",
        graph.node("Log", raised, result="evidence"),
        graph.number("sharpness", sharpness),
        result="intent_logits",
    )


def _columns(graph: _Graph, source: str, start: int, end: int, name: str) -> str:
    bounds = [
        graph.constant(f"{name}_{what}", np.array([at], dtype=np.int64))
        for what, at in (("from", start), ("to", end), ("axis", 1))
    ]
    return graph.node("Slice", source, *bounds, result=name)


def _linear(graph: _Graph, source: str, weights: npt.NDArray[Any], bias: npt.NDArray[Any], name: str) -> str:
    product = graph.node("MatMul", source, graph.constant(f"{name}_weights", weights), result=f"{name}_product")
    return graph.node("Add", product, graph.constant(f"{name}_bias", bias), result=f"{name}_logits")


def _softmax_of(graph: _Graph, logits: str, output: str) -> None:
    graph.node("Softmax", logits, result=output, axis=1)


def _outside(graph: _Graph, heads: FittedHeads, kernel: str, scores: str, intents: str) -> None:
    """The four features of ``outside_features`` and the logistic on them."""
    k = len(heads.intents)
    sharp = graph.node("Mul", intents, graph.number("energy_sharpness", ENERGY_SHARPNESS), result="sharp")
    energy = graph.node("ReduceLogSumExp", sharp, result="energy_sharp", axes=[1], keepdims=1)
    energy = graph.node("Div", energy, "energy_sharpness", result="energy")
    strongest = graph.node("ReduceMax", intents, result="strongest", axes=[1], keepdims=1)
    nearest = graph.node("ReduceMax", kernel, result="nearest", axes=[1], keepdims=1)
    column = (
        _columns(graph, scores, k, k + 1, "outside_column")
        if heads.has_outside
        else graph.node("Mul", nearest, graph.number("nothing", 0.0), result="outside_column")
    )
    features = graph.node("Concat", energy, strongest, nearest, column, result="outside_features", axis=1)
    logit = _linear(graph, features, heads.outside.weights, heads.outside.bias, "outside")
    flat = graph.node("Reshape", logit, graph.constant("flat", np.array([-1], dtype=np.int64)), result="outside_flat")
    graph.node("Sigmoid", flat, result="out_of_scope")

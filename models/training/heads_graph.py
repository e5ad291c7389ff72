"""Writes fitted heads as a small ONNX graph: ``features`` in, three calibrated outputs out, nothing left to the caller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.ngrams import BUCKETS
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
    """``heads.onnx``: input ``features`` float32 (n, width); outputs as in ``FittedHeads.predict``."""
    import onnx
    from onnx import TensorProto, helper

    graph = _Graph()
    nearness = _nearness(graph, heads)
    scores = _scores(graph, heads, nearness)
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
    _outside(graph, heads, nearness, scores, intents)
    made = helper.make_graph(
        graph.nodes,
        "heads",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(heads.preparation.mean) + BUCKETS])],
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


def _nearness(graph: _Graph, heads: FittedHeads) -> str:
    """exp(2 gamma (x . landmark - 1)), (n, m), x being the text's meaning; axes and landmarks are kept in half precision."""
    width = len(heads.preparation.mean)
    dense = _columns(graph, "features", 0, width, "dense")
    centred = graph.node("Sub", dense, graph.constant("mean", heads.preparation.mean), result="dense_centred")
    turned = graph.node("MatMul", centred, _half(graph, "axes", heads.preparation.axes), result="turned")
    meaning = _unit(graph, turned, "meaning")
    product = graph.node("MatMul", meaning, _half(graph, "landmarks", heads.ridge.landmarks.T), result="product")
    shifted = graph.node("Sub", product, graph.number("one", 1.0), result="shifted")
    gamma = graph.number("two_gamma", 2.0 * heads.ridge.kernel.gamma)
    return graph.node("Exp", graph.node("Mul", shifted, gamma, result="scaled"), result="nearness")


def _scores(graph: _Graph, heads: FittedHeads, nearness: str) -> str:
    """offset + nearness @ weights + wording @ word_weights, (n, outputs)."""
    width = len(heads.preparation.mean)
    counts = _columns(graph, "features", width, width + BUCKETS, "counts")
    raised = graph.node("Add", counts, graph.number("one_more", 1.0), result="counts_raised")
    damped = graph.node("Log", raised, result="counts_damped")
    weighed = graph.node("Mul", damped, graph.constant("rarity", heads.preparation.rarity), result="counts_weighed")
    wording = _unit(graph, weighed, "wording")
    by_words = graph.node(
        "MatMul", wording, graph.constant("word_weights", heads.ridge.word_weights), result="by_words"
    )
    by_meaning = graph.node(
        "MatMul", nearness, graph.constant("ridge_weights", heads.ridge.weights), result="by_meaning"
    )
    both = graph.node("Add", by_meaning, by_words, result="centred")
    return graph.node("Add", both, graph.constant("ridge_offset", heads.ridge.offset), result="scores")


def _half(graph: _Graph, name: str, value: npt.NDArray[Any]) -> str:
    """A constant that is kept in half precision and cast when the model is opened."""
    from onnx import TensorProto

    stored = graph.constant(f"{name}_half", value.astype(np.float16))
    return graph.node("Cast", stored, result=name, to=TensorProto.FLOAT)


def _unit(graph: _Graph, rows: str, result: str) -> str:
    """Rows of norm 1; a zero row stays zero."""
    length = graph.node("ReduceL2", rows, result=f"{result}_length", axes=[1], keepdims=1)
    bounded = graph.node("Max", length, graph.number(f"{result}_tiny", 1e-9), result=f"{result}_bounded")
    return graph.node("Div", rows, bounded, result=result)


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


def _outside(graph: _Graph, heads: FittedHeads, nearness: str, scores: str, intents: str) -> None:
    """The four features of ``outside_features`` and the logistic on them."""
    k = len(heads.intents)
    sharp = graph.node("Mul", intents, graph.number("energy_sharpness", ENERGY_SHARPNESS), result="sharp")
    energy = graph.node("ReduceLogSumExp", sharp, result="energy_sharp", axes=[1], keepdims=1)
    energy = graph.node("Div", energy, "energy_sharpness", result="energy")
    strongest = graph.node("ReduceMax", intents, result="strongest", axes=[1], keepdims=1)
    nearest = graph.node("ReduceMax", nearness, result="nearest", axes=[1], keepdims=1)
    column = (
        _columns(graph, scores, k, k + 1, "outside_column")
        if heads.has_outside
        else graph.node("Mul", nearest, graph.number("nothing", 0.0), result="outside_column")
    )
    features = graph.node("Concat", energy, strongest, nearest, column, result="outside_features", axis=1)
    logit = _linear(graph, features, heads.outside.weights, heads.outside.bias, "outside")
    flat = graph.node("Reshape", logit, graph.constant("flat", np.array([-1], dtype=np.int64)), result="outside_flat")
    graph.node("Sigmoid", flat, result="out_of_scope")

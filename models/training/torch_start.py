"""The weights of a served int8 cross-encoder as a torch model, so that a box without internet can train on from what it runs.

int8 is all that ships (the fp32 checkpoint is four times as large). Dequantised weights give the served scores back to a
correlation of .99 and more, which ``start_from`` proves before a training may begin with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from models.errors import ModelRefused
from models.training.torch_pair import PairScorer

HEADS = 12
MIN_AGREEMENT = 0.98
LAYER_NORM_EPSILON = 1e-12
_DENSE = ("attention/output/dense", "intermediate/dense", "output/dense")

Floats = npt.NDArray[np.float32]
State = dict[str, torch.Tensor]


class Graph:
    """Initializers of an exported PairScorer by the names of its parameters, dequantised where they are int8."""

    def __init__(self, path: Path) -> None:
        model = onnx.load(str(path))
        self._values = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        self._inputs = {out: list(node.input) for node in model.graph.node for out in node.output}
        self.layers = 1 + max(
            int(name.split(".")[3]) for name in self._values if name.startswith("bert.encoder.layer.")
        )

    def value(self, name: str) -> Floats:
        """Raises ``KeyError`` when the graph has no such weight, plain or quantised."""
        if name in self._values:
            return np.asarray(self._values[name], dtype=np.float32)
        whole = self._values[f"{name}_quantized"].astype(np.float32)
        scale, zero = (self._values[f"{name}_{part}"].astype(np.float32) for part in ("scale", "zero_point"))
        if scale.size > 1 and scale.size != whole.shape[-1]:  # one scale a row
            scale, zero = scale.reshape(-1, 1), zero.reshape(-1, 1)
        return (whole - zero) * scale

    def weight_of(self, output: str) -> Floats:
        """The matrix of the product whose result is ``output``, as torch keeps it: (out, in)."""
        for name in (f"{output}_output_quantized", output):
            if name in self._inputs:
                return self.value(self._inputs[name][1].removesuffix("_quantized")).T
        raise KeyError(output)


def state_of(path: Path) -> State:
    """A ``PairScorer`` state dict. Raises ``ModelRefused`` when the graph is not one of ours."""
    try:
        graph = Graph(path)
        state = {name: graph.value(name) for name in _embedding_names()}
        for layer in range(graph.layers):
            state |= _layer(graph, layer)
        state |= {
            "scale": graph.value("scale"),
            "first_token.weight": graph.value("first_token.weight_Transposed").T,
            "first_token.bias": graph.value("first_token.bias"),
            "product.weight": graph.weight_of("/product/MatMul_output_0"),
        }
    except (KeyError, ValueError, IndexError) as error:
        raise ModelRefused(
            f"The graph {path} is not one that training can go on from ({error}).", remedy="Leave out --start."
        ) from error
    return {name: torch.from_numpy(np.array(value, copy=True)) for name, value in state.items()}


def _embedding_names() -> Sequence[str]:
    parts = ("word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight")
    return [f"bert.embeddings.{name}" for name in (*parts, "LayerNorm.weight", "LayerNorm.bias")]


def _layer(graph: Graph, number: int) -> Mapping[str, Floats]:
    at = f"bert.encoder.layer.{number}"
    weights = np.split(graph.value(f"Attention_{number}_qkv_weight"), 3, axis=1)
    biases = np.split(graph.value(f"Attention_{number}_qkv_bias"), 3)
    found: dict[str, Floats] = {}
    for name, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
        found |= {f"{at}.attention.self.{name}.weight": weight.T, f"{at}.attention.self.{name}.bias": bias}
    for dense in _DENSE:
        name = f"{at}.{dense.replace('/', '.')}"
        found[f"{name}.weight"] = graph.weight_of(f"/bert/encoder/layer.{number}/{dense}/MatMul_output_0")
        found[f"{name}.bias"] = graph.value(f"{name}.bias")
    for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
        found |= {f"{at}.{norm}.{part}": graph.value(f"{at}.{norm}.{part}") for part in ("weight", "bias")}
    return found


def scorer_of(state: State, *, attention: str = "sdpa") -> PairScorer:
    """A model of the state's own size. No file of the hub is needed: all that BERT's settings say is in the shapes."""
    from transformers import BertConfig, BertModel

    words, width = state["bert.embeddings.word_embeddings.weight"].shape
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=1 + max(int(name.split(".")[3]) for name in state if ".layer." in name),
        num_attention_heads=HEADS,
        intermediate_size=state["bert.encoder.layer.0.intermediate.dense.bias"].shape[0],
        max_position_embeddings=state["bert.embeddings.position_embeddings.weight"].shape[0],
        layer_norm_eps=LAYER_NORM_EPSILON,
        attn_implementation=attention,
    )
    model = PairScorer(BertModel(config, add_pooling_layer=False))
    kept = {name: value for name, value in state.items() if not name.startswith("bert.pooler.")}
    model.load_state_dict(kept, strict=False)
    missing = set(dict(model.named_parameters())) - set(kept)
    if missing:
        raise ModelRefused(f"The weights lack {', '.join(sorted(missing)[:3])}.", remedy="Leave out --start.")
    return model


def start_from(folder: Path, pairs: Sequence[tuple[str, str]]) -> PairScorer:
    """The model of ``folder`` in torch. Raises ``ModelRefused`` unless it scores ``pairs`` as the served graph does."""
    from models.reranker import OnnxReranker
    from models.training.torch_tokens import MAX_TOKENS, PairTokens

    model = scorer_of(state_of(folder / "model.onnx")).eval()
    with torch.no_grad():
        found = model(**PairTokens(folder / "tokenizer.json", MAX_TOKENS).batch(pairs)).numpy()
    agreement = float(np.corrcoef(found, OnnxReranker.open(folder).score(pairs))[0, 1])
    if not agreement >= MIN_AGREEMENT:
        raise ModelRefused(
            f"The torch copy of {folder} scores otherwise than the served graph (correlation {agreement:.3f}).",
            remedy="Leave out --start: training then begins with the encoder's weights.",
        )
    return model.train()

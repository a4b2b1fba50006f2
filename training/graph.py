"""`python -m training.graph`: writes the graph of the network, without weights.

It has to be written anew only where the network or the rank of its change is another; a test
compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from assistant.encoder import packaged_folder
from assistant.minilm import DIMENSIONS, GRAPH, LAYERS, Array, load_weights, tensors
from assistant.network import DATA, LEARNED_FILE, WEIGHTS_FILE
from assistant.reader import HEADS

ATTENTION_HEADS: Final = 12
_EPSILON: Final = 1e-12
_OPSET: Final = 18
_IR_VERSION: Final = 9
_FUSED: Final = "com.microsoft"
_FLOAT: Final = TensorProto.FLOAT


class _Nodes:
    """Collects the nodes of a graph."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    def add_many(
        self, count: int, kind: str, *inputs: str, domain: str = "", **attributes: Any
    ) -> list[str]:
        outputs = [f"{kind}_{len(self.all)}_{n}" for n in range(count)]
        self.all.append(helper.make_node(kind, list(inputs), outputs, domain=domain, **attributes))
        return outputs

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        return self.add_many(1, kind, *inputs, domain=domain, **attributes)[0]

    def linear(self, x: str, name: str) -> str:
        """x·W, and x·A·B more where the text is read with the change; the bias is the caller's."""
        low = self.add("Mul", self.add("MatMul", x, f"{name}.a"), "changed")
        change = self.add("MatMul", low, f"{name}.b")
        return self.add("Add", self.add("MatMul", x, f"{name}.w"), change)

    def normalized(self, x: str, residual: str, linear: str, norm: str) -> str:
        return self.add(
            "SkipLayerNormalization",
            self.linear(x, linear),
            residual,
            f"{norm}.w",
            f"{norm}.bias",
            f"{linear}.bias",
            domain=_FUSED,
            epsilon=_EPSILON,
        )


def build_graph(given: Mapping[str, Array]) -> bytes:
    """The serialized model whose weights, by name and shape, are those `given`."""
    nodes = _Nodes()
    mean = _mean_of_tokens(nodes, _layers(nodes))
    outputs = {
        "mean": (mean, DIMENSIONS),
        "vector": (nodes.add("LpNormalization", mean, axis=1, p=2), DIMENSIONS),
    }
    for name, labels in HEADS.items():
        scores = nodes.add("Gemm", mean, f"heads.{name}.w", f"heads.{name}.bias")
        outputs[name] = (scores, len(labels))
    for name, (value, _) in outputs.items():
        nodes.all.append(helper.make_node("Identity", [value], [name]))
    axes = [
        numpy_helper.from_array(np.array([value], np.int64), name)
        for name, value in (("one", 1), ("two", 2))
    ]
    graph = helper.make_graph(
        nodes.all,
        "minilm",
        [
            helper.make_tensor_value_info("embedded", _FLOAT, ["texts", "tokens", DIMENSIONS]),
            helper.make_tensor_value_info("mask", TensorProto.INT32, ["texts", "tokens"]),
            helper.make_tensor_value_info("changed", _FLOAT, ["texts", 1, 1]),
        ],
        [
            helper.make_tensor_value_info(name, _FLOAT, ["texts", width])
            for name, (_, width) in outputs.items()
        ],
        [*axes, *(_elsewhere(name, values) for name, values in given.items())],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    return bytes(model.SerializeToString(deterministic=True))


def _layers(nodes: _Nodes) -> str:
    """The last hidden states, (texts, tokens, 384)."""
    x = nodes.add("LayerNormalization", "embedded", "first.w", "first.bias", epsilon=_EPSILON)
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        own = f"{name}.attention.self"
        parts = nodes.add_many(3, "Split", nodes.linear(x, own), axis=2, num_outputs=3)
        attended = nodes.add(
            "MultiHeadAttention",
            *parts,
            f"{own}.bias",
            "mask",
            domain=_FUSED,
            num_heads=ATTENTION_HEADS,
        )
        output = f"{name}.attention.output"
        x = nodes.normalized(attended, x, f"{output}.dense", f"{output}.LayerNorm")
        wide = f"{name}.intermediate.dense"
        widened = nodes.add("BiasGelu", nodes.linear(x, wide), f"{wide}.bias", domain=_FUSED)
        x = nodes.normalized(widened, x, f"{name}.output.dense", f"{name}.output.LayerNorm")
    return x


def _mean_of_tokens(nodes: _Nodes, x: str) -> str:
    """The mean over the tokens that are no padding, (texts, 384)."""
    mask = nodes.add("Cast", "mask", to=_FLOAT)
    kept = nodes.add("Mul", x, nodes.add("Unsqueeze", mask, "two"))
    total = nodes.add("ReduceSum", kept, "one", keepdims=0)
    return nodes.add("Div", total, nodes.add("ReduceSum", mask, "one", keepdims=1))


def _elsewhere(name: str, values: Array) -> Any:
    """A tensor of which the graph knows the shape only; its values are handed over apart."""
    tensor = TensorProto(
        name=name,
        dims=values.shape,
        data_type=_FLOAT,
        data_location=TensorProto.EXTERNAL,
    )
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "memory"
    return tensor


def build_packaged_graph() -> bytes:
    """The graph of the packaged weights and of what was learned."""
    weights = load_weights(packaged_folder() / WEIGHTS_FILE)
    return build_graph(tensors(weights, load_weights(DATA / LEARNED_FILE)))


if __name__ == "__main__":
    GRAPH.write_bytes(build_packaged_graph())

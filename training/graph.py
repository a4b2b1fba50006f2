"""`python -m training.graph`: writes the graph of the network, without weights.

It has to be written anew only where the network or the rank of its change is another; a test
compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from assistant.encoder import packaged_folder
from assistant.minilm import DIMENSIONS, GRAPH, load_weights
from assistant.network import DATA, LEARNED_FILE, WEIGHTS_FILE
from assistant.reader import HEADS

LAYERS: Final = 6
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

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        output = f"{kind}_{len(self.all)}"
        self.all.append(helper.make_node(kind, list(inputs), [output], domain=domain, **attributes))
        return output

    def linear(self, x: str, name: str) -> str:
        """x·Wᵀ and the bias; x·Aᵀ·Bᵀ more in the rows that are read with the change."""
        low = self.add("Mul", self.add("Gemm", x, f"{name}.a", transB=1), "changed")
        published = self.add("Gemm", x, f"{name}.weight", f"{name}.bias", transB=1)
        return self.add("Gemm", low, f"{name}.b", published, transB=1)

    def normalized(self, x: str, residual: str, name: str) -> str:
        parts = (x, residual, f"{name}.weight", f"{name}.bias")
        return self.add("SkipLayerNormalization", *parts, domain=_FUSED, epsilon=_EPSILON)


def build_graph(shapes: Mapping[str, Sequence[int]]) -> bytes:
    """The serialized model for weights of these names and shapes."""
    nodes = _Nodes()
    mean = _mean_of_tokens(nodes, _layers(nodes))
    outputs = {
        "mean": (mean, DIMENSIONS),
        "vector": (nodes.add("LpNormalization", mean, axis=1, p=2), DIMENSIONS),
    }
    for name, labels in HEADS.items():
        parts = (mean, f"heads.{name}.weight", f"heads.{name}.bias")
        outputs[name] = (nodes.add("Gemm", *parts, transB=1), len(labels))
    for name, (value, _) in outputs.items():
        nodes.all.append(helper.make_node("Identity", [value], [name]))
    constants = {"one": [1], "two": [2], "width": [DIMENSIONS], "rows": [-1, DIMENSIONS]}
    used = {name for node in nodes.all for name in node.input}
    graph = helper.make_graph(
        nodes.all,
        "minilm",
        [
            helper.make_tensor_value_info("embedded", _FLOAT, ["tokens of all", DIMENSIONS]),
            helper.make_tensor_value_info("changed", _FLOAT, ["tokens of all", 1]),
            helper.make_tensor_value_info("mask", TensorProto.INT32, ["texts", "tokens"]),
        ],
        [
            helper.make_tensor_value_info(name, _FLOAT, ["texts", width])
            for name, (_, width) in outputs.items()
        ],
        [
            *(
                numpy_helper.from_array(np.array(value, np.int64), name)
                for name, value in constants.items()
            ),
            *(_elsewhere(name, shape) for name, shape in shapes.items() if name in used),
        ],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    return bytes(model.SerializeToString(deterministic=True))


def _layers(nodes: _Nodes) -> str:
    """The last hidden states, (tokens of all, 384)."""
    first = ("embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias")
    x = nodes.add("LayerNormalization", "embedded", *first, epsilon=_EPSILON)
    shape = nodes.add("Concat", nodes.add("Shape", "mask"), "width", axis=0)
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        parts = [
            nodes.add("Reshape", nodes.linear(x, f"{name}.attention.self.{part}"), shape)
            for part in ("query", "key", "value")
        ]
        attended = nodes.add(
            "MultiHeadAttention",
            *parts,
            "",
            "mask",
            domain=_FUSED,
            num_heads=ATTENTION_HEADS,
        )
        output = f"{name}.attention.output"
        seen = nodes.linear(nodes.add("Reshape", attended, "rows"), f"{output}.dense")
        x = nodes.normalized(seen, x, f"{output}.LayerNorm")
        widened = nodes.add("Gelu", nodes.linear(x, f"{name}.intermediate.dense"), domain=_FUSED)
        narrowed = nodes.linear(widened, f"{name}.output.dense")
        x = nodes.normalized(narrowed, x, f"{name}.output.LayerNorm")
    return nodes.add("Reshape", x, shape)


def _mean_of_tokens(nodes: _Nodes, x: str) -> str:
    """The mean over the tokens that are no padding, (texts, 384)."""
    mask = nodes.add("Cast", "mask", to=_FLOAT)
    kept = nodes.add("Mul", x, nodes.add("Unsqueeze", mask, "two"))
    total = nodes.add("ReduceSum", kept, "one", keepdims=0)
    return nodes.add("Div", total, nodes.add("ReduceSum", mask, "one", keepdims=1))


def _elsewhere(name: str, shape: Sequence[int]) -> Any:
    """A tensor of which the graph knows the shape only; its values are handed over apart."""
    tensor = TensorProto(
        name=name, dims=shape, data_type=_FLOAT, data_location=TensorProto.EXTERNAL
    )
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "memory"
    return tensor


def build_packaged_graph() -> bytes:
    """The graph of the packaged weights and of what was learned."""
    weights = load_weights(packaged_folder() / WEIGHTS_FILE)
    learned = load_weights(DATA / LEARNED_FILE)
    return build_graph({name: values.shape for name, values in (weights | learned).items()})


if __name__ == "__main__":
    GRAPH.write_bytes(build_packaged_graph())

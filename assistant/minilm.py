"""all-MiniLM-L6-v2 by onnxruntime: the packaged weights, in a graph that is built in memory.

The network is BERT with six layers (Devlin et al., 2019; Wang et al., "MiniLM", 2020). Its weights
are handed over as they lie in the file, so that nothing is exported and nothing can go out of date.
A question takes less than half the time that it takes through torch, with the same vectors (a test
compares them), and neither torch nor sentence-transformers is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelError
from assistant.text import squeeze

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Array: TypeAlias = NDArray[np.float32]
Weights: TypeAlias = Mapping[str, Array]

LAYERS: Final = 6
ATTENTION_HEADS: Final = 12
DIMENSIONS: Final = 384
# A safetensors file: the length of its header, the header as JSON, and the values.
_LENGTH_BYTES: Final = 8
_DTYPES: Final = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
MAX_TOKENS: Final = 256
_SPECIAL_TOKENS: Final = 2
# A text of more tokens is read in parts of so many, the next one beginning so much later.
PART_TOKENS: Final = 100
PART_STEP: Final = 75
BATCH: Final = 16
# Texts of one batch are padded to the longest. What stays within the processor's caches is done
# fastest: 4,096 tokens a batch took a quarter more time for the articles' sentences than 512.
BATCH_TOKENS: Final = 512
_EPSILON: Final = 1e-12
_OPSET: Final = 17
_IR_VERSION: Final = 9
_FUSED: Final = "com.microsoft"


def vocabulary(folder: Path) -> list[str]:
    """The tokens of a model's vocabulary, in their order.

    Raises:
        ModelError: its file cannot be read.
    """
    path = folder / "vocab.txt"
    try:
        return path.read_text("utf-8").splitlines()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}); install the model anew") from error


def load_weights(path: Path) -> dict[str, Array]:
    """The tensors of a safetensors file by name, in single precision.

    They stay in the file until they are used: half of the model are vectors of words of which a
    process meets few.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if _LENGTH_BYTES + length > path.stat().st_size:
                raise ValueError("its header is longer than itself")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        tensors = {
            name: np.memmap(
                path,
                _DTYPES[entry["dtype"]],
                "r",
                _LENGTH_BYTES + length + entry["data_offsets"][0],
                tuple(entry["shape"]),
            )
            for name, entry in header.items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); install it again") from error
    return {
        name: values.astype(np.float32) if values.dtype == np.float16 else values
        for name, values in tensors.items()
    }


class MiniLM:
    """The network, with a unit vector as its output or with the scores of linear heads.

    Args:
        folder: where ``tokenizer.json`` lies.
        weights: of the six layers and the embeddings.
        heads: by name a matrix of shape (scores, 384) and a bias of shape (scores,), both applied
            to the mean of the tokens; none for the unit vector. With heads the mean itself is
            an output too, ``mean``.

    Raises:
        ModelError: the tokenizer cannot be read, or the weights are not this network's.
    """

    def __init__(
        self, folder: Path, weights: Weights, heads: Mapping[str, tuple[Array, Array]] | None = None
    ) -> None:
        self._folder = folder
        self._heads = dict(heads or {})
        try:
            self._words = weights["embeddings.word_embeddings.weight"]
            # All tokens are of the first type: its vector is added to the places.
            self._places = (
                weights["embeddings.position_embeddings.weight"]
                + weights["embeddings.token_type_embeddings.weight"][0]
            )
            self._session = _session(weights, self._heads)
        except (KeyError, ValueError) as error:
            raise ModelError(f"{folder}: not the weights of MiniLM ({error!r})") from error

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Texts to tokens, at most `MAX_TOKENS` of them."""
        from tokenizers import Tokenizer

        path = self._folder / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            raise ModelError(f"{path}: cannot be read ({error})") from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @cached_property
    def _untruncated(self) -> Tokenizer:
        tokenizer = self.tokenizer.from_str(self.tokenizer.to_str())
        tokenizer.no_truncation()
        return tokenizer

    def parts(self, text: str) -> list[str]:
        """The text itself if the network reads it whole, else overlapping parts of it."""
        if len(text) <= MAX_TOKENS - _SPECIAL_TOKENS:
            return [text]
        offsets = self._untruncated.encode(text, add_special_tokens=False).offsets
        if len(offsets) <= MAX_TOKENS - _SPECIAL_TOKENS:
            return [text]
        starts = range(0, len(offsets) - PART_TOKENS + PART_STEP, PART_STEP)
        ends = [min(start + PART_TOKENS, len(offsets)) - 1 for start in starts]
        return [text[offsets[a][0] : offsets[b][1]] for a, b in zip(starts, ends, strict=True)]

    def run(self, texts: Sequence[str]) -> dict[str, Array]:
        """The outputs by name, each of shape (texts, width), in the order of `texts`.

        Texts are cut at `MAX_TOKENS` tokens. Without heads the output is ``vector``.
        """
        widths = _outputs(self._heads)
        found = {name: np.zeros((len(texts), width), np.float32) for name, width in widths.items()}
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(tokens)), key=lambda n: len(tokens[n]))
        for batch in _batches(order, tokens):
            ids = np.zeros((len(batch), len(tokens[batch[-1]])), np.int64)
            mask = np.zeros(ids.shape, np.int32)
            for row, n in enumerate(batch):
                ids[row, : len(tokens[n])] = tokens[n]
                mask[row, : len(tokens[n])] = 1
            embedded = self._words[ids] + self._places[: ids.shape[1]]
            outputs = self._session.run(list(found), {"embedded": embedded, "mask": mask})
            for name, values in zip(found, outputs, strict=True):
                found[name][batch] = values
        return found


def _outputs(heads: Mapping[str, tuple[Array, Array]]) -> dict[str, int]:
    """The outputs by name, with how many values each has."""
    if not heads:
        return {"vector": DIMENSIONS}
    return {name: len(bias) for name, (_, bias) in heads.items()} | {"mean": DIMENSIONS}


def _batches(order: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[list[int]]:
    """`order`, from short to long, in batches that stay within bounds."""
    batches: list[list[int]] = []
    for n in order:
        width = (len(batches[-1]) + 1) * len(tokens[n]) if batches else 0
        if batches and len(batches[-1]) < BATCH and width <= BATCH_TOKENS:
            batches[-1].append(n)
        else:
            batches.append([n])
    return batches


class _Graph:
    """Collects the nodes; the weights are named in it and handed over apart from it."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.tensors: dict[str, NDArray[Any]] = {}
        self.axes: list[Any] = []

    def axis(self, name: str, value: int) -> str:
        """A whole number, which the graph itself has to know."""
        from onnx import numpy_helper

        self.axes.append(numpy_helper.from_array(np.array([value], np.int64), name))
        return name

    def tensor(self, name: str, values: NDArray[Any]) -> str:
        self.tensors[name] = np.ascontiguousarray(values)
        return name

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, list(inputs), [output], domain=domain, **attributes)
        )
        return output

    def linear(self, x: str, weights: Weights, name: str) -> str:
        product = self.node("MatMul", x, self.tensor(f"{name}.w", weights[f"{name}.weight"].T))
        return self.node("Add", product, self.tensor(f"{name}.b", weights[f"{name}.bias"]))

    def normalized(self, x: str, residual: str, weights: Weights, name: str) -> str:
        gain = self.tensor(f"{name}.w", weights[f"{name}.weight"])
        bias = self.tensor(f"{name}.b", weights[f"{name}.bias"])
        return self.node(
            "SkipLayerNormalization", x, residual, gain, bias, domain=_FUSED, epsilon=_EPSILON
        )


def _session(weights: Weights, heads: Mapping[str, tuple[Array, Array]]) -> InferenceSession:
    import onnxruntime
    from onnx import TensorProto, helper

    graph = _Graph()
    mean = _mean_of_tokens(graph, _layers(graph, weights))
    if heads:
        outputs = [
            graph.node(
                "Gemm",
                mean,
                graph.tensor(f"{name}.w", matrix),
                graph.tensor(f"{name}.b", bias),
                transB=1,
            )
            for name, (matrix, bias) in heads.items()
        ]
        outputs.append(mean)
    else:
        outputs = [graph.node("LpNormalization", mean, axis=1, p=2)]
    widths = _outputs(heads)
    for name, output in zip(widths, outputs, strict=True):
        graph.nodes.append(helper.make_node("Identity", [output], [name]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "minilm",
            [
                helper.make_tensor_value_info(
                    "embedded", TensorProto.FLOAT, ["texts", "tokens", DIMENSIONS]
                ),
                helper.make_tensor_value_info("mask", TensorProto.INT32, ["texts", "tokens"]),
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["texts", width])
                for name, width in widths.items()
            ],
            [*graph.axes, *(_elsewhere(name, values) for name, values in graph.tensors.items())],
        ),
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)],
        ir_version=_IR_VERSION,
    )
    options = onnxruntime.SessionOptions()
    # A thread that waits must not spin: on two cores it takes the time of whoever works.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_external_initializers(
        list(graph.tensors),
        [onnxruntime.OrtValue.ortvalue_from_numpy(v) for v in graph.tensors.values()],
    )
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except RuntimeError as error:
        raise ModelError(
            f"the model cannot be started ({squeeze(str(error))[-120:]}); free some memory"
        ) from error


def _elsewhere(name: str, values: NDArray[Any]) -> Any:
    """A tensor of which the graph knows the shape only; its values are handed over apart."""
    from onnx import TensorProto, helper

    tensor = TensorProto(
        name=name,
        dims=values.shape,
        data_type=helper.np_dtype_to_tensor_dtype(values.dtype),
        data_location=TensorProto.EXTERNAL,
    )
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "memory"
    return tensor


def _layers(graph: _Graph, weights: Weights) -> str:
    """The last hidden states, (texts, tokens, 384)."""
    x = graph.node(
        "LayerNormalization",
        "embedded",
        graph.tensor("first.w", weights["embeddings.LayerNorm.weight"]),
        graph.tensor("first.b", weights["embeddings.LayerNorm.bias"]),
        epsilon=_EPSILON,
    )
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        own = f"{name}.attention.self"
        parts = ("query", "key", "value")
        matrix = np.concatenate([weights[f"{own}.{part}.weight"] for part in parts]).T
        bias = np.concatenate([weights[f"{own}.{part}.bias"] for part in parts])
        attended = graph.node(
            "Attention",
            x,
            graph.tensor(f"{own}.w", matrix),
            graph.tensor(f"{own}.b", bias),
            "mask",
            domain=_FUSED,
            num_heads=ATTENTION_HEADS,
        )
        projected = graph.linear(attended, weights, f"{name}.attention.output.dense")
        x = graph.normalized(projected, x, weights, f"{name}.attention.output.LayerNorm")
        wide = f"{name}.intermediate.dense"
        product = graph.node("MatMul", x, graph.tensor(f"{wide}.w", weights[f"{wide}.weight"].T))
        widened = graph.node(
            "BiasGelu", product, graph.tensor(f"{wide}.b", weights[f"{wide}.bias"]), domain=_FUSED
        )
        narrowed = graph.linear(widened, weights, f"{name}.output.dense")
        x = graph.normalized(narrowed, x, weights, f"{name}.output.LayerNorm")
    return x


def _mean_of_tokens(graph: _Graph, x: str) -> str:
    """The mean over the tokens that are no padding, (texts, 384)."""
    from onnx import TensorProto

    one, two = graph.axis("one", 1), graph.axis("two", 2)
    mask = graph.node("Cast", "mask", to=TensorProto.FLOAT)
    kept = graph.node("Mul", x, graph.node("Unsqueeze", mask, two))
    total = graph.node("ReduceSum", kept, one, keepdims=0)
    return graph.node("Div", total, graph.node("ReduceSum", mask, one, keepdims=1))

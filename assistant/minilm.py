"""all-MiniLM-L6-v2 by onnxruntime, as published and as changed for the reader, in one.

The network is BERT with six layers (Devlin et al., 2019; Wang et al., "MiniLM", 2020). The reader's
change of it is of low rank (Hu et al., "LoRA", 2021), so that both are computed with the same
weights, and one run reads a question in both ways. The graph (``data/minilm.onnx``, written by
`python -m training.graph`) holds no weights: they are handed over as they lie in their files, and
nothing of them is exported.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelError
from assistant.text import squeeze

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Array: TypeAlias = NDArray[np.float32]
Weights: TypeAlias = Mapping[str, Array]

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
_IN_GRAPH: Final = ("embeddings.LayerNorm.", "encoder.", "heads.")
GRAPH: Final = Path(__file__).parent / "data" / "minilm.onnx"


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


class WeightsFile(dict[str, Array]):
    """The tensors of a safetensors file by name, in single precision.

    They stay in the file until they are used: half of the model are vectors of words of which a
    process meets few.
    """

    def __init__(self, mapped: mmap.mmap, tensors: Mapping[str, Array]) -> None:
        super().__init__(tensors)
        self._mapped = mapped

    def release(self) -> None:
        """Give back the memory of what was read; it is read from the file again when needed."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._mapped.madvise(mmap.MADV_DONTNEED)


def load_weights(path: Path) -> WeightsFile:
    """The tensors of a safetensors file.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if _LENGTH_BYTES + length > path.stat().st_size:
                raise ValueError("its header is longer than itself")
            header = json.loads(file.read(length))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header.pop("__metadata__", None)
        tensors = {
            name: np.frombuffer(
                mapped,
                _DTYPES[entry["dtype"]],
                prod(entry["shape"]),
                _LENGTH_BYTES + length + entry["data_offsets"][0],
            ).reshape(entry["shape"])
            for name, entry in header.items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); install it again") from error
    single = {
        name: values.astype(np.float32) if values.dtype == np.float16 else values
        for name, values in tensors.items()
    }
    return WeightsFile(mapped, single)


class MiniLM:
    """The network; every text is read as published or with the reader's change.

    Args:
        folder: where ``tokenizer.json`` lies.
        weights: of the six layers and the embeddings, as published.
        learned: the change of the layers and the heads.
        graph: the file of the graph.

    Raises:
        ModelError: the tokenizer cannot be read, or the weights are not this network's.
    """

    def __init__(
        self, folder: Path, weights: WeightsFile, learned: Weights, graph: Path = GRAPH
    ) -> None:
        self._folder = folder
        try:
            self._words = weights["embeddings.word_embeddings.weight"]
            # All tokens are of the first type: its vector is added to the places.
            self._places = (
                weights["embeddings.position_embeddings.weight"]
                + weights["embeddings.token_type_embeddings.weight"][0]
            )
        except (KeyError, ValueError) as error:
            raise ModelError(f"{folder}: not the weights of MiniLM ({error!r})") from error
        # Words and places are looked up here, and the pooler is no part of the published encoder.
        given = {
            name: np.ascontiguousarray(values)
            for name, values in {**weights, **learned}.items()
            if name.startswith(_IN_GRAPH)
        }
        self._session = _session(graph, given)
        self._release = weights.release
        self._release()
        self._widths = {output.name: output.shape[1] for output in self._session.get_outputs()}

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

    def run(self, texts: Sequence[str], changed: Sequence[bool]) -> dict[str, Array]:
        """The outputs by name, each of shape (texts, width), in the order of `texts`.

        ``mean`` is that of the tokens' last hidden states, ``vector`` the same with a length of 1;
        the others are the heads' scores, which mean something where the text was read with the
        change. Texts are cut at `MAX_TOKENS` tokens.

        Args:
            changed: for each text whether it is read with the change.
        """
        found = {
            name: np.zeros((len(texts), width), np.float32) for name, width in self._widths.items()
        }
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(tokens)), key=lambda n: len(tokens[n]))
        gates = np.array(changed, np.float32)
        for batch in _batches(order, tokens):
            ids = np.zeros((len(batch), len(tokens[batch[-1]])), np.int64)
            mask = np.zeros(ids.shape, np.int32)
            for row, n in enumerate(batch):
                ids[row, : len(tokens[n])] = tokens[n]
                mask[row, : len(tokens[n])] = 1
            embedded = self._words[ids] + self._places[: ids.shape[1]]
            given = {
                "embedded": embedded.reshape(-1, DIMENSIONS),
                "changed": np.repeat(gates[batch], ids.shape[1])[:, None],
                "mask": mask,
            }
            for name, values in zip(found, self._session.run(list(found), given), strict=True):
                found[name][batch] = values
        self._release()
        return found


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


def _session(graph: Path, given: Mapping[str, Array]) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # A thread that waits must not spin: on two cores it takes the time of whoever works.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_external_initializers(
        list(given), [onnxruntime.OrtValue.ortvalue_from_numpy(v) for v in given.values()]
    )
    try:
        return onnxruntime.InferenceSession(
            graph.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except OSError as error:
        raise ModelError(f"{graph}: cannot be read ({error}); restore it") from error
    except Exception as error:  # onnxruntime has many, some of them of no common kind.
        raise ModelError(
            f"the model cannot be started ({squeeze(str(error))[-120:]}); restore {graph.name} and "
            "the model, or free some memory"
        ) from error

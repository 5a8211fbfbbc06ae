"""From the examples of a step to the parts of a batch that a device computes at once."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import torch

from bertdata.batches import Examples, PackedBatch, PaddedBatch
from trainer.batch import PreTrainingBatch
from trainer.dropout import RowNoise
from trainer.model import BertConfig

T = TypeVar("T")
# A CPU's caches hold the activations of so many tokens; more at once measured slower.
_CPU_TOKENS = 4096
_GPU_SHARE = 0.5


def default_micro_batch(config: BertConfig, length: int, device: torch.device) -> int:
    """Return how many examples of `length` tokens a device computes at once, if the user doesn't say."""
    if device.type != "cuda":
        return max(1, _CPU_TOKENS // length)
    free, _ = torch.cuda.mem_get_info(device)
    # Activations a token and layer, in bytes: about 34 H of block, 5 heads x L of attention probabilities, at 16 bits.
    token = config.num_hidden_layers * (34 * config.hidden_size + 5 * config.num_attention_heads * length)
    return max(1, int(free * _GPU_SHARE) // (token * length))


def split_rows(lengths: np.ndarray[Any, Any], micro_batch_size: int) -> list[np.ndarray[Any, Any]]:
    """Return the rows of each micro-batch, longest first, so that rows of like length meet and memory runs out at once.

    >>> [part.tolist() for part in split_rows(np.array([5, 9, 7]), 2)]
    [[1, 2], [0]]
    """
    order = np.argsort(-lengths, kind="stable")
    return [order[begin : begin + micro_batch_size] for begin in range(0, len(order), micro_batch_size)]


def to_batch(examples: Examples, layout: str, pad_id: int, noise: tuple[int, int] | None) -> PreTrainingBatch:
    """Return examples as a batch; `noise` is (seed, step) where dropout is to depend on the example alone."""
    rows = RowNoise(*noise, examples.index.tolist(), examples.lengths.tolist()) if noise else None
    if layout == "padded":
        padded = examples.padded(pad_id)
        return PreTrainingBatch(**_shared(padded), attention_mask=torch.from_numpy(padded.attention_mask), noise=rows)
    packed = examples.packed()
    return PreTrainingBatch(
        **_shared(packed),
        position_ids=torch.from_numpy(packed.position_ids),
        cu_seqlens=torch.from_numpy(packed.cu_seqlens),
        noise=rows,
    )


def _shared(batch: PaddedBatch | PackedBatch) -> dict[str, Any]:
    names = ("input_ids", "token_type_ids", "masked_index", "masked_labels", "next_sentence_label")
    return {name: torch.from_numpy(getattr(batch, name)) for name in names}


def read_ahead(items: Iterator[T], depth: int = 2) -> Iterator[T]:
    """Yield the items of an iterator that a thread reads up to `depth` ahead; its errors come out here."""
    waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, waiting.put, stop), daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                if isinstance(error, StopIteration):
                    return
                raise error
            yield item  # type: ignore[misc]
    finally:
        # The thread must be over before Python is: one that is ended in the middle of C++ takes the process with it.
        stop.set()
        while thread.is_alive():
            with contextlib.suppress(queue.Empty):
                waiting.get_nowait()  # It may wait for room.
            thread.join(0.01)


def _fill(items: Iterator[T], put: Callable[[Any], None], stop: threading.Event) -> None:
    try:
        for item in items:
            put((item, None))
            if stop.is_set():
                return
        put((None, StopIteration()))
    except BaseException as error:
        put((None, error))

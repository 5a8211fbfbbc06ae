"""The loop of fine-tuning, and predicting with its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bertdata.errors import BuildError
from bertdata.rng import rng_for
from trainer.distributed import choose_device
from trainer.features import Features, TaskBatch, pack
from trainer.heads import TaskModel
from trainer.optim import clip_gradients, make_optimizer, set_rate
from trainer.precision import choose_precision
from trainer.schedule import Schedule
from trainer.tasks import FinetuneOptions

Report = Callable[[dict[str, Any]], None]

# Tokens per batch of predictions: large enough to fill a core, small enough for the logits of any model here.
_PREDICT_TOKENS = 8192


def count_steps(num_sequences: int, options: FinetuneOptions) -> int:
    """Return the number of steps: epochs may be a fraction; the last batch of an epoch may be smaller."""
    return max(1, math.ceil(options.epochs * math.ceil(num_sequences / options.batch_size) - 1e-9))


def batches(num_sequences: int, options: FinetuneOptions, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Give each step's rows: every row once an epoch, in an order that is a function of (seed, epoch)."""
    steps, epoch = count_steps(num_sequences, options), 0
    while True:
        order = rng_for(seed, "finetune", epoch).permutation(num_sequences)
        for start in range(0, num_sequences, options.batch_size):
            yield order[start : start + options.batch_size]
            steps -= 1
            if steps == 0:
                return
        epoch += 1


def tune(
    model: TaskModel, features: Features, options: FinetuneOptions, seed: int, compute: Compute, report: Report
) -> Iterator[int]:
    """Train all weights of `model`; give the number of each finished epoch, so that the caller can score it.

    Raises BuildError where the loss isn't finite, or the memory isn't enough.
    """
    torch.manual_seed(seed)  # dropout
    optimizer = make_optimizer("adamw", model, options.learning_rate, options.weight_decay)
    total = count_steps(len(features), options)
    schedule = Schedule(options.learning_rate, total, int(total * options.warmup))
    per_epoch = math.ceil(len(features) / options.batch_size)
    for step, rows in enumerate(batches(len(features), options, seed)):
        model.train()
        set_rate(optimizer, schedule.at(step))
        loss = _step(model, optimizer, pack(features, rows), compute)
        if not math.isfinite(loss):
            examples = ", ".join(map(str, sorted(set(features.example[rows].tolist()))[:8]))
            raise BuildError(
                f"The loss is {loss} at step {step + 1} of {total} (examples {examples}, from 0): lower --lr."
            )
        report({"event": "step", "seed": seed, "step": step + 1, "steps": total, "loss": loss, "lr": schedule.at(step)})
        if (step + 1) % per_epoch == 0 or step + 1 == total:
            yield math.ceil((step + 1) / per_epoch)


def _step(model: TaskModel, optimizer: torch.optim.Optimizer, batch: TaskBatch, compute: Compute) -> float:
    try:
        batch = batch.to(compute.device)
        with compute.autocast():
            logits = model(batch)
        loss = model.loss(logits, batch)
        torch.autograd.backward(loss)
        clip_gradients(model, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())
    except torch.OutOfMemoryError as error:
        raise BuildError(
            f"{compute.device} has not enough memory: lower --batch-size or --max-seq-length ({error})."
        ) from error


def predict(model: TaskModel, features: Features, compute: Compute) -> list[npt.NDArray[np.float32]]:
    """Return each sequence's logits, in the order of the features: [C] for texts, [L, C] for tokens and spans."""
    lengths = features.lengths
    order = np.argsort(lengths, kind="stable")
    found: list[Any] = [None] * len(features)
    model.eval()
    for rows in _by_tokens(order, lengths):
        batch = pack(features, rows).to(compute.device)
        with torch.inference_mode(), compute.autocast():
            logits = model(batch).float().cpu().numpy()
        pieces = np.split(logits, np.cumsum(lengths[rows])[:-1]) if model.per_token else logits
        for row, piece in zip(rows, pieces, strict=True):
            found[row] = piece
    return found


def _by_tokens(order: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Cut rows, shortest first, into batches whose longest row times their number stays below the limit."""
    start = 0
    for i, row in enumerate(order):
        if i > start and lengths[row] * (i - start + 1) > _PREDICT_TOKENS:
            yield order[start:i]
            start = i
    yield order[start:]


@dataclass(frozen=True)
class Compute:
    """Where a model computes, and the number format of its matrix products; weights stay fp32."""

    device: torch.device
    precision: torch.dtype
    words: str

    def autocast(self) -> torch.autocast:
        """Return the context that products are computed in."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16)


def choose_compute(options: FinetuneOptions) -> Compute:
    """Return what the options ask for, or the GPU and bf16 where there are such."""
    device = choose_device(options.device)
    precision, words = choose_precision(options.precision, device)
    return Compute(device, precision, f"{device.type}, {words}")

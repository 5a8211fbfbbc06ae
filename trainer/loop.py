"""The loop: one step of the optimiser for one global batch, however it is cut into parts and spread over ranks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bertdata.batches import Examples
from bertdata.dynamic_masking import DynamicMasking
from bertdata.errors import BertdataError
from bertdata.reader import Shards
from trainer.batch import PreTrainingSums
from trainer.checks import Corpus
from trainer.config import Phase, PretrainOptions
from trainer.distributed import World, synchronised
from trainer.feed import default_micro_batch, read_ahead, split_rows, to_batch
from trainer.model import BertConfig
from trainer.optim import clip_gradients, set_rate
from trainer.schedule import Schedule
from trainer.watch import Sums, step_flops


class TrainingError(BertdataError):
    """A run that can't go on: the loss isn't finite, or memory is used up."""


@dataclass(frozen=True)
class StepResult:
    """What a step did: this rank's sums, the norm of the whole gradient before clipping, and whether to stop."""

    sums: list[float]
    grad_norm: float
    stop: bool


@dataclass
class Trainer:
    """Everything that a step needs; `model` is spread over the ranks, and `config` its shape."""

    options: PretrainOptions
    phases: tuple[Phase, ...]
    corpus: Corpus
    config: BertConfig
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    world: World
    precision: torch.dtype

    @property
    def total_steps(self) -> int:
        """The steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    def feed(self, first_step: int) -> Iterator[tuple[int, Shards, Examples]]:
        """Yield (step, shards, this rank's examples) from `first_step` to the last step of the last phase."""
        begin = 0
        for number, phase in enumerate(self.phases):
            end = begin + phase.steps
            if first_step < end:
                # Phases of one length go on where the last one stopped reading.
                earlier = sum(other.steps for other in self.phases[:number] if other.length == phase.length)
                done = max(0, first_step - begin)
                shards = self.corpus.train[phase.length]
                batches = self._batches(phase, shards, earlier + done)
                try:
                    for step in range(begin + done, end):
                        yield step, shards, next(batches)
                finally:
                    getattr(batches, "close", lambda: None)()
            begin = end

    def _batches(self, phase: Phase, shards: Shards, start: int) -> Iterator[Examples]:
        masking = None
        if self.options.masks == "dynamic":
            rate = phase.mask_rate or float(shards.metadata["masked_lm_prob"])
            masking = DynamicMasking(rate=rate, masking=shards.metadata["masking"])
        batches = shards.batches(
            self.options.batch_size,
            seed=self.options.seed,
            start=start,
            rank=self.world.rank,
            num_ranks=self.world.size,
            masking=masking,
        )
        # A GPU computes while the processor reads; on a CPU both would only share the cores.
        return read_ahead(batches) if self.world.device.type == "cuda" else batches

    def train_step(self, step: int, shards: Shards, examples: Examples, stop: bool) -> StepResult:
        """Take one step; losses are normalised by the masked tokens and the sequences of the whole global batch.

        Raises TrainingError where the gradient isn't finite, with the loss parts and the examples.
        """
        masked, sequences, stops = self.world.sum([len(examples.masked_labels), len(examples), stop])
        parts = self._parts(shards, examples, int(sequences))
        done: list[Tensor] = []
        self.model.train()
        for number, part in enumerate(parts):
            real = number * self.micro_batch_size(shards) < len(examples)
            with synchronised(self.model, number == len(parts) - 1):
                done.append(self._backward(step, part, masked, sequences, 1.0 if real else 0.0))
        norm = clip_gradients(self.model, self.options.clip_norm)
        sums = torch.stack(done).sum(0).tolist()
        if not math.isfinite(norm):
            self._stop_on_nonfinite(step, norm, parts, [part.tolist() for part in done])
        set_rate(self.optimizer, self.schedule.at(step))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return StepResult(self._with_counts(examples, sums), norm, stops > 0)

    def micro_batch_size(self, shards: Shards) -> int:
        """Return how many examples this rank computes at once."""
        return self.options.micro_batch_size or default_micro_batch(
            self.config, shards.max_seq_length, self.world.device
        )

    def _parts(self, shards: Shards, examples: Examples, sequences: int) -> list[Examples]:
        """Cut this rank's examples into micro-batches, as many on every rank: example 0 fills up."""
        size = self.micro_batch_size(shards)
        parts = [examples.take(rows) for rows in split_rows(examples.lengths, size)]
        wanted = math.ceil(math.ceil(sequences / self.world.size) / size)
        return parts + [shards.read([0])] * (wanted - len(parts))

    def _backward(self, step: int, part: Examples, masked: float, sequences: float, weight: float) -> Tensor:
        """Add one part's gradient; return its sums, which count nothing where `weight` is 0."""
        result = self._forward(part, step)
        loss = result.mlm_loss / max(1.0, masked)
        if self.corpus.has_next_sentence:
            loss = loss + result.nsp_loss / sequences
        # Ranks average their gradients; the counts are those of all of them.
        (loss * (self.world.size * weight)).backward()  # type: ignore[no-untyped-call]
        return as_tensor(result) * weight

    def _forward(self, part: Examples, step: int | None) -> PreTrainingSums:
        device, options = self.world.device, self.options
        keyed = step is not None and device.type == "cpu" and not options.compile
        noise = (options.seed, step) if keyed and step is not None else None
        batch = to_batch(part, options.layout, self.corpus.vocabulary.pad_id, noise)
        if step is not None and not keyed:
            torch.manual_seed(hash((options.seed, step, int(part.index[0]), self.world.rank)))
        with torch.autocast(device.type, dtype=self.precision, enabled=self.precision != torch.float32):
            result: PreTrainingSums = self.model(batch.to(device))
        return result

    def _with_counts(self, examples: Examples, sums: list[float]) -> list[float]:
        flops = step_flops(self.config, examples.lengths.tolist(), len(examples.masked_labels))
        return [len(examples.masked_labels), len(examples), len(examples.input_ids), *sums, flops]

    def _stop_on_nonfinite(self, step: int, norm: float, parts: list[Examples], sums: list[list[float]]) -> None:
        broken = [n for n, values in enumerate(sums) if not all(map(math.isfinite, values))]
        ids = [int(i) for n in broken or range(len(parts)) for i in parts[n].index]
        found = self.world.gather((bool(broken), ids, [sum(column) for column in zip(*sums, strict=True)]))
        guilty = [own for is_broken, own, _ in found if is_broken] or [own for _, own, _ in found]
        ids = sorted(i for own in guilty for i in own)
        mlm, nsp = (sum(values[n] for _, _, values in found) for n in (0, 1))
        shown = ", ".join(map(str, ids[:16])) + (f" and {len(ids) - 16} more" if len(ids) > 16 else "")
        raise TrainingError(
            f"Step {step + 1}: the loss isn't finite (summed masked-LM loss {mlm:.4g}, next-sentence loss {nsp:.4g}, "
            f"gradient norm {norm:.4g}) on training examples {shown}. The weights are as before this step; lower --lr, "
            "or look at these examples"
        )

    @torch.no_grad()
    def validate(self, length: int) -> Sums | None:
        """Return the sums over held-out examples of `length`, the same ones every time; None where there are none."""
        shards = self.corpus.validation.get(length)
        if shards is None:
            return None
        count = min(self.options.validation_examples, shards.num_examples)
        examples = shards.read(torch.arange(self.world.rank, count, self.world.size).numpy())
        self.model.eval()
        total = Sums()
        values = [0.0] * 4
        for number, part in enumerate(self._parts(shards, examples, count)):
            if number * self.micro_batch_size(shards) < len(examples):
                values = [a + b for a, b in zip(values, as_tensor(self._forward(part, None)).tolist(), strict=True)]
            else:
                self._forward(part, None)
        total.add(self.world.sum(self._with_counts(examples, values)))
        return total


def as_tensor(sums: PreTrainingSums) -> Tensor:
    """Return sums as one tensor: masked-LM loss, next-sentence loss, and right answers of each."""
    parts = (sums.mlm_loss, sums.nsp_loss, sums.mlm_correct, sums.nsp_correct)
    return torch.stack([part.detach().double() for part in parts])

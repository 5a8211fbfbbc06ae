"""Training steps: ours beside transformers, in real (unpadded) tokens per CPU second, or per second of a GPU.

Each system lives in a process of its own, with the memory settings that it has by itself, and they take turns. All get
the same weights, the same examples and the same optimiser; before anything is timed, their losses of one batch with
dropout off must be equal. Then each has its own way with them: ours come as the reader puts them together, with like
lengths in a batch; transformers get the examples of all batches in random order, as its Trainer draws them unless told
otherwise (`--grouped` gives it our batches). Timed steps have BERT's dropout of 0.1. `--precision auto` is what a run
takes by itself on this hardware, for all systems: products in bf16, with fp32 weights, where it has them.

    OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false python benchmarks/train.py CORPUS --presets tiny mini base
    python benchmarks/train.py CORPUS --device cuda --presets base --batch-size 256
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

PEER = "transformers"
SYSTEMS = (PEER, "transformers, masked-only head", "ours, padded", "ours, packed", "ours, packed, with the reader")
COMPILED = ("transformers, compiled", "ours, packed, compiled")
STEPS = {"tiny": 4, "mini": 2}
GPU_STEPS = 20
HELD_BATCHES = 16
LOSS_TOLERANCE = {"fp32": 1e-4, "bf16": 5e-3}


@dataclass(frozen=True)
class Task:
    """What a worker measures: one system, preset and number of threads, on batches of a corpus."""

    system: str
    corpus: str
    preset: str
    threads: int
    batch_size: int
    steps: int
    device: str
    precision: str
    grouped: bool


def open_batches(task: Task) -> tuple[list[Any], Iterator[Any]]:
    """Return batches that a system computes again and again, and those that the trainer would read after them."""
    from bertdata.reader import open_shards

    shards = open_shards(task.corpus)
    batches = shards.batches(task.batch_size, seed=1)
    held = [next(batches) for _ in range(HELD_BATCHES)]
    if not task.system.startswith("ours") and not task.grouped:
        rows = np.random.default_rng(1).permutation(np.concatenate([examples.index for examples in held]))
        held = [held[0], *(shards.read(part) for part in np.array_split(rows, HELD_BATCHES))]
    else:
        held = [held[0], *held]
    return held, batches


def our_step(task: Task) -> tuple[Callable[[Any, int | None], Any], Any]:
    """Return ours: examples and step number (None: dropout off) to loss, and the model."""
    import torch

    from trainer.feed import split_rows, to_batch
    from trainer.memory import keep_freed_memory
    from trainer.model import compile_layers

    keep_freed_memory()
    model = our_step_weights(task)
    if "compiled" in task.system:
        compile_layers(model)
    device = torch.device(task.device)
    layout = "padded" if "padded" in task.system else "packed"

    def loss(examples: Any, step: int | None) -> Any:
        model.train(step is not None)
        rows = split_rows(examples.lengths, len(examples))[0]
        noise = None if step is None or task.device != "cpu" else (1, step)
        sums = model(to_batch(examples.take(rows), layout, 0, noise).to(device))
        return sums.mlm_loss / len(examples.masked_labels) + sums.nsp_loss / len(examples)

    return loss, model


def peer_step(task: Task) -> tuple[Callable[[Any, int | None], Any], Any]:
    """Return transformers' BertForPreTraining on batches padded to the longest, as its Trainer makes them."""
    import json

    import torch
    import transformers

    ours = our_step_weights(task)
    config = transformers.BertConfig.from_dict(json.loads(ours.config.to_json()))
    model = transformers.BertForPreTraining(config).to(task.device)
    model.load_state_dict(ours.state_dict(), strict=False)
    if "compiled" in task.system:
        model.compile(dynamic=True)

    def loss(examples: Any, step: int | None) -> Any:
        model.train(step is not None)
        padded = examples.padded(0, multiple_of=1)
        names = ("input_ids", "token_type_ids", "attention_mask")
        batch = {name: torch.from_numpy(getattr(padded, name)).to(task.device).long() for name in names}
        next_sentence = torch.from_numpy(padded.next_sentence_label).to(task.device)
        if "masked-only" in task.system:
            return masked_only(model, batch, padded, next_sentence)
        labels = np.full(padded.input_ids.size, -100)
        labels[padded.masked_index] = padded.masked_labels
        labels = torch.from_numpy(labels.reshape(padded.input_ids.shape)).to(task.device)
        return model(**batch, labels=labels, next_sentence_label=next_sentence).loss

    return loss, model


def our_step_weights(task: Task) -> Any:
    """Return our model at its first weights, without our memory settings."""
    from bertdata.reader import open_shards
    from trainer.initial import init_weights
    from trainer.model import BertConfig, BertForPreTraining
    from trainer.presets import preset_shape

    model = BertForPreTraining(BertConfig(open_shards(task.corpus).vocab_size, **preset_shape(task.preset)))
    init_weights(model, 1)
    return model.to(task.device)


def masked_only(model: Any, batch: dict[str, Any], padded: Any, next_sentence: Any) -> Any:
    """Return transformers' loss with its head computed at the masked positions only."""
    import torch
    from torch.nn import functional as F

    hidden, pooled = model.bert(**batch)[:2]
    masked = hidden.flatten(0, 1)[torch.from_numpy(padded.masked_index).to(hidden.device)]
    logits = model.cls.predictions(masked)
    loss = F.cross_entropy(logits, torch.from_numpy(padded.masked_labels).to(hidden.device))
    return loss + F.cross_entropy(model.cls.seq_relationship(pooled), next_sentence)


def work(task: Task, pipe: Connection) -> None:
    """Be one system: send the loss of the first batch, then the (tokens, seconds, seconds of reading) of rounds.

    Seconds are of the processor, or from wall to wall where a GPU computes.
    """
    if task.system.startswith("ours"):
        import trainer  # noqa: F401 (sets how threads wait, before torch reads it)
    import torch

    from trainer.optim import clip_gradients, make_optimizer, set_rate

    torch.set_num_threads(task.threads)
    clock, now = time.process_time, time.process_time
    if task.device != "cpu":
        clock, now = synchronised_clock, time.perf_counter
    reduced = torch.autocast(task.device, torch.bfloat16, enabled=task.precision == "bf16")
    loss, model = (our_step if task.system.startswith("ours") else peer_step)(task)
    optimizer = make_optimizer("adamw", model, 1e-4, 0.01)
    set_rate(optimizer, 1e-4)
    (first, *held), batches = open_batches(task)
    with torch.no_grad(), reduced:
        pipe.send(float(loss(first, None)))
    number = 0
    while pipe.recv():
        tokens, reading, began = 0, 0.0, clock()
        for _ in range(task.steps):
            read = now()
            examples = next(batches) if "reader" in task.system else held[number % HELD_BATCHES]
            reading += now() - read
            with reduced:
                value = loss(examples, number)
            value.backward()
            clip_gradients(model, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            tokens, number = tokens + len(examples.input_ids), number + 1
        pipe.send((tokens, clock() - began, reading))


def synchronised_clock() -> float:
    """Return the time when all that was asked of the GPU is done."""
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()


def measure(tasks: list[Task], rounds: int) -> dict[str, list[tuple[int, float, float]]]:
    """Run the systems in turns and return each one's rounds, without the first, which warms up."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for task in tasks:
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(task, theirs), daemon=True)
        process.start()
        theirs.close()  # so that a worker's death ends the wait for it
        pipes[task.system], processes = ours, [*processes, process]
    losses = {system: pipe.recv() for system, pipe in pipes.items()}
    assert max(losses.values()) - min(losses.values()) < LOSS_TOLERANCE[tasks[0].precision], losses
    print(f"  losses of one batch, dropout off: {min(losses.values()):.6f} to {max(losses.values()):.6f}", flush=True)
    results: dict[str, list[tuple[int, float, float]]] = {task.system: [] for task in tasks}
    for _ in range(rounds + 1):
        for system, pipe in pipes.items():
            pipe.send(True)
            try:
                results[system].append(pipe.recv())
            except EOFError:
                raise SystemExit(f"{system} died; where memory is short, measure fewer --systems at once") from None
    for pipe, process in zip(pipes.values(), processes, strict=True):
        pipe.send(False)
        process.join()
    return {system: found[1:] for system, found in results.items()}


def report(results: dict[str, list[tuple[int, float, float]]], unit: str) -> None:
    """Print medians, and the median over rounds of the ratio to the peer's own round beside it."""
    rates = {system: [tokens / seconds for tokens, seconds, _ in rounds] for system, rounds in results.items()}
    for system, own in rates.items():
        ratio = statistics.median(a / b for a, b in zip(own, rates[PEER], strict=True))
        reading = sum(r for _, _, r in results[system]) / sum(s for _, s, _ in results[system])
        print(
            f"  {system:34} {statistics.median(own):9,.0f} tokens/{unit}   {ratio:5.2f} x   reading {reading:.2%}",
            flush=True,
        )


def main() -> None:
    """Measure every preset and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--presets", nargs="+", default=["tiny", "mini", "base"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--grouped", action="store_true", help="give transformers our batches of like lengths")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    every = SYSTEMS + COMPILED
    numbered = ", ".join(f"{number}: {system}" for number, system in enumerate(every))
    parser.add_argument("--systems", nargs="+", type=int, help=f"{numbered}. Default: on a CPU all but the compiled.")
    chosen = parser.parse_args()
    on_gpu = chosen.device == "cuda"
    precision = name_precision(chosen.precision, chosen.device)
    systems = [every[number] for number in sorted({0, *(chosen.systems or range(len(every if on_gpu else SYSTEMS)))})]
    for preset in chosen.presets:
        for threads in chosen.threads if not on_gpu else [1]:
            where = device_name() if on_gpu else f"{threads} thread(s)"
            said = f"{preset}, batches of {chosen.batch_size}, {where}, {precision}, {chosen.rounds} rounds"
            print(said, flush=True)
            shape = (chosen.corpus, preset, threads, chosen.batch_size)
            how = (GPU_STEPS if on_gpu else STEPS.get(preset, 1), chosen.device, precision, chosen.grouped)
            results = measure([Task(system, *shape, *how) for system in systems], chosen.rounds)
            report(results, "s" if on_gpu else "CPU s")


def name_precision(wanted: str, device: str) -> str:
    """Return `fp32` or `bf16`: what a run would take on a device."""
    import torch

    from trainer.precision import choose_precision

    return "bf16" if choose_precision(wanted, torch.device(device))[0] == torch.bfloat16 else "fp32"


def device_name() -> str:
    """Return what the GPU calls itself."""
    import torch

    return torch.cuda.get_device_name()


if __name__ == "__main__":
    main()

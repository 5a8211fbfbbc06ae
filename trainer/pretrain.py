"""Pre-train a BERT on a corpus: check everything, then loop, log, validate and save until the steps are done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bertdata.store import as_path
from trainer.checkpoint import load_checkpoint, remove_old, save_checkpoint
from trainer.checks import Corpus, corpus_lengths, open_corpus, token_frequencies, unigram_entropy
from trainer.config import Phase, PretrainOptions, default_phases
from trainer.distributed import World, join_world, spread
from trainer.initial import init_output_bias, init_weights
from trainer.log import RunLog, draw_curves
from trainer.loop import StepResult, Trainer
from trainer.memory import keep_freed_memory, named_shortage
from trainer.model import (
    BertConfig,
    BertForPreTraining,
    compile_layers,
    count_parameters,
)
from trainer.optim import make_optimizer
from trainer.precision import choose_precision, peak_flops
from trainer.presets import PRESETS, preset_shape
from trainer.progress import RunLines
from trainer.run_folder import check_lengths, clear, initial_config, publish_weights, resumable, write_model_files
from trainer.schedule import Schedule
from trainer.watch import NextSentenceWatch, StopSignal, Stopwatch, Sums
from trainer.weights import load_weights


@dataclass(frozen=True)
class RunResult:
    """How a run ended: after `step` of `total` steps, stopped by a signal or not, with its last numbers."""

    step: int
    total: int
    stopped: bool
    is_first_rank: bool
    last: dict[str, Any]


def pretrain(options: PretrainOptions) -> RunResult:
    """Run, or go on with, the run that `options` describe.

    Raises a BertdataError before the first step where corpus, model or run don't fit, and on a loss that isn't finite,
    memory that is used up, or a disk that is full.
    """
    keep_freed_memory()
    if options.threads:
        torch.set_num_threads(options.threads)
    with join_world(options.device) as world:
        phases = options.phases or default_phases(corpus_lengths(as_path(options.corpus)), options.steps)
        lines = RunLines(sum(phase.steps for phase in phases), quiet=not world.is_first)
        try:
            return _pretrain(options, phases, world, lines)
        finally:
            lines.close()


def _pretrain(options: PretrainOptions, phases: tuple[Phase, ...], world: World, lines: RunLines) -> RunResult:
    run = Path(options.output)
    corpus = open_corpus(as_path(options.corpus), phases)
    config = initial_config(options, corpus.vocabulary.tokens, preset_shape(options.preset))
    check_lengths(config, [phase.length for phase in phases])
    precision, precision_words = choose_precision(options.precision, world.device)
    if options.force and world.is_first:
        clear(run)
    world.wait()
    checkpoint, first_step, problems = resumable(run, options)
    world.wait()
    for problem in problems:
        lines.say(problem)
    total = sum(phase.steps for phase in phases)
    if first_step >= total:
        lines.say(f"{run} is finished: {total:,} steps were taken")
        return RunResult(total, total, False, world.is_first, {})
    trainer = _make_trainer(options, phases, corpus, config, world, precision)
    if checkpoint:
        load_checkpoint(checkpoint, _inner(trainer), trainer.optimizer)
        lines.say(f"{run} goes on after step {first_step:,} of {total:,}")
    if world.is_first:
        write_model_files(run, corpus.folder, config)
    return Run(trainer, run, lines, precision_words).go(first_step)


def _make_trainer(
    options: PretrainOptions,
    phases: tuple[Phase, ...],
    corpus: Corpus,
    config: BertConfig,
    world: World,
    precision: torch.dtype,
) -> Trainer:
    model = BertForPreTraining(config)
    init_weights(model, options.seed, config.initializer_range)
    if options.init:
        load_weights(model, options.init)
    elif options.output_bias == "frequencies":
        first = corpus.train[phases[0].length]
        init_output_bias(model, torch.from_numpy(token_frequencies(first, corpus.vocabulary)))
    model.to(world.device)
    if options.compile:
        compile_layers(model)
    total = sum(phase.steps for phase in phases)
    warmup = total // 100 if options.warmup_steps is None else options.warmup_steps
    schedule = Schedule(options.lr or PRESETS[options.preset].learning_rate, total, warmup, options.schedule)
    shared = spread(model, world, options.parallel)
    optimizer = make_optimizer(options.optimizer, model, schedule.peak, options.weight_decay)
    return Trainer(options, phases, corpus, config, shared, optimizer, schedule, world, precision)


def _inner(trainer: Trainer) -> BertForPreTraining:
    model = trainer.model
    inner = model.module if isinstance(model, torch.nn.parallel.DistributedDataParallel) else model
    assert isinstance(inner, BertForPreTraining)
    return inner


class Run:
    """A trainer at work in a folder: the loop, and what is written and said on the way."""

    def __init__(self, trainer: Trainer, run: Path, lines: RunLines, precision: str) -> None:
        self.trainer, self.run, self.lines, self.precision = trainer, run, lines, precision
        self.options, self.world = trainer.options, trainer.world
        self.interval, self.clock = Sums(), Stopwatch()
        self.norms: list[float] = []
        self.watch = NextSentenceWatch(trainer.total_steps)
        self.peak = peak_flops(trainer.world.device, trainer.precision)
        self.last: dict[str, Any] = {}
        self.log: RunLog | None = None

    def go(self, first_step: int) -> RunResult:
        """Take the steps that are left; return when all are done, or after a signal, with a checkpoint saved."""
        if not self.world.is_first:
            return self._loop(first_step)
        with RunLog(self.run, first_step, self.options.tensorboard) as self.log:
            self._begin(first_step)
            result = self._loop(first_step)
            self.log.write("end" if not result.stopped else "stopped", {"step": result.step})
        if not result.stopped:
            picture = draw_curves(self.run)
            self.lines.say(
                f"{self.run}: {result.step:,} steps are done" + (f"; {picture} shows them" if picture else "")
            )
        return result

    def _begin(self, first_step: int) -> None:
        trainer = self.trainer
        count = count_parameters(_inner(trainer))
        first = trainer.corpus.train[trainer.phases[0].length]
        entropy = unigram_entropy(first)
        self.lines.say(
            f"{count:,} parameters, {self.precision}, {self.options.layout} batches of {self.options.batch_size} on "
            f"{self.world.size} x {self.world.device.type}; {first.num_examples:,} examples; "
            f"unigram entropy of predicted tokens {entropy:.3f} nats"
        )
        record = {"parameters": count, "precision": self.precision, "ranks": self.world.size}
        record |= {"device": self.world.device.type, "unigram_entropy": entropy, "first_step": first_step}
        if first_step == 0:
            self._write("start", record | {"options": self.options.to_json()})
        else:
            self._write("resume", record | {"step": first_step})

    def _write(self, kind: str, record: dict[str, Any]) -> None:
        if self.log is not None:
            self.log.write(kind, {**record, "time": round(time.time(), 3)})

    def _loop(self, first_step: int) -> RunResult:
        total, feed, step = self.trainer.total_steps, self.trainer.feed(first_step), first_step
        with StopSignal().installed() as signal:
            while step < total:
                with self.clock.time("data"):
                    number, shards, examples = next(feed)
                with self.clock.time("step"), named_shortage(self.trainer.micro_batch_size(shards)):
                    result = self.trainer.train_step(number, shards, examples, signal.number is not None)
                step = number + 1
                self._after_step(step, shards.max_seq_length, result)
                if result.stop and step < total:
                    self._save(step)
                    return RunResult(step, total, True, self.world.is_first, self.last)
        return RunResult(step, total, False, self.world.is_first, self.last)

    def _after_step(self, step: int, length: int, result: StepResult) -> None:
        last = step == self.trainer.total_steps
        self.interval.add(result.sums)
        self.norms.append(result.grad_norm)
        if step % self.options.log_every == 0 or last or result.stop:
            self._report(step)
        if step % self.options.validate_every == 0 or last:
            self._validate(step, length)
        if step % self.options.checkpoint_every == 0 or last:
            self._save(step)

    def _report(self, step: int) -> None:
        """Log the means since the last report; every rank takes part in the sums."""
        sums, seconds = Sums(), self.clock.take()
        sums.add(self.world.sum(list(vars(self.interval).values())))
        steps, self.interval = len(self.norms), Sums()
        elapsed = seconds["data"] + seconds["step"]
        means = sums.means(self.trainer.corpus.has_next_sentence)
        record = {
            "step": step,
            **means,
            "lr": self.trainer.schedule.at(step - 1),
            "grad_norm": sum(self.norms) / steps,
            "tokens": int(sums.tokens),
            "tokens_per_second": sums.tokens / elapsed,
            "data_wait": seconds["data"] / elapsed,
            "mfu": sums.flops / elapsed / (self.peak * self.world.size) if self.peak else None,
            "seconds_left": elapsed / steps * (self.trainer.total_steps - step),
        }
        self.norms = []
        self.last |= record
        self._write("train", record)
        self.lines.train(record)
        warning = self.watch.look(step, means["nsp_accuracy"], sums.sequences)
        if warning:
            self._write("warning", {"step": step, "text": warning})
            self.lines.say(f"Warning: {warning}")

    def _validate(self, step: int, length: int) -> None:
        sums = self.trainer.validate(length)
        if sums is None:
            return
        means = sums.means(self.trainer.corpus.has_next_sentence)
        self.last |= {f"validation_{name}": value for name, value in means.items()}
        self._write("validation", {"step": step, "length": length, "examples": int(sums.sequences), **means})
        nsp = "" if means["nsp_accuracy"] is None else f", next sentence {means['nsp_accuracy']:.1%} right"
        self.lines.say(
            f"step {step:,}: validation loss {means['loss']:.3f}, masked-LM {means['mlm_loss']:.3f} "
            f"({means['mlm_accuracy']:.1%} right){nsp}"
        )

    def _save(self, step: int) -> None:
        options = self.options.to_json()
        path = save_checkpoint(self.run, step, _inner(self.trainer), self.trainer.optimizer, options, self.world)
        if self.world.is_first:
            publish_weights(self.run, path)
            remove_old(self.run, self.options.keep_checkpoints)

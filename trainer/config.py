"""The options of a pre-training run, checked without torch, and saved whole in every checkpoint."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from bertdata.errors import OptionError, require
from trainer.presets import PRESETS

Optimizer = Literal["adamw", "lamb"]
ScheduleKind = Literal["original", "continuous"]
Layout = Literal["packed", "padded"]
Masks = Literal["static", "dynamic"]
OutputBias = Literal["frequencies", "zero"]
Precision = Literal["auto", "fp32", "bf16"]
Parallel = Literal["ddp", "fsdp"]

MAX_LENGTH = 512  # rows of BERT's position embedding
# What may change when a run goes on; anything else would make it another run.
_MACHINE = {"output", "micro_batch_size", "layout", "precision", "compile", "parallel", "device", "threads", "force"}
_REPORTS = {"checkpoint_every", "keep_checkpoints", "log_every", "validate_every", "validation_examples", "tensorboard"}
CHANGEABLE = _MACHINE | _REPORTS


@dataclass(frozen=True)
class Phase:
    """A stretch of a run: examples of one length, `steps` of them, and with dynamic masks their rate."""

    length: int
    steps: int
    mask_rate: float | None = None

    def __post_init__(self) -> None:
        require(
            2 < self.length <= MAX_LENGTH, f"--phase has length {self.length}: BERT has positions for 3 to {MAX_LENGTH}"
        )
        require(self.steps >= 1, f"--phase has {self.steps} steps: give at least 1")
        rate = self.mask_rate
        require(rate is None or 0 < rate < 1, f"--phase has mask rate {rate}: it must be above 0 and below 1")


def parse_phase(text: str) -> Phase:
    """Read `LENGTH:STEPS[:MASK_RATE]`.

    >>> parse_phase("128:500000:0.30")
    Phase(length=128, steps=500000, mask_rate=0.3)
    """
    parts = text.split(":")
    try:
        if len(parts) not in (2, 3):
            raise ValueError
        return Phase(int(parts[0]), int(parts[1]), float(parts[2]) if len(parts) == 3 else None)
    except ValueError:
        raise OptionError(f"--phase {text!r} isn't LENGTH:STEPS or LENGTH:STEPS:MASK_RATE, as in 128:900000") from None


def default_phases(lengths: list[int], steps: int) -> tuple[Phase, ...]:
    """Return the phases of a corpus: its one length, or 90 % of the steps at the shortest and 10 % at the longest.

    >>> default_phases([128, 512], 1000)
    (Phase(length=128, steps=900, mask_rate=None), Phase(length=512, steps=100, mask_rate=None))
    """
    usable = sorted(length for length in lengths if length <= MAX_LENGTH)
    if not usable:
        raise OptionError(
            f"The corpus has length {', '.join(map(str, lengths))}, BERT has positions for {MAX_LENGTH}: build it with "
            f"--max-seq-length {MAX_LENGTH} or below"
        )
    last = steps // 10 if len(usable) > 1 else 0
    phases = [Phase(usable[0], steps - last)]
    return tuple(phases if not last else [*phases, Phase(usable[-1], last)])


@dataclass(frozen=True)
class PretrainOptions:
    """What `bertdata pretrain` was told. Steps are optimiser steps, sizes are examples, rates are per step.

    None follows the preset (`lr`), the steps (`warmup_steps`), the model (`dropout`) or the device
    (`micro_batch_size`).
    """

    corpus: str
    output: str
    preset: str = "base"
    init: str | None = None
    steps: int = 1_000_000
    phases: tuple[Phase, ...] = ()
    batch_size: int = 256
    micro_batch_size: int | None = None
    lr: float | None = None
    warmup_steps: int | None = None
    optimizer: Optimizer = "adamw"
    schedule: ScheduleKind = "original"
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    dropout: float | None = None
    output_bias: OutputBias = "frequencies"
    masks: Masks = "static"
    seed: int = 12345
    layout: Layout = "packed"
    precision: Precision = "auto"
    compile: bool = False
    parallel: Parallel = "ddp"
    device: str = "auto"
    threads: int | None = None
    checkpoint_every: int = 1000
    keep_checkpoints: int = 3
    log_every: int = 10
    validate_every: int = 1000
    validation_examples: int = 1000
    tensorboard: bool = True
    force: bool = False

    def __post_init__(self) -> None:
        require(self.preset in PRESETS, f"--preset {self.preset!r} is unknown; known are {', '.join(PRESETS)}")
        for name in ("steps", "batch_size", "checkpoint_every", "keep_checkpoints", "log_every", "validate_every"):
            _at_least_one(name, getattr(self, name))
        for name in ("micro_batch_size", "threads"):
            if getattr(self, name) is not None:
                _at_least_one(name, getattr(self, name))
        require(self.lr is None or self.lr > 0, f"--lr is {self.lr}: it must be above 0")
        require(
            self.warmup_steps is None or self.warmup_steps >= 0, f"--warmup-steps is {self.warmup_steps}: 0 or more"
        )
        require(
            self.dropout is None or 0 <= self.dropout < 1,
            f"--dropout is {self.dropout}: it must be at least 0 and below 1",
        )
        require(self.weight_decay >= 0, f"--weight-decay is {self.weight_decay}: it must be 0 or more")
        require(self.clip_norm > 0, f"--clip-norm is {self.clip_norm}: it must be above 0")
        self._check_choices()
        rated = any(phase.mask_rate is not None for phase in self.phases)
        require(not rated or self.masks == "dynamic", "A --phase with a mask rate needs --masks dynamic")

    def _check_choices(self) -> None:
        choices = {"optimizer": Optimizer, "schedule": ScheduleKind, "layout": Layout, "masks": Masks}
        choices |= {"precision": Precision, "parallel": Parallel, "output_bias": OutputBias}
        for name, kind in choices.items():
            value, allowed = getattr(self, name), get_args(kind)
            require(
                value in allowed, f"--{name.replace('_', '-')} {value!r} is unknown; known are {', '.join(allowed)}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON can hold them."""
        return dataclasses.asdict(self) | {"phases": [dataclasses.asdict(phase) for phase in self.phases]}


def _at_least_one(name: str, value: int) -> None:
    require(value >= 1, f"--{name.replace('_', '-')} is {value}: it must be 1 or more")


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Name the options that make `new` another run than `old`.

    >>> differences({"lr": 0.1, "device": "cpu"}, {"lr": 0.2, "device": "cuda"})
    ['--lr was 0.1, now 0.2']
    """
    names = [name for name in new if name not in CHANGEABLE and old.get(name) != new[name]]
    return [f"--{name.replace('_', '-')} was {old.get(name)}, now {new[name]}" for name in names]

"""`bertdata pretrain`: a corpus in, a BERT out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.options import output_option

_PRESETS = ("base", "tiny", "mini", "small", "medium", "large")


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path))
@output_option
@click.option("--preset", type=click.Choice(_PRESETS), default="base", show_default=True, help="Size of the model.")
@click.option("--steps", type=int, default=1_000_000, show_default=True, help="Optimiser steps.")
@click.option(
    "--phase",
    "phases",
    multiple=True,
    metavar="LENGTH:STEPS[:MASK_RATE]",
    help="A stretch of the run: examples of LENGTH tokens for STEPS steps; with --masks dynamic at MASK_RATE. "
    "Repeatable; takes the place of --steps. Default: the corpus' length; 90 % and 10 % of the steps where it has two.",
)
@click.option("--batch-size", type=int, default=256, show_default=True, help="Examples a step, over all ranks.")
@click.option(
    "--micro-batch-size",
    type=int,
    help="Examples computed at once on a rank; gradients add up to the same. Default: what fits the device.",
)
@click.option(
    "--lr", type=float, help="Peak learning rate. Default: 1e-4 (base, large), 5e-4 (small, medium), else 1e-3."
)
@click.option("--warmup-steps", type=int, help="Steps of linear warm-up. Default: 1 % of the steps.")
@click.option(
    "--schedule",
    type=click.Choice(["original", "continuous"]),
    default="original",
    show_default=True,
    help="Decay from step 0 replaced by warm-up, as BERT was trained, or decay from the peak.",
)
@click.option(
    "--optimizer",
    type=click.Choice(["adamw", "lamb"]),
    default="adamw",
    show_default=True,
    help="AdamW as in the original, or LAMB for very large batches.",
)
@click.option("--weight-decay", type=float, default=0.01, show_default=True, help="Decay, times the learning rate.")
@click.option("--clip-norm", type=float, default=1.0, show_default=True, help="Largest norm of the whole gradient.")
@click.option(
    "--dropout", type=float, help="Dropout of hidden states and attention. Default: 0.1, or as --init has it."
)
@click.option(
    "--masks",
    type=click.Choice(["static", "dynamic"]),
    default="static",
    show_default=True,
    help="Masks as built, or new ones in every epoch.",
)
@click.option(
    "--output-bias",
    type=click.Choice(["frequencies", "zero"]),
    default="frequencies",
    show_default=True,
    help="Begin the masked-LM head's bias at the tokens' log frequencies in the corpus, or at 0, as BERT did, "
    "which learns later. Without effect with --init.",
)
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Begin from the weights of a run or of a Hugging Face BERT folder, in its size. Default: random.",
)
@click.option("--seed", type=int, default=12345, show_default=True, help="Seed of weights, order, masks and dropout.")
@click.option("--checkpoint-every", type=int, default=1000, show_default=True, help="Steps between checkpoints.")
@click.option("--keep", "keep_checkpoints", type=int, default=3, show_default=True, help="Checkpoints to keep.")
@click.option(
    "--validate-every",
    type=int,
    default=1000,
    show_default=True,
    help="Steps between validations on held-out documents.",
)
@click.option("--validation-examples", type=int, default=1000, show_default=True, help="Examples of a validation.")
@click.option("--log-every", type=int, default=10, show_default=True, help="Steps between lines of log.jsonl.")
@click.option("--tensorboard/--no-tensorboard", default=True, show_default=True, help="Write TensorBoard's files too.")
@click.option(
    "--layout",
    type=click.Choice(["packed", "padded"]),
    default="packed",
    show_default=True,
    help="Batches without padding, or padded to the longest example.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="Number format of matrix products; auto takes bf16 where the hardware has it.",
)
@click.option("--compile", is_flag=True, help="Compile the model with torch.compile (slow start). Default: off.")
@click.option(
    "--parallel",
    type=click.Choice(["ddp", "fsdp"]),
    default="ddp",
    show_default=True,
    help="Under torchrun: a copy of the model on every rank, or shards of it (FSDP2).",
)
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda", help="Where to compute.")
@click.option("--threads", type=int, help="CPU threads of each rank. Default: all cores, or OMP_NUM_THREADS.")
@click.option("--force", is_flag=True, help="Begin again in a folder that holds another run. Default: refuse.")
def command(corpus: Path, output: Path, phases: tuple[str, ...], init: Path | None, **options: Any) -> int:
    """Pre-train a BERT on a corpus.

    The same command again goes on where a run was stopped. Several GPUs or machines: put `torchrun
    --nproc-per-node=N -m cli.main` in the place of `bertdata`.

    \b
    Example:
      bertdata pretrain corpus/ --preset base --output runs/base
      bertdata pretrain corpus/ --preset base --phase 128:900000 --phase 512:100000 --output runs/base
    """
    from trainer.config import PretrainOptions, parse_phase

    parsed = tuple(parse_phase(text) for text in phases)
    chosen = PretrainOptions(
        corpus=str(corpus), output=str(output), phases=parsed, init=str(init) if init else None, **options
    )
    from trainer.pretrain import pretrain

    result = pretrain(chosen)
    if result.stopped and result.is_first_rank:
        click.echo(
            f"Stopped after step {result.step:,} of {result.total:,}; a checkpoint is saved. Run the same "
            "command again to go on.",
            err=True,
        )
    return 130 if result.stopped else 0

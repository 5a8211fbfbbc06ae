"""`bertdata finetune`: a BERT and a labelled file to a model of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import options


@click.command()
@click.argument("model", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--task",
    required=True,
    metavar="NAME",
    help="cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli, classification, regression, ner, pos or squad.",
)
@click.option("--train", required=True, metavar="FILE", help="Labelled training examples.")
@click.option("--dev", required=True, metavar="FILE", help="Labelled examples to score.")
@options.output_option
@click.option("--epochs", type=float, default=3.0, show_default=True, help="Passes over the training examples.")
@click.option("--batch-size", type=int, default=32, show_default=True, help="Examples a step.")
@click.option("--lr", "learning_rate", type=float, default=5e-5, show_default=True, help="Peak learning rate.")
@click.option(
    "--max-seq-length",
    type=int,
    default=0,
    show_default="128; 384 for squad",
    help="Longest example in tokens, specials included.",
)
@click.option(
    "--warmup", type=float, default=0.1, show_default=True, help="Share of the steps with a rising learning rate."
)
@click.option(
    "--weight-decay", type=float, default=0.01, show_default=True, help="Decoupled decay, times the learning rate."
)
@click.option("--seed", type=int, default=12345, show_default=True, help="Seed of the head, the order and dropout.")
@click.option(
    "--seeds",
    "num_seeds",
    type=int,
    default=1,
    show_default=True,
    help="Number of seeds to run; the result gives mean and sd, the best one's model is kept.",
)
@click.option(
    "--text-column",
    "text_columns",
    multiple=True,
    metavar="NAME",
    help="Column of the text, by name or number from 1; twice for a pair. Default: the task's.",
)
@click.option(
    "--label-column", metavar="NAME", help="Column of the label, by name or number from 1. Default: the task's."
)
@click.option(
    "--header/--no-header", default=None, help="Whether the first line names the columns. Default: the task's."
)
@click.option(
    "--on-error",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What a row without a usable label does: end the run, or be left out and counted.",
)
@click.option(
    "--null-threshold",
    type=float,
    default=0.0,
    show_default=True,
    help='squad: "" is the answer where null beats the best span by more than this, in logits.',
)
@click.option("--doc-stride", type=int, default=128, show_default=True, help="squad: tokens from window to window.")
@click.option("--max-query-length", type=int, default=64, show_default=True, help="squad: tokens of a question kept.")
@click.option(
    "--max-answer-length", type=int, default=30, show_default=True, help="squad: tokens of an answer at most."
)
@click.option(
    "--n-best", "num_best", type=int, default=20, show_default=True, help="squad: answers kept for each question."
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="Format of matrix products; auto: bf16 where the hardware has it.",
)
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="cpu or cuda; auto: a GPU if any.")
@click.option("--force", is_flag=True, help="Overwrite a finished fine-tuning in the output folder.")
@options.json_option
def command(
    model: Path, train: str, dev: str, output: Path, num_seeds: int, force: bool, as_json: bool, **given: Any
) -> None:
    """Fine-tune a BERT on a task.

    RUN is a run of `bertdata pretrain` or any Hugging Face BERT folder.

    \b
    Example:
      bertdata finetune runs/base --task mrpc --train train.tsv --dev dev.tsv --output runs/mrpc
    """
    from cli.scores import ScoreLines, print_results
    from trainer.finetune import finetune
    from trainer.tasks import FinetuneOptions

    lines = ScoreLines()
    results = finetune(
        model, train, dev, output, FinetuneOptions(**given), num_seeds=num_seeds, force=force, report=lines
    )
    print_results(results, output, as_json)

"""Score a fine-tuned model on a file: what `bertdata evaluate` does."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from bertdata.errors import FormatError, InputError
from trainer.encode import Encoder
from trainer.features import Features
from trainer.hf import load_parts, read_config, write_text
from trainer.kinds import make_kind, make_model
from trainer.tasks import FinetuneOptions
from trainer.tuning import choose_compute, predict


def evaluate(
    run: str | Path, path: str, *, output: str | Path | None = None, header: bool | None = None, labelled: bool = True
) -> dict[str, Any]:
    """Score a fine-tuned model on a file, and write its predictions to `output` where that is given.

    With `labelled` false the file has no labels: predictions only. Raises FormatError where `run` isn't the result
    of `finetune`.
    """
    run = Path(run)
    config = read_config(run)
    options, labels = read_task(run)
    if header is not None:
        options = dataclasses.replace(options, header=header)
    compute = choose_compute(options)
    kind: Any = make_kind(options, labels)
    examples = kind.read(path, labelled)
    if labelled:
        kind.check(examples)
    features = kind.features(examples, Encoder(run, config.vocab_size), options.max_seq_length)
    model = make_model(kind, config)
    missing = [name for name in load_parts(model, run) if ".pooler." not in name or model.has_pooler]
    if missing:
        raise FormatError(f"{run} has no weights {missing[0]}: fine-tune it again.")
    predictions = kind.decode(examples, features, predict(model.to(compute.device), features, compute))
    results: dict[str, Any] = {
        "task": options.task,
        "model": str(run),
        "file": path,
        "examples": len(examples),
        "metrics": kind.score(examples, predictions) if labelled else {},
        "notes": examples.notes + length_notes(examples, features, options.max_seq_length),
    }
    if output is not None:
        write_files(Path(output), kind.files(predictions))
        write_text(
            Path(output) / "results.json", json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        )
    return results


def read_task(run: Path) -> tuple[FinetuneOptions, list[str]]:
    """Read the options and labels of a fine-tuned model; raises FormatError where it has none."""
    path = run / "task.json"
    if not path.is_file():
        raise InputError(f"{run} has no task.json, so it isn't the result of `bertdata finetune`: fine-tune it first.")
    try:
        task = json.loads(path.read_text(encoding="utf-8"))
        values = task["options"] | {"text_columns": tuple(task["options"]["text_columns"])}
        return FinetuneOptions(**values), list(task["labels"])
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} can't be read ({error}): fine-tune the model again.") from error


def length_notes(examples: Any, features: Features, length: int) -> list[str]:
    if not features.num_truncated:
        return []
    what = "were split" if features.per_token else "were cut"
    count = f"{features.num_truncated:,} of {len(examples):,} examples"
    return [f"{examples.path}: {count} are longer than {length} tokens and {what}"]


def write_files(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_text(folder / name, text)

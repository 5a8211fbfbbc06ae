"""Fine-tune a BERT on a task, over one seed or several, and score the result: what `bertdata finetune` does.

A result folder holds the model (`config.json`, `model.safetensors`, tokenizer files), `task.json` (what evaluating
needs), `predictions.*` on the dev file, `log.jsonl` and, last, `results.json`.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from bertdata import __version__
from bertdata.errors import OptionError, require
from trainer.encode import Encoder
from trainer.evaluate import length_notes, write_files
from trainer.features import Features
from trainer.heads import TaskModel
from trainer.hf import load_encoder, read_config, write_model, write_text, write_tokenizer
from trainer.initial import init_weights
from trainer.kinds import make_kind, make_model
from trainer.model import BertConfig
from trainer.tasks import FinetuneOptions, choose_length, find_task
from trainer.tuning import Compute, Report, choose_compute, predict, tune

# A line of the log every so many steps, so that a long run's log stays small.
_LOG_STEPS = 10


@dataclasses.dataclass(frozen=True)
class _Setup:
    """What all seeds of a run share."""

    run: Path
    output: Path
    config: BertConfig
    options: FinetuneOptions
    kind: Any
    encoder: Encoder
    length: int
    train: Features
    dev_examples: Any
    dev: Features
    notes: list[str]
    compute: Compute


def finetune(
    run: str | Path,
    train: str,
    dev: str,
    output: str | Path,
    options: FinetuneOptions,
    *,
    num_seeds: int = 1,
    force: bool = False,
    report: Report = lambda record: None,
) -> dict[str, Any]:
    """Fine-tune `run` on `train`, score each seed on `dev`, write the best seed's model to `output`.

    Returns what `results.json` holds. The same inputs, options and seed give the same bytes on the same CPU.

    Raises InputError, OptionError, FormatError or BuildError with one line that says what to do.
    """
    require(num_seeds >= 1, f"--seeds {num_seeds} must be at least 1.")
    output = Path(output)
    _check_output(Path(run), output, force)
    setup = _prepare(Path(run), train, dev, output, options)
    for note in setup.notes:
        report({"event": "note", "note": note})
    main = find_task(options.task).metrics[0]
    scored: list[dict[str, Any]] = []
    with _Log(output / "log.jsonl", report) as log:
        for seed in range(options.seed, options.seed + num_seeds):
            model, metrics, predictions = _run_seed(setup, seed, log)
            best = not scored or metrics[main] > max(entry["metrics"][main] for entry in scored)
            scored.append({"seed": seed, "metrics": metrics})
            if best:
                _save(setup, model, predictions)
            if num_seeds > 1:
                write_files(output / "seeds" / str(seed), setup.kind.files(predictions))
    results = _results(setup, run, train, dev, scored, main)
    write_text(output / "results.json", json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return results


def _check_output(run: Path, output: Path, force: bool) -> None:
    require(run.resolve() != output.resolve(), f"--output {output} is the model itself: name another folder.")
    for name in ("manifest.json", "checkpoints", "shards"):
        if (output / name).exists():
            raise OptionError(f"--output {output} holds a corpus or a pre-training run ({name}): name another folder.")
    if (output / "results.json").exists() and not force:
        raise OptionError(
            f"--output {output} holds a finished fine-tuning already: name another folder, or add --force."
        )
    (output / "results.json").unlink(missing_ok=True)
    shutil.rmtree(output / "seeds", ignore_errors=True)


def _prepare(run: Path, train: str, dev: str, output: Path, options: FinetuneOptions) -> _Setup:
    config = read_config(run)
    length = choose_length(options, config.max_position_embeddings)
    encoder = Encoder(run, config.vocab_size)
    kind: Any = make_kind(options)
    train_examples, dev_examples = kind.read(train), kind.read(dev)
    kind.learn(train_examples)
    kind.check(dev_examples)
    features = [kind.features(train_examples, encoder, length, True), kind.features(dev_examples, encoder, length)]
    notes = train_examples.notes + dev_examples.notes
    for examples, part in zip((train_examples, dev_examples), features, strict=True):
        notes += length_notes(examples, part, length)
    return _Setup(
        run,
        output,
        config,
        options,
        kind,
        encoder,
        length,
        features[0],
        dev_examples,
        features[1],
        notes,
        choose_compute(options),
    )


def _run_seed(setup: _Setup, seed: int, log: _Log) -> tuple[TaskModel, dict[str, Any], list[dict[str, Any]]]:
    """Train with one seed; return the model, its scores on dev and its predictions."""
    model = make_model(setup.kind, setup.config)
    init_weights(model, seed, setup.config.initializer_range)
    missing = load_encoder(model.bert, setup.run)
    if missing and model.has_pooler:
        log({"event": "note", "note": f"{setup.run} has no pooler: a new one is trained"})
    model.to(setup.compute.device)
    metrics: dict[str, Any] = {}
    predictions: list[dict[str, Any]] = []
    for epoch in tune(model, setup.train, setup.options, seed, setup.compute, log):
        predictions = setup.kind.decode(setup.dev_examples, setup.dev, predict(model, setup.dev, setup.compute))
        metrics = setup.kind.score(setup.dev_examples, predictions)
        log({"event": "epoch", "seed": seed, "epoch": epoch, "metrics": metrics})
    return model, metrics, predictions


def _save(setup: _Setup, model: TaskModel, predictions: list[dict[str, Any]]) -> None:
    """Write the model, its tokenizer, its task and its predictions."""
    labels = setup.kind.labels
    extra: dict[str, Any] = {}
    if setup.options.kind in ("classification", "tokens"):
        extra = {
            "id2label": {str(i): label for i, label in enumerate(labels)},
            "label2id": {label: i for i, label in enumerate(labels)},
        }
    elif setup.options.kind == "regression":
        extra = {"id2label": {"0": "score"}, "label2id": {"score": 0}, "problem_type": "regression"}
    setup.output.mkdir(parents=True, exist_ok=True)
    write_model(model, setup.output, model.architecture, extra)
    write_tokenizer(setup.run, setup.output, setup.config.max_position_embeddings)
    options = dataclasses.asdict(setup.options) | {"max_seq_length": setup.length}
    task = {"bertdata_version": __version__, "options": options, "labels": labels}
    write_text(setup.output / "task.json", json.dumps(task, indent=1, ensure_ascii=False) + "\n")
    write_files(setup.output, setup.kind.files(predictions))


def _results(setup: _Setup, run: Any, train: str, dev: str, scored: list[dict[str, Any]], main: str) -> dict[str, Any]:
    best = max(scored, key=lambda entry: entry["metrics"][main])
    results = {
        "task": setup.options.task,
        "model": str(run),
        "train": {"file": train, "sequences": len(setup.train)},
        "dev": {"file": dev, "examples": len(setup.dev_examples), "sequences": len(setup.dev)},
        "compute": setup.compute.words,
        "main_metric": main,
        "metrics": best["metrics"],
        "notes": setup.notes,
    }
    if len(scored) == 1:
        return results | {"seed": best["seed"]}
    names = [name for name, value in best["metrics"].items() if isinstance(value, float)]
    values = {name: [entry["metrics"][name] for entry in scored if name in entry["metrics"]] for name in names}
    return results | {
        "seed": best["seed"],
        "seeds": scored,
        "mean": {name: statistics.fmean(column) for name, column in values.items()},
        "sd": {name: statistics.stdev(column) for name, column in values.items()},
    }


class _Log:
    """Passes records on, and writes some of them to a JSON-lines file with the seconds since the beginning."""

    def __init__(self, path: Path, report: Report) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.report, self.began, self.file = report, time.monotonic(), path.open("w", encoding="utf-8")

    def __call__(self, record: dict[str, Any]) -> None:
        self.report(record)
        if record["event"] != "step" or record["step"] % _LOG_STEPS == 0 or record["step"] == record["steps"]:
            timed = record | {"seconds": round(time.monotonic() - self.began, 3)}
            self.file.write(json.dumps(timed, ensure_ascii=False) + "\n")
            self.file.flush()

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

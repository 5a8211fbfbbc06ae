"""The folder of a run: what stands in it beside checkpoints and log, and which options began it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertdata.errors import BuildError, FormatError, InputError, OptionError
from bertdata.files import publish
from trainer.checkpoint import newest_state
from trainer.config import PretrainOptions, differences
from trainer.model import BertConfig

_VOCABULARY_FILES = ("vocab.txt", "tokenizer.json", "tokenizer_config.json")
_OWN = ("checkpoints", "tensorboard", "log.jsonl", "curves.png", "config.json", "model.safetensors")


def resumable(run: Path, options: PretrainOptions) -> tuple[Path | None, int, list[str]]:
    """Return the checkpoint to go on from with its step, and lines about damaged ones; (None, 0, []) for a new run.

    Raises BuildError where the run was begun with other options, FormatError where all checkpoints are damaged.
    """
    path, state, problems = newest_state(run)
    if path is None:
        _refuse_strangers(run)
        return None, 0, []
    found = differences(state["options"], options.to_json())
    if found:
        raise BuildError(
            f"{run} holds a run that differs: {'; '.join(found)}. Use another --output (with --init {run} to begin "
            "from its weights), or --force to begin again"
        )
    return path, int(state["step"]), [f"{problem}; {path.name} is used instead" for problem in problems]


def _refuse_strangers(run: Path) -> None:
    if run.exists() and not run.is_dir():
        raise BuildError(f"{run} is a file: choose another --output")
    if (run / "model.safetensors").exists() or (run / "manifest.json").exists():
        raise BuildError(f"{run} holds a model or a corpus that no checkpoint belongs to: choose another --output")


def clear(run: Path) -> None:
    """Remove what runs leave in a folder, and nothing else."""
    for name in (*_OWN, *_VOCABULARY_FILES):
        path = run / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write_model_files(run: Path, corpus: Path, config: BertConfig) -> None:
    """Write what makes the run's folder a model folder, all but the weights."""
    run.mkdir(parents=True, exist_ok=True)
    with publish(run / "config.json") as temporary:
        temporary.write_text(config.to_json(), encoding="utf-8")
    for name in _VOCABULARY_FILES:
        if (corpus / "vocab" / name).is_file():
            with publish(run / name) as temporary:
                temporary.write_bytes((corpus / "vocab" / name).read_bytes())


def publish_weights(run: Path, checkpoint: Path) -> None:
    """Make the checkpoint's weights the run's: another name of the same file where the file system has such."""
    with publish(run / "model.safetensors") as temporary:
        try:
            os.link(checkpoint / "model.safetensors", temporary)
        except OSError:
            shutil.copyfile(checkpoint / "model.safetensors", temporary)


def initial_config(options: PretrainOptions, vocab_tokens: tuple[str, ...], shape: dict[str, Any]) -> BertConfig:
    """Return the configuration that a run begins with: the preset's `shape`, or that of the folder of `--init`.

    Raises FormatError where that folder has another vocabulary than the corpus.
    """
    if options.init is None:
        dropout = 0.1 if options.dropout is None else options.dropout
        values = shape | {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        return BertConfig(vocab_size=len(vocab_tokens), **values)
    folder = Path(options.init)
    if not (folder / "config.json").is_file():
        raise InputError(f"--init {folder} isn't the folder of a model: it has no config.json")
    config = BertConfig.from_json(folder / "config.json")
    if config.vocab_size != len(vocab_tokens):
        raise FormatError(
            f"--init {folder} has a vocabulary of {config.vocab_size:,}, the corpus has {len(vocab_tokens):,}: build "
            f"the corpus with --vocab {folder}/vocab.txt"
        )
    _same_tokens(folder, vocab_tokens)
    if options.dropout is None:
        return config
    return replace(config, hidden_dropout_prob=options.dropout, attention_probs_dropout_prob=options.dropout)


def _same_tokens(folder: Path, tokens: tuple[str, ...]) -> None:
    path = folder / "vocab.txt"
    if not path.is_file():
        return
    own = path.read_text(encoding="utf-8").splitlines()
    # A line of one line separator is a token in some vocabularies, so only equal counts are compared one by one.
    if len(own) == len(tokens) and (odd := [n for n, (a, b) in enumerate(zip(own, tokens, strict=True)) if a != b]):
        raise FormatError(
            f"--init {folder} has another vocabulary than the corpus (token {odd[0]:,} is {own[odd[0]]!r} there, "
            f"{tokens[odd[0]]!r} here): build the corpus with --vocab {path}"
        )


def check_lengths(config: BertConfig, lengths: list[int]) -> None:
    """Refuse lengths that the model has no positions for.

    Raises OptionError.
    """
    if max(lengths) > config.max_position_embeddings:
        raise OptionError(
            f"Length {max(lengths)} is above the {config.max_position_embeddings} positions of the model: choose a "
            "shorter one with --phase, or build the corpus with a shorter --max-seq-length"
        )

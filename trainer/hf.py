"""Folders that Hugging Face's tools read and write: a model's weights, its configuration and its tokenizer.

A run's folder has the same form, so a run and a downloaded BERT are taken in the same way. One quirk: transformers
makes [PAD]'s embedding row zero in new models and blocks its gradient; here it is an ordinary trained row, as in the
original. It is never attended to, so outputs are the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from bertdata.errors import FormatError, InputError, OptionError, require
from bertdata.files import publish
from trainer.initial import init_weights
from trainer.model import BertConfig, BertForPreTraining
from trainer.weights import load_weights, normalize_names, read_state, write_state

_ARCHITECTURES = {
    "BertForPreTraining",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertForQuestionAnswering",
}


def read_config(folder: str | Path) -> BertConfig:
    """Read the configuration of a run or of any Hugging Face BERT folder.

    Raises InputError where the folder isn't one, FormatError where it is of another kind of model.
    """
    folder = Path(folder)
    require(
        folder.is_dir(), f"{folder} doesn't exist or is no folder: give a run, or the folder of a BERT.", InputError
    )
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} has no config.json: {_instead(folder)}")
    return BertConfig.from_json(folder / "config.json")


def load_pretrained(folder: str | Path, seed: int = 0) -> tuple[BertForPreTraining, list[str]]:
    """Load any BERT folder for pre-training; return the model and the heads' parameters that it lacks.

    Those are drawn from `seed`. Raises InputError or FormatError as `read_config` and `load_parts` do.
    """
    config = read_config(folder)
    model = BertForPreTraining(config)
    init_weights(model, seed, config.initializer_range)
    return model, load_parts(model, folder)


def load_encoder(bert: nn.Module, folder: str | Path) -> list[str]:
    """Load an encoder's weights, and none of the folder's heads; return the parameters that the folder lacks."""
    return load_parts(nn.ModuleDict({"bert": bert}), folder)


def load_parts(model: nn.Module, folder: str | Path) -> list[str]:
    """Load what the folder has into `model`; return the parameters it lacks, which can be of heads and pooler only.

    Raises FormatError where a part of the encoder is missing, has another shape, or isn't in config.json.
    """
    missing = load_weights(model, folder)
    encoder = [name for name in missing if name.startswith("bert.") and ".pooler." not in name]
    if encoder:
        raise FormatError(
            f"{folder} lacks {len(encoder)} weights of the encoder, first {encoder[0]}: is it a whole BERT?"
        )
    own = set(model.state_dict())
    unknown = sorted(name for name in _stored_names(Path(folder)) if ".encoder." in name and name not in own)
    if unknown:
        raise FormatError(
            f"{folder}: the weights hold {unknown[0]}, for which its config.json has no layer: the two "
            "don't belong together."
        )
    return missing


def _stored_names(folder: Path) -> set[str]:
    paths = sorted(folder.glob("model*.safetensors"))
    if not paths:
        return set(normalize_names(read_state(folder)))
    from safetensors import safe_open

    names: dict[str, Any] = {}
    for path in paths:
        with safe_open(path, "pt") as file:
            names |= dict.fromkeys(file.keys())
    return set(normalize_names(names))


def write_model(model: nn.Module, folder: Path, architecture: str, extra: dict[str, Any] | None = None) -> None:
    """Write `config.json` and `model.safetensors`; a model without a pooler in that architecture is written without.

    `extra` is added to the configuration (label names, the kind of problem).
    """
    config: BertConfig = model.config  # type: ignore[assignment]
    values = json.loads(config.to_json(architecture)) | (extra or {})
    state = model.state_dict()
    if architecture in ("BertForTokenClassification", "BertForQuestionAnswering"):
        state = {name: tensor for name, tensor in state.items() if not name.startswith("bert.pooler.")}
    write_state(state, folder / "model.safetensors")
    write_text(folder / "config.json", json.dumps(values, indent=2, sort_keys=True) + "\n")


def write_tokenizer(source: str | Path, folder: Path, max_length: int) -> None:
    """Write the source folder's tokenizer: `tokenizer.json`, `vocab.txt`, `tokenizer_config.json` for transformers."""
    from trainer.encode import load_tokenizer

    tokenizer = load_tokenizer(source)
    tokenizer.encode_special_tokens = False
    normalizer = json.loads(tokenizer.to_str()).get("normalizer") or {}
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    require(
        [number for _, number in vocabulary] == list(range(len(vocabulary))),
        f"{source}: the tokenizer's ids have gaps, which vocab.txt can't hold.",
        FormatError,
    )
    write_text(folder / "vocab.txt", "".join(f"{token}\n" for token, _ in vocabulary))
    write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=False))
    config = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": normalizer.get("lowercase", True),
        "strip_accents": normalizer.get("strip_accents"),
        "tokenize_chinese_chars": normalizer.get("handle_chinese_chars", True),
        "model_max_length": max_length,
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
        "unk_token": "[UNK]",
    }
    write_text(folder / "tokenizer_config.json", json.dumps(config, indent=2) + "\n")


def export_run(run: str | Path, output: str | Path, form: str = "hf") -> dict[str, Any]:
    """Write a run in the form that its tool reads, `hf`; return the names of the files as `files`.

    Raises OptionError for the forms that only a corpus has, and what `export_hf` raises.
    """
    require(form == "hf", f"--format {form} is for a corpus; a run can be exported as hf.")
    return {"files": export_hf(run, output)}


def export_hf(run: str | Path, output: str | Path) -> list[str]:
    """Write a run as a folder for transformers; return the names of its files.

    A pre-trained run loads as `AutoModel`, `BertForPreTraining` or `BertForMaskedLM` (a fill-mask pipeline), a
    fine-tuned one as the class of its task; `hidden_act` is the one that was trained.

    Raises InputError where there is no run, OptionError where the output is the run itself.
    """
    run, output = Path(run), Path(output)
    config = read_config(run)
    require(
        run.resolve() != output.resolve(), f"--output {output} is the run itself: name another folder.", OptionError
    )
    values = json.loads((run / "config.json").read_text(encoding="utf-8"))
    architecture = (values.get("architectures") or ["BertForPreTraining"])[0]
    if architecture not in _ARCHITECTURES:
        architecture = "BertForPreTraining"
    model, heads = _build(config, architecture, values)
    missing = load_parts(model, run)
    if any(not name.startswith("bert.pooler.") for name in missing) or (heads and missing):
        raise FormatError(
            f"{run} has no {missing[0]}: it isn't a whole {architecture}, so it can't be exported as one."
        )
    labels = {key: values[key] for key in ("id2label", "label2id", "problem_type") if key in values}
    output.mkdir(parents=True, exist_ok=True)
    write_model(model, output, architecture, labels)
    write_tokenizer(run, output, config.max_position_embeddings)
    write_text(output / "README.md", _model_card(config, architecture))
    return sorted(path.name for path in output.iterdir())


def _build(config: BertConfig, architecture: str, values: dict[str, Any]) -> tuple[nn.Module, bool]:
    """Return an empty model, and whether its pooler must be among the weights."""
    from trainer import heads

    num_labels = len(values.get("id2label") or {}) or 2
    if architecture == "BertForPreTraining":
        return BertForPreTraining(config), True
    if architecture == "BertForQuestionAnswering":
        return heads.BertForQuestionAnswering(config), False
    if architecture == "BertForTokenClassification":
        return heads.BertForTokenClassification(config, num_labels), False
    return heads.BertForSequenceClassification(config, num_labels), True


def _model_card(config: BertConfig, architecture: str) -> str:
    size = f"{config.num_hidden_layers} layers, {config.hidden_size} hidden units, {config.num_attention_heads} heads"
    return (
        f"---\nlibrary_name: transformers\ntags:\n- bert\n---\n\n# BERT ({size})\n\n"
        f"Trained and exported by bertdata. Load it with `transformers.{architecture}.from_pretrained`; the activation "
        f"is `{config.hidden_act}`, as it was trained.\n"
    )


def _instead(folder: Path) -> str:
    if (folder / "manifest.json").is_file() or (folder / "shards").is_dir():
        return "it is a corpus; run `bertdata pretrain` on it first, and give the run."
    if sorted(folder.glob("*.ckpt*")):
        return "TensorFlow checkpoints must be converted first (transformers has a script for it)."
    runs: Sequence[Path] = sorted(path.parent for path in folder.glob("*/config.json"))
    return f"did you mean {runs[0]}?" if runs else "give a run, or the folder of a Hugging Face BERT."


def write_text(path: Path, text: str) -> None:
    """Write a file whole, or not at all."""
    with publish(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""Weights in and out of folders that Hugging Face's tools write and read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bertdata.errors import FormatError
from bertdata.files import publish

_OLD_NAMES = ((re.compile(r"\.gamma$"), ".weight"), (re.compile(r"\.beta$"), ".bias"))
# The tied decoder is the word embedding; position_ids was a buffer of old versions.
_NOT_LOADED = re.compile(r"(^cls\.predictions\.decoder\.(weight|bias)|embeddings\.position_ids)$")


def read_state(folder: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a model folder (`model.safetensors`, shards of it, or `pytorch_model.bin`).

    Raises FormatError where the folder has no weights or they are damaged.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("model*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not paths:
        raise FormatError(f"{folder} has no model.safetensors or pytorch_model.bin: give the folder of a BERT")
    state: dict[str, Tensor] = {}
    for path in paths:
        try:
            state.update(_read_file(path))
        except Exception as error:
            raise FormatError(f"{path} can't be read, it may be cut off: {error}") from error
    return state


def _read_file(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def normalize_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state under the names of `BertForPreTraining`: old LayerNorm names, bare encoders.

    >>> list(normalize_names({"embeddings.LayerNorm.gamma": Tensor()}))
    ['bert.embeddings.LayerNorm.weight']
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        for pattern, new in _OLD_NAMES:
            name = pattern.sub(new, name)
        if name.startswith(("embeddings.", "encoder.", "pooler.")):
            name = f"bert.{name}"
        if not _NOT_LOADED.search(name):
            renamed[name] = tensor
    return renamed


def load_weights(model: nn.Module, folder: str | Path) -> list[str]:
    """Load what the folder has into `model` and return the names of parameters that it lacks.

    Raises FormatError where a shape differs or no parameter of the encoder is there.
    """
    own = model.state_dict()
    state = {name: tensor for name, tensor in normalize_names(read_state(folder)).items() if name in own}
    for name, tensor in state.items():
        if own[name].shape != tensor.shape:
            raise FormatError(
                f"{folder}: {name} has shape {list(tensor.shape)}, the model needs {list(own[name].shape)}: "
                "its config.json and its weights (or the vocabulary) don't belong together"
            )
    if not any(".encoder." in name for name in state):
        raise FormatError(f"{folder} holds no weights of a BERT encoder")
    model.load_state_dict(state, strict=False)
    return sorted(set(own) - set(state))


def write_weights(model: nn.Module, path: str | Path) -> None:
    """Write the model's tensors as one safetensors file that Hugging Face's loaders take."""
    write_state(model.state_dict(), path)


def write_state(state: dict[str, Any], path: str | Path) -> None:
    """Write named tensors as one safetensors file, whole or not at all."""
    with publish(path) as temporary:
        save_tensors(state, temporary)


def save_tensors(state: dict[str, Any], path: Path) -> None:
    """Write named tensors to `path` as it is."""
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    save_file(tensors, path, metadata={"format": "pt"})

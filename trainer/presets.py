"""The sizes of BERT that have names."""

from __future__ import annotations

import dataclasses

from bertdata.errors import OptionError


@dataclasses.dataclass(frozen=True)
class Preset:
    """A size: its shape, and the learning rate that works for it at batch 256."""

    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    intermediate_size: int
    learning_rate: float


PRESETS = {
    "tiny": Preset(2, 128, 2, 512, 1e-3),
    "mini": Preset(4, 256, 4, 1024, 1e-3),
    "small": Preset(4, 512, 8, 2048, 5e-4),
    "medium": Preset(8, 512, 8, 2048, 5e-4),
    "base": Preset(12, 768, 12, 3072, 1e-4),
    "large": Preset(24, 1024, 16, 4096, 1e-4),
}


def preset_shape(name: str) -> dict[str, int]:
    """Return the shape of a preset as fields of `BertConfig`.

    >>> preset_shape("tiny")["hidden_size"]
    128
    """
    if name not in PRESETS:
        raise OptionError(f"--preset {name!r} is unknown; known are {', '.join(PRESETS)}")
    shape = dataclasses.asdict(PRESETS[name])
    del shape["learning_rate"]
    return shape

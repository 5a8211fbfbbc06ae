"""The weights that training begins with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainer.model import BertForPreTraining


def init_weights(model: nn.Module, seed: int, initializer_range: float = 0.02) -> None:
    """Draw weights from a normal cut at two standard deviations; biases 0, LayerNorm 1 and 0, as in the original."""
    generator = torch.Generator().manual_seed(seed)
    std = initializer_range
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std, generator=generator)
        if isinstance(module, nn.Linear | nn.LayerNorm) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)


@torch.no_grad()
def init_output_bias(model: BertForPreTraining, frequencies: Tensor) -> None:
    """Set the masked-LM bias to the logarithm of the tokens' frequencies [V].

    From a bias of 0 a model first learns how rare most tokens are, by moving their embeddings, which are the decoder's
    weights too, all in one direction; so alike, they tell it little of its input, and it stays at the loss of the
    frequencies alone for a long time.
    """
    model.cls.predictions.bias.copy_(frequencies.log())

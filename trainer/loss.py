"""Cross-entropy over the whole vocabulary."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def linear_cross_entropy(x: Tensor, weight: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the summed cross-entropy of `x @ weight.T + bias` against `labels`, and how many are predicted right.

    `x` [M, H], `weight` [V, H], `bias` [V], `labels` [M].
    """
    logits = F.linear(x, weight, bias)
    return F.cross_entropy(logits.float(), labels, reduction="sum"), (logits.argmax(-1) == labels).sum()

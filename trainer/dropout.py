"""Dropout."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class Dropout(nn.Module):
    """Drop numbers with probability `p` while training, and scale the rest by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    @property
    def active(self) -> bool:
        """Whether the next call changes its input."""
        return self.training and self.p > 0

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p) if self.active else x

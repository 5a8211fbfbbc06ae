"""Cross-entropy over the whole vocabulary, without keeping the logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer import fused
from trainer.linear import linear

# Logits of about so many numbers (64 MB) are made at once: fewer pay more often for reading all weights.
_BLOCK_NUMBERS = 1 << 24


def linear_cross_entropy(x: Tensor, weight: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the summed cross-entropy of `x @ weight.T + bias` against `labels`, and how many are predicted right.

    `x` [M, H], `weight` [V, H], `bias` [V], `labels` [M]. On a CPU the gradient is taken block by block together with
    the loss; elsewhere torch's own kernels do it.
    """
    if x.device.type == "cpu" and not torch.compiler.is_compiling():
        loss, correct = _BlockwiseCrossEntropy.apply(x, weight, bias, labels)  # type: ignore[no-untyped-call]
        return loss, correct
    if fused.computes_loss(x):
        return fused.linear_cross_entropy(x, weight, bias, labels)
    logits = F.linear(x, weight, bias)
    return F.cross_entropy(logits.float(), labels, reduction="sum"), (logits.argmax(-1) == labels).sum()


class _BlockwiseCrossEntropy(torch.autograd.Function):
    """For each block of rows: logits, softmax in place, and all three gradients while the block is in the cache.

    Where products are in 16 bits, so are these; the loss and the sums of the gradients are in fp32.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        wanted = any(ctx.needs_input_grad[:3])
        kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        # The first block writes over what was never zeroed.
        new = torch.empty_like if len(x) else torch.zeros_like
        grads = tuple(new(t, dtype=torch.float32) for t in (x, weight, bias)) if wanted else None
        factors = (x.to(kind), weight.to(kind), bias.to(kind))
        loss, correct = x.new_zeros((), dtype=torch.float32), labels.new_zeros(())
        num_blocks = max(1, round(len(x) * len(bias) / _BLOCK_NUMBERS))
        rows = -(-len(x) // num_blocks) or 1
        with torch.autocast("cpu", enabled=False):
            for begin in range(0, len(x), rows):
                block = slice(begin, begin + rows)
                block_loss, block_correct = _block(*factors, labels, grads, block)
                loss += block_loss
                correct += block_correct
        if grads:
            ctx.save_for_backward(grads[0].to(x.dtype), *grads[1:])
        ctx.mark_non_differentiable(correct)
        return loss, correct

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        # The buffers are this call's own, so scaling them in place saves copies of the size of the vocabulary.
        return (*(grad.mul_(grad_outputs[0]) for grad in ctx.saved_tensors), None)


def _block(
    x: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, grads: tuple[Tensor, ...] | None, rows: slice
) -> tuple[Tensor, Tensor]:
    """Return the loss of some rows and their number of hits, and add their gradients to `grads`."""
    x, labels = x[rows], labels[rows]
    logits = linear(x, weight, bias).float()
    top = logits.amax(-1)
    target = logits.gather(1, labels[:, None]).squeeze(1)
    shares = torch.softmax(logits, -1, out=logits)
    # The largest share is at least 1/V, so its logarithm is exact where a small label's share would be 0.
    loss = (top - shares.amax(-1).log() - target).sum()
    if grads:
        grad_x, grad_weight, grad_bias = grads
        shares[torch.arange(len(labels)), labels] -= 1  # Now the gradient of the logits.
        old = 0 if rows.start == 0 else 1  # Whether there are sums to add to.
        grad_bias.addmv_(shares.t(), shares.new_ones(len(labels)), beta=old)
        if x.dtype == torch.float32:
            torch.mm(shares, weight, out=grad_x[rows])
            grad_weight.addmm_(shares.t(), x, beta=old)
        else:
            shares = shares.to(x.dtype)
            grad_x[rows] = shares @ weight
            product = shares.t() @ x
            grad_weight = grad_weight.add_(product) if old else grad_weight.copy_(product)
    return loss, (target >= top).sum()

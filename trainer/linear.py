"""Dense layers; on an x86 CPU in fp32 their two larger products go to oneDNN.

torch gives fp32 products to MKL. oneDNN, which is part of torch and multiplies its 16-bit numbers, does those of a
forward pass, and those for the gradient of the input, up to a fifth faster on the shapes of a BERT; MKL keeps the
gradient of the weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _has_onednn() -> bool:
    # The operator by which torch's own compiler reaches oneDNN.
    known = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    known = known and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return known and torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


_HAS_ONEDNN = _has_onednn()


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


class _OneDnnLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), (x, weight) = grad_outputs, ctx.saved_tensors
        grad_x = _onednn(grad, weight.t(), None) if ctx.needs_input_grad[0] else None
        return grad_x, grad.t() @ x, grad.sum(0)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return `x @ weight.T + bias` for `x` [T, in], `weight` [out, in] and `bias` [out], as [T, out]."""
    plain = x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu")
    if not _HAS_ONEDNN or plain or torch.compiler.is_compiling():
        return F.linear(x, weight, bias)
    output: Tensor = _OneDnnLinear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return output


class Linear(nn.Linear):
    """torch's layer, with parameters of the same names, for flat tokens [T, in]."""

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)

"""The optimisers of BERT: AdamW as in the original, and LAMB for large batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from bertdata.errors import OptionError

# float32 counts no further than this, and 0.999 ** 2^24 is 0: bias correction vanishes.
_INFINITE_STEP = float(1 << 24)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return two groups: decay on all matrices, embeddings included; none on biases and LayerNorm."""
    decayed: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in model.named_parameters():
        (others if name.endswith("bias") or "LayerNorm" in name else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


class AdamW(torch.optim.AdamW):
    """Adam with decoupled weight decay and, as in the original ("mostly an oversight"), without bias correction.

    It is torch's fused kernel (one pass over parameter, gradient and both moments) begun at a step so late that
    1 - beta^step is 1.
    """

    def __init__(self, params: Iterable[dict[str, Any]], lr: float, bias_correction: bool = False) -> None:
        super().__init__(list(params), lr=lr, betas=(0.9, 0.999), eps=1e-6, fused=True)
        first = 0.0 if bias_correction else _INFINITE_STEP
        for group in self.param_groups:
            for p in group["params"]:
                step = torch.tensor(first, device=p.device, dtype=torch.float32)
                self.state[p] = {"step": step, "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}


class Lamb(torch.optim.Optimizer):
    """LAMB: Adam's update, scaled for each parameter by |weights| / |update|; bias-corrected.

    Source: You et al. 2020, "Large batch optimization for deep learning"; parameters without decay aren't scaled.
    """

    def __init__(self, params: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(list(params), {"lr": lr, "betas": (0.9, 0.999), "eps": 1e-6, "weight_decay": 0.01})
        for group in self.param_groups:
            for p in group["params"]:
                step = torch.tensor(0.0, dtype=torch.float32)
                self.state[p] = {"step": step, "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step with the gradients as they are."""
        for group in self.param_groups:
            self._step_group([p for p in group["params"] if p.grad is not None], group)
        return closure() if closure else None

    def _step_group(self, params: list[Tensor], group: dict[str, Any]) -> None:
        if not params:
            return
        (beta1, beta2), decay = group["betas"], group["weight_decay"]
        states = [self.state[p] for p in params]
        grads = [p.grad for p in params if p.grad is not None]
        averages, squares = [s["exp_avg"] for s in states], [s["exp_avg_sq"] for s in states]
        for state in states:
            state["step"] += 1
        count = float(states[0]["step"])
        torch._foreach_lerp_(averages, grads, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, grads, grads, value=1 - beta2)
        denominators = torch._foreach_sqrt(torch._foreach_div(squares, 1 - beta2**count))
        torch._foreach_add_(denominators, group["eps"])
        updates = torch._foreach_div(torch._foreach_div(averages, 1 - beta1**count), denominators)
        if decay:
            torch._foreach_add_(updates, params, alpha=decay)
            torch._foreach_mul_(updates, [trust_ratio(p, update) for p, update in zip(params, updates, strict=True)])
        torch._foreach_add_(params, updates, alpha=-group["lr"])


def trust_ratio(weights: Tensor, update: Tensor) -> Tensor:
    """Return |weights| / |update|, or 1 where either is 0."""
    top, bottom = whole(weights.norm()), whole(update.norm())
    return torch.where((top > 0) & (bottom > 0), top / bottom.clamp_min(1e-38), torch.ones_like(top))


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor that may be spread over ranks as one plain tensor."""
    full: Callable[[], Tensor] | None = getattr(tensor, "full_tensor", None)
    return full() if full else tensor


def make_optimizer(name: str, model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Return the optimiser called `adamw` or `lamb`."""
    groups = parameter_groups(model, weight_decay)
    if name == "adamw":
        return AdamW(groups, lr)
    if name == "lamb":
        return Lamb(groups, lr)
    raise OptionError(f"--optimizer {name!r} is unknown; known are adamw, lamb")


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def clip_gradients(model: nn.Module, max_norm: float) -> float:
    """Scale all gradients so that their global L2 norm is at most `max_norm`; return the norm before that.

    Gradients that aren't finite stay as they are: the caller stops on such a norm.
    """
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    norm = float(whole(torch.nn.utils.get_total_norm(grads)))
    if max_norm < norm < float("inf"):
        torch._foreach_mul_(grads, max_norm / norm)
    return norm

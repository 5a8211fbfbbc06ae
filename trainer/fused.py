"""A whole layer on a GPU, and the loss over the vocabulary: products, and one kernel for all between two of them.

Activations are in bf16 between the embeddings and the heads, weights and their gradients in fp32; what is summed,
normalised or exponentiated is so in fp32. Numerics differ from torch's autocast in one thing: there the sums that
LayerNorm reads, and what it gives, are kept in fp32 and copied to bf16 for each product. A layer is one node for
autograd, forward and backward written out: a step is products and attention, and few other kernels to launch.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.attention import PackedSequences, Sequences, Tokens
from trainer.linear import Linear

# Rows of the vocabulary are filled up to a multiple: products of odd widths take slow kernels.
_VOCABULARY_MULTIPLE = 64
# Programs that share the rows of the logits: what each adds up is as wide as the vocabulary.
_LOGITS_PROGRAMS = 32


@functools.cache
def _available() -> bool:
    # The product that gives out its sums in fp32 came with torch 2.8.
    return find_spec("triton") is not None and hasattr(torch.ops.aten.mm, "dtype")


def computes_loss(x: Tensor) -> bool:
    """Tell whether `linear_cross_entropy` takes this: on a GPU, where autocast says bf16."""
    if torch.compiler.is_compiling() or not (x.is_cuda and torch.is_autocast_enabled("cuda")):
        return False
    return torch.get_autocast_dtype("cuda") == torch.bfloat16 and _available()


def computes_layer(x: Tensor, heads: int, sequences: Sequences) -> bool:
    """Tell whether `layer` takes this: a packed batch, and heads of a width for which there is a kernel."""
    width = x.shape[-1] // heads
    return isinstance(sequences, PackedSequences) and width % 8 == 0 and width <= 256 and computes_loss(x)


class _Copies(NamedTuple):
    """The weights and biases of a layer's products, in 16 bits."""

    qkv: Tensor
    qkv_bias: Tensor
    out: Tensor
    out_bias: Tensor
    inner: Tensor
    inner_bias: Tensor
    outer: Tensor
    outer_bias: Tensor


@dataclass(frozen=True)
class _Layout:
    """What a layer's node has to know beside tensors."""

    heads: int
    kind: str
    eps: float
    dropout: float
    attention_dropout: float
    ends: Tensor
    own_ends: Tensor
    longest: int
    own_longest: int
    index: Tensor | None

    @property
    def attention(self) -> tuple[Any, ...]:
        """The arguments that both kernels of attention take."""
        return self.own_ends, self.ends, self.own_longest, self.longest, self.attention_dropout


class Parts(NamedTuple):
    """The modules of a layer: its six products in the order of their use, both norms, and what is done between them."""

    products: Sequence[Linear]
    norms: Sequence[nn.LayerNorm]
    heads: int
    kind: str
    dropout: float
    attention_dropout: float


def layer(parts: Parts, x: Tensor, sequences: Sequences, tokens: Tokens) -> Tensor:
    """Return the hidden states [S, H] of some tokens, which attend to all of `x` [T, H].

    `parts.kind` is the name of the activation; the probabilities of dropout are 0 where nothing is to be dropped.
    """
    layout = _Layout(
        heads=parts.heads,
        kind=parts.kind,
        eps=parts.norms[0].eps,
        dropout=parts.dropout,
        attention_dropout=parts.attention_dropout,
        ends=sequences.ends_on(x.device),
        own_ends=tokens.ends_on(x.device),
        longest=max(sequences.lengths),
        own_longest=max(tokens.lengths),
        index=tokens.index,
    )
    query_key_value = parts.products[:3]
    parameters = [one.weight for one in query_key_value] + [one.bias for one in query_key_value]
    parameters += [tensor for one in parts.products[3:] for tensor in (one.weight, one.bias)]
    parameters += [tensor for one in parts.norms for tensor in (one.weight, one.bias)]
    hidden: Tensor = _Layer.apply(layout, x.to(torch.bfloat16), *parameters)  # type: ignore[no-untyped-call]
    return hidden


def _copy(parameters: Sequence[Tensor], dtype: torch.dtype) -> _Copies:
    """Return the twelve weights and biases of the products in one piece of memory, by one kernel."""
    flat = parameters[0].new_empty(sum(p.numel() for p in parameters), dtype=dtype)
    parts = torch.split(flat, [p.numel() for p in parameters])
    parts = tuple(part.view_as(p) for part, p in zip(parts, parameters, strict=True))
    torch._foreach_copy_(parts, list(parameters))
    width = len(parameters[0])
    weights, biases = 3 * width * width, 3 * width
    return _Copies(flat[:weights].view(biases, width), flat[weights : weights + biases], *parts[6:])


def _weight_gradient(grad: Tensor, x: Tensor) -> Tensor:
    return torch.mm(grad.t(), x, out_dtype=torch.float32)


class _Layer(torch.autograd.Function):
    """Inputs are the layout, `x`, weights and biases of the products, and gains and shifts of both norms."""

    @staticmethod
    def forward(ctx: Any, layout: _Layout, x: Tensor, *parameters: Tensor) -> Tensor:
        from trainer import kernels

        w = _copy(parameters[:12], x.dtype)
        (gain1, shift1, gain2, shift2), width = parameters[12:], x.shape[1]
        seeds = torch.randint(1 << 31, (2,)).tolist() if layout.dropout else [0, 0]
        if layout.index is None:
            own = x
            query, key, value = _heads(torch.addmm(w.qkv_bias, x, w.qkv.t()), 3, layout.heads)
        else:
            own = x.index_select(0, layout.index)
            (query,) = _heads(torch.addmm(w.qkv_bias[:width], own, w.qkv[:width].t()), 1, layout.heads)
            key, value = _heads(torch.addmm(w.qkv_bias[width:], x, w.qkv[width:].t()), 2, layout.heads)
        attended, *states = torch.ops.aten._flash_attention_forward(
            query, key, value, *layout.attention, is_causal=False, return_debug_mask=False
        )[:4]
        first = torch.addmm(w.out_bias, attended.flatten(1), w.out.t())
        middle, *statistics = kernels.norm_forward(first, own, gain1, shift1, layout.eps, layout.dropout, seeds[0])
        inner = torch.addmm(w.inner_bias, middle, w.inner.t())
        active = kernels.activation_forward(inner, layout.kind)
        second = torch.addmm(w.outer_bias, active, w.outer.t())
        result, *more = kernels.norm_forward(second, middle, gain2, shift2, layout.eps, layout.dropout, seeds[1])
        ctx.save_for_backward(
            *(gain1, gain2, *w, x, own, query, key, value, attended, *states),
            *(first, *statistics, middle, inner, active, second, *more),
        )
        ctx.layout, ctx.seeds = layout, seeds
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        from trainer import kernels

        layout, seeds = ctx.layout, ctx.seeds
        gain1, gain2, *rest = ctx.saved_tensors
        w, (x, own, query, key, value, attended, *states), rest = _Copies(*rest[:8]), rest[8:17], rest[17:]
        first, mean1, rate1, middle, inner, active, second, mean2, rate2 = rest
        width, wide = x.shape[1], inner.shape[1]
        sizes = (3 * width, wide, 3 * width, 3 * width)
        sums = x.new_empty(kernels.num_programs(x.device), sum(sizes), dtype=torch.float32)
        sums2, sums_inner, sums1, sums_qkv = sums.split(sizes, 1)

        grad, skip = kernels.norm_backward(
            grads[0].contiguous(), second, mean2, rate2, gain2, layout.dropout, seeds[1], sums2
        )
        grad_outer = _weight_gradient(grad, active)
        grad = grad @ w.outer
        kernels.activation_backward(grad, inner, layout.kind, sums_inner)
        grad_inner = _weight_gradient(grad, middle)
        grad, skip = kernels.norm_backward(
            skip.addmm_(grad, w.inner), first, mean1, rate1, gain1, layout.dropout, seeds[0], sums1
        )
        grad_out = _weight_gradient(grad, attended.flatten(1))
        grad = (grad @ w.out).view_as(attended)
        parts = torch.ops.aten._flash_attention_backward(
            *(grad, query, key, value, attended, states[0], *layout.attention, False, *states[1:])
        )
        parts = [part.flatten(1).contiguous() for part in parts]
        if layout.index is None:
            grad = kernels.join_columns(parts, sums_qkv)
            grad_qkv = _weight_gradient(grad, x).chunk(3)
            grad_x = skip.addmm_(grad, w.qkv)
        else:
            grad = kernels.join_columns(parts[:1], sums_qkv[:, :width])
            grad_qkv = (_weight_gradient(grad, own),)
            skip = skip.addmm_(grad, w.qkv[:width])
            grad = kernels.join_columns(parts[1:], sums_qkv[:, width:])
            grad_qkv = (*grad_qkv, *_weight_gradient(grad, x).chunk(2))
            grad_x = (grad @ w.qkv[width:]).index_add_(0, layout.index, skip)
        gain2, shift2, bias2, *more = sums.sum(0).split([width] * 3 + [wide] + [width] * 6)
        bias_inner, gain1, shift1, bias1, *biases = more
        products = (*grad_qkv, *biases, grad_out, bias1, grad_inner, bias_inner, grad_outer, bias2)
        return (None, grad_x, *products, gain1, shift1, gain2, shift2)


def _heads(x: Tensor, number: int, heads: int) -> tuple[Tensor, ...]:
    """Cut [T, number x H] into as many of [T, heads, D]."""
    parts: tuple[Tensor, ...] = x.view(len(x), number, heads, -1).unbind(1)
    return parts


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        from trainer.kernels import cross_entropy

        size = len(bias)
        filler = -size % _VOCABULARY_MULTIPLE
        wide = weight.new_empty(size + filler, weight.shape[1], dtype=x.dtype)
        wide[:size], wide[size:] = weight, 0
        logits = torch.addmm(F.pad(bias, (0, filler)).to(x.dtype), x, wide.t())
        losses, hits = cross_entropy(logits, labels, size, any(ctx.needs_input_grad))
        ctx.save_for_backward(x, wide, logits)
        ctx.size = size
        correct = hits.sum()
        ctx.mark_non_differentiable(correct)
        return losses.sum(), correct

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        from trainer.kernels import join_columns

        x, wide, slopes = ctx.saved_tensors
        sums = x.new_empty(_LOGITS_PROGRAMS, slopes.shape[1], dtype=torch.float32)
        join_columns([slopes], sums)
        grad_weight = _weight_gradient(slopes, x)[: ctx.size]
        return (slopes @ wide) * grads[0], grad_weight.mul_(grads[0]), sums.sum(0)[: ctx.size] * grads[0], None


def linear_cross_entropy(x: Tensor, weight: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the summed cross-entropy of `x @ weight.T + bias` against `labels`, and how many are predicted right.

    `x` [M, H], `weight` [V, H], `bias` [V], `labels` [M].
    """
    loss, correct = _CrossEntropy.apply(x.to(torch.bfloat16), weight, bias, labels)  # type: ignore[no-untyped-call]
    return loss, correct

"""What lies between the matrix products of a step on a GPU, each part as one kernel that reads and writes memory once.

Tensors are on a GPU, in bf16 unless said otherwise, and contiguous. Sums over rows are taken in fp32 and always in the
same order: each program adds up some rows and writes that to `sums`, [programs, …], which the caller adds up. Needs
Triton, which comes with torch for CUDA.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

# Programs a multiprocessor where each of them adds up many rows, and what they hold at once of a wide matrix.
_OCCUPANCY = 8
_TALL, _WIDE = 32, 128


@functools.cache
def num_programs(device: torch.device) -> int:
    """Return how many programs are to share the rows of a large matrix."""
    processors = torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1
    return _OCCUPANCY * processors


@triton.jit
def _kept(seed, at, p):
    """Tell which places are kept: those whose bits, hashed twice by the finaliser of MurmurHash3, are at least p."""
    bits = at.to(tl.uint32) * 0x9E3779B9 + seed.to(tl.uint32)
    for _ in tl.static_range(2):
        bits ^= bits >> 16
        bits *= 0x85EBCA6B
        bits ^= bits >> 13
        bits *= 0xC2B2AE35
        bits ^= bits >> 16
        bits += seed.to(tl.uint32)
    return bits.to(tl.float32) >= p * 4294967296.0


@triton.jit(do_not_specialize=["seed"])
def _norm_forward(x, residual, weight, bias, out, mean, rate, seed, p, eps, width: tl.constexpr, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, block)
    real = columns < width
    at = row * width + columns
    value = tl.load(x + at, mask=real, other=0.0).to(tl.float32)
    if p > 0:
        value = tl.where(_kept(seed, at, p), value / (1 - p), 0.0)
    value += tl.load(residual + at, mask=real, other=0.0).to(tl.float32)
    rounded = value.to(x.dtype.element_ty)
    tl.store(x + at, rounded, mask=real)
    # The statistics are of what the backward pass will read.
    value = rounded.to(tl.float32)
    middle = tl.sum(value) / width
    centred = tl.where(real, value - middle, 0.0)
    scale = tl.rsqrt(tl.sum(centred * centred) / width + eps)
    tl.store(mean + row, middle)
    tl.store(rate + row, scale)
    gain = tl.load(weight + columns, mask=real, other=0.0)
    shift = tl.load(bias + columns, mask=real, other=0.0)
    tl.store(out + at, (centred * scale * gain + shift).to(out.dtype.element_ty), mask=real)


def norm_forward(
    x: Tensor, residual: Tensor, weight: Tensor, bias: Tensor, eps: float, p: float, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return LayerNorm(dropout(x) + residual), all [T, H], and the mean and 1 / sd [T] of the sum, which `x` becomes.

    `weight` and `bias` [H] are in fp32, like mean and 1 / sd. A seed drops the same numbers every time.
    """
    rows, width = x.shape
    out = torch.empty_like(x)
    mean, rate = (x.new_empty(rows, dtype=torch.float32) for _ in range(2))
    block = triton.next_power_of_2(width)
    _norm_forward[rows,](x, residual, weight, bias, out, mean, rate, seed, p, eps, width, block, num_warps=2)
    return out, mean, rate


@triton.jit(do_not_specialize=["seed", "rows"])
def _norm_backward(
    grad,
    total,
    mean,
    rate,
    weight,
    grad_x,
    grad_residual,
    sums,
    seed,
    p,
    rows,
    stride: tl.constexpr,
    width: tl.constexpr,
    block: tl.constexpr,
):
    columns = tl.arange(0, block)
    real = columns < width
    gain = tl.load(weight + columns, mask=real, other=0.0)
    sum_gain = tl.zeros([block], tl.float32)
    sum_shift = tl.zeros([block], tl.float32)
    sum_x = tl.zeros([block], tl.float32)
    for row in range(tl.program_id(0), rows, tl.num_programs(0)):
        at = (tl.zeros([block], tl.int64) + row) * width + columns
        slope = tl.load(grad + at, mask=real, other=0.0).to(tl.float32)
        value = tl.load(total + at, mask=real, other=0.0).to(tl.float32)
        scale = tl.load(rate + row)
        normal = tl.where(real, (value - tl.load(mean + row)) * scale, 0.0)
        sum_gain += slope * normal
        sum_shift += slope
        slope *= gain
        slope = (slope - (normal * tl.sum(slope * normal) + tl.sum(slope)) / width) * scale
        tl.store(grad_residual + at, slope.to(grad_residual.dtype.element_ty), mask=real)
        if p > 0:
            slope = tl.where(_kept(seed, at, p), slope / (1 - p), 0.0)
        sum_x += slope
        tl.store(grad_x + at, slope.to(grad_x.dtype.element_ty), mask=real)
    own = sums + tl.program_id(0) * stride + columns
    tl.store(own, sum_gain, mask=real)
    tl.store(own + width, sum_shift, mask=real)
    tl.store(own + 2 * width, sum_x, mask=real)


def norm_backward(
    grad: Tensor, total: Tensor, mean: Tensor, rate: Tensor, weight: Tensor, p: float, seed: int, sums: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradients of `x` and `residual` [T, H], where `total` is the sum of both.

    `sums` [programs, 3 H] get the gradients of `weight`, of `bias`, and of a bias in `x`.
    """
    rows, width = grad.shape
    grad_x, grad_residual = torch.empty_like(grad), torch.empty_like(grad)
    block = triton.next_power_of_2(width)
    tensors = (grad, total, mean, rate, weight, grad_x, grad_residual, sums)
    _norm_backward[len(sums),](*tensors, seed, p, rows, sums.stride(0), width, block, num_warps=1)
    return grad_x, grad_residual


@triton.jit
def _activate(x, kind: tl.constexpr):
    """Return an activation and its derivative at x."""
    if kind == "relu":
        value = tl.maximum(x, 0.0)
        slope = tl.where(x > 0, 1.0, 0.0)
    elif kind == "gelu":
        share = 0.5 + 0.5 * tl.erf(x * 0.7071067811865476)
        value = x * share
        slope = share + x * tl.exp(-0.5 * x * x) * 0.3989422804014327
    else:  # (1 + tanh(u)) / 2 is sigmoid(2 u).
        share = tl.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))
        value = x * share
        slope = share + value * (1 - share) * 1.5957691216057308 * (1 + 0.134145 * x * x)
    return value, slope


@triton.jit(do_not_specialize=["rows"])
def _activation_forward(x, out, rows, width: tl.constexpr, kind: tl.constexpr, block: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    real = at < rows.to(tl.int64) * width
    value, _ = _activate(tl.load(x + at, mask=real, other=0.0).to(tl.float32), kind)
    tl.store(out + at, value.to(out.dtype.element_ty), mask=real)


def activation_forward(x: Tensor, kind: str) -> Tensor:
    """Return `gelu` (by erf), `relu`, or else the GELU by tanh of the original, of `x` [T, W]."""
    out, block = torch.empty_like(x), 1024
    _activation_forward[triton.cdiv(x.numel(), block),](x, out, *x.shape, kind, block)
    return out


@triton.jit(do_not_specialize=["rows", "share"])
def _activation_backward(
    grad,
    x,
    sums,
    rows,
    share,
    stride: tl.constexpr,
    width: tl.constexpr,
    kind: tl.constexpr,
    tall: tl.constexpr,
    wide: tl.constexpr,
):
    columns = tl.program_id(1) * wide + tl.arange(0, wide)
    total = tl.zeros([wide], tl.float32)
    begin = tl.program_id(0) * share
    end = tl.minimum(begin + share, rows)
    for first in range(begin, end, tall):
        row = first + tl.arange(0, tall)
        at = row[:, None].to(tl.int64) * width + columns[None, :]
        real = (row < end)[:, None] & (columns < width)[None, :]
        _, slope = _activate(tl.load(x + at, mask=real, other=0.0).to(tl.float32), kind)
        slope *= tl.load(grad + at, mask=real, other=0.0).to(tl.float32)
        total += tl.sum(slope, 0)
        tl.store(grad + at, slope.to(grad.dtype.element_ty), mask=real)
    tl.store(sums + tl.program_id(0) * stride + columns, total, mask=columns < width)


def activation_backward(grad: Tensor, x: Tensor, kind: str, sums: Tensor) -> None:
    """Make of the gradient of the activation that of `x`, [T, W]; `sums` [programs, W] get its sums."""
    rows, width = x.shape
    grid = (len(sums), triton.cdiv(width, _WIDE))
    share = triton.cdiv(rows, len(sums))
    _activation_backward[grid](grad, x, sums, rows, share, sums.stride(0), width, kind, _TALL, _WIDE)


@triton.jit(do_not_specialize=["rows", "share"])
def _join(
    a,
    b,
    c,
    out,
    sums,
    rows,
    share,
    stride: tl.constexpr,
    width: tl.constexpr,
    number: tl.constexpr,
    tall: tl.constexpr,
    wide: tl.constexpr,
):
    blocks: tl.constexpr = (width + wide - 1) // wide
    which = tl.program_id(1) // blocks
    source = a
    if which == 1:
        source = b
    if which == 2:
        source = c
    columns = tl.program_id(1) % blocks * wide + tl.arange(0, wide)
    total = tl.zeros([wide], tl.float32)
    begin = tl.program_id(0) * share
    end = tl.minimum(begin + share, rows)
    for first in range(begin, end, tall):
        row = first + tl.arange(0, tall)
        real = (row < end)[:, None] & (columns < width)[None, :]
        at = row[:, None].to(tl.int64)
        value = tl.load(source + at * width + columns[None, :], mask=real, other=0.0)
        total += tl.sum(value.to(tl.float32), 0)
        if number > 1:
            tl.store(out + at * (width * number) + which * width + columns[None, :], value, mask=real)
    tl.store(sums + tl.program_id(0) * stride + which * width + columns, total, mask=columns < width)


def join_columns(parts: Sequence[Tensor], sums: Tensor) -> Tensor:
    """Return up to three tensors [T, H] beside each other, [T, n H]; `sums` [programs, n H] get the sums of that."""
    (rows, width), number = parts[0].shape, len(parts)
    out = parts[0].new_empty(rows, number * width) if number > 1 else parts[0]
    grid = (len(sums), number * triton.cdiv(width, _WIDE))
    a, b, c = (*parts, *parts, *parts)[:3]
    share = triton.cdiv(rows, len(sums))
    _join[grid](a, b, c, out, sums, rows, share, sums.stride(0), width, number, _TALL, _WIDE)
    return out


@triton.jit
def _cross_entropy(
    logits, labels, losses, hits, stride: tl.constexpr, size: tl.constexpr, gradient: tl.constexpr, block: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    own = logits + row * stride
    label = tl.load(labels + row)
    target = tl.load(own + label).to(tl.float32)
    lanes = tl.arange(0, block)
    tops = tl.full([block], float("-inf"), tl.float32)
    sums = tl.zeros([block], tl.float32)
    for first in range(0, size, block):
        value = tl.load(own + first + lanes, mask=first + lanes < size, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(tops, value)
        # A lane may have had nothing yet: -inf minus -inf would not be a number.
        shift = tl.where(higher == float("-inf"), 0.0, higher)
        sums = sums * tl.exp(tops - shift) + tl.exp(value - shift)
        tops = higher
    top = tl.max(tops)
    total = tl.sum(sums * tl.exp(tops - top))
    tl.store(losses + row, tl.log(total) + top - target)
    tl.store(hits + row, target >= top)
    if gradient:
        for first in range(0, stride, block):
            columns = first + lanes
            value = tl.load(own + columns, mask=columns < size, other=float("-inf")).to(tl.float32)
            slope = tl.exp(value - top) / total - tl.where(columns == label, 1.0, 0.0)
            tl.store(own + columns, slope.to(logits.dtype.element_ty), mask=columns < stride)


def cross_entropy(logits: Tensor, labels: Tensor, size: int, gradient: bool) -> tuple[Tensor, Tensor]:
    """Return each row's loss [M] in fp32, and whether its label has the largest logit [M].

    `logits` [M, W] count to `size`, what is behind is filler. With `gradient` they become their own gradient, 0 in the
    filler.
    """
    losses = logits.new_empty(len(logits), dtype=torch.float32)
    hits = logits.new_empty(len(logits), dtype=torch.bool)
    block = min(4096, triton.next_power_of_2(size))
    if len(logits):
        _cross_entropy[len(logits),](logits, labels, losses, hits, logits.stride(0), size, gradient, block, num_warps=8)
    return losses, hits

"""The kernels of a GPU, interpreted on the processor, beside torch's own functions in fp32.

Triton decides when it is imported whether it interprets, so all of this runs in a process of its own.
"""

import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from trainer.attention import PackedSequences
from trainer.initial import init_weights
from trainer.model import BertConfig, BertForPreTraining

pytest.importorskip("triton")
ULP = 2**-7  # of bf16; the interpreter cuts what a GPU rounds
SWITCH = "TRITON_INTERPRET"


@pytest.fixture(scope="module")
def kernels() -> ModuleType:
    if os.environ.get(SWITCH) != "1":
        pytest.skip("runs in a process that interprets kernels")
    from trainer import kernels

    return kernels


@pytest.mark.skipif(SWITCH in os.environ, reason="this is that process")
def test_all_others_pass_in_a_process_that_interprets_kernels() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=os.environ | {SWITCH: "1"}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "15 passed, 1 skipped" in done.stdout, done.stdout + done.stderr


def reduced(*shape: int) -> torch.Tensor:
    return torch.randn(*shape).bfloat16()


@pytest.mark.parametrize("width", [24, 64])
def test_norm_and_its_gradients_are_those_of_torch(kernels: ModuleType, width: int) -> None:
    torch.manual_seed(0)
    x, residual, grad = (reduced(37, width) for _ in range(3))
    weight, bias = torch.randn(width), torch.randn(width)
    inputs = [t.float().requires_grad_() for t in (x, residual, weight, bias)]
    expected = F.layer_norm(inputs[0] + inputs[1], (width,), *inputs[2:], 1e-12)
    expected.backward(grad.float())
    total = x.clone()
    out, mean, rate = kernels.norm_forward(total, residual, weight, bias, 1e-12, 0.0, 0)
    torch.testing.assert_close(out.float(), expected.detach(), rtol=2 * ULP, atol=2 * ULP)
    torch.testing.assert_close(total.float(), x.float() + residual.float(), rtol=ULP, atol=ULP)
    sums = torch.full((5, 3 * width), float("nan"))
    grad_x, grad_residual = kernels.norm_backward(grad, total, mean, rate, weight, 0.0, 0, sums)
    assert torch.equal(grad_x, grad_residual)
    torch.testing.assert_close(grad_x.float(), inputs[0].grad, rtol=2 * ULP, atol=2 * ULP)
    gain, shift, bias_of_x = sums.sum(0).split(width)
    torch.testing.assert_close(gain, inputs[2].grad, rtol=1e-2, atol=0.1)
    torch.testing.assert_close(shift, inputs[3].grad, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(bias_of_x, inputs[0].grad.sum(0), rtol=1e-2, atol=0.1)


def test_dropped_numbers_are_p_of_all_the_same_again_and_others_by_another_seed(kernels: ModuleType) -> None:
    ones, none = torch.ones(400, 64).bfloat16(), torch.zeros(400, 64).bfloat16()
    weight, bias = torch.ones(64), torch.zeros(64)

    def dropped(seed: int, p: float) -> torch.Tensor:
        total = ones.clone()
        kernels.norm_forward(total, none, weight, bias, 1e-12, p, seed)
        assert set(total.unique().tolist()) == {0.0, torch.tensor(1 / (1 - p)).bfloat16().item()}
        return total == 0

    masks = [dropped(seed, 0.1) for seed in (1, 2, 1 << 30, (1 << 31) - 1)]
    assert torch.equal(masks[0], dropped(1, 0.1))
    sd = (0.1 * 0.9 / masks[0].numel()) ** 0.5
    for mask in masks:
        assert abs(mask.float().mean() - 0.1) < 4 * sd
        # Neighbours within a row and between rows are independent.
        for other in (mask.roll(1, 0), mask.roll(1, 1), mask.roll(32, 1)):
            assert abs((mask & other).float().mean() - 0.01) < 4 * (0.01 * 0.99 / mask.numel()) ** 0.5
    for n, mask in enumerate(masks):
        for other in masks[:n]:
            assert abs((mask & other).float().mean() - 0.01) < 4 * (0.01 * 0.99 / mask.numel()) ** 0.5
    assert abs(dropped(5, 0.5).float().mean() - 0.5) < 4 * (0.25 / ones.numel()) ** 0.5


def test_what_is_dropped_forward_has_no_gradient(kernels: ModuleType) -> None:
    torch.manual_seed(1)
    x, residual, grad = torch.ones(33, 24).bfloat16(), torch.zeros(33, 24).bfloat16(), reduced(33, 24)
    weight = torch.randn(24)
    _, mean, rate = kernels.norm_forward(x, residual, weight, weight, 1e-12, 0.25, 7)
    sums = torch.empty(4, 72)
    grad_x, grad_residual = kernels.norm_backward(grad, x, mean, rate, weight, 0.25, 7, sums)
    assert 0.15 < (x == 0).float().mean() < 0.35
    assert torch.equal(grad_x == 0, x == 0)
    kept = x != 0
    torch.testing.assert_close(grad_x[kept].float(), grad_residual[kept].float() / 0.75, rtol=ULP, atol=1e-3)
    torch.testing.assert_close(sums.sum(0)[48:], grad_x.float().sum(0), rtol=1e-2, atol=0.02)


@pytest.mark.parametrize("kind", ["relu", "gelu", "gelu_new"])
def test_activations_and_their_gradients_are_those_of_torch(kernels: ModuleType, kind: str) -> None:
    torch.manual_seed(0)
    x, grad = 3 * reduced(70, 200), reduced(70, 200)
    wide = x.float().requires_grad_()
    functions = {"relu": F.relu, "gelu": F.gelu, "gelu_new": lambda x: F.gelu(x, approximate="tanh")}
    expected = functions[kind](wide)
    expected.backward(grad.float())
    torch.testing.assert_close(kernels.activation_forward(x, kind).float(), expected.detach(), rtol=ULP, atol=ULP / 100)
    sums = torch.full((3, 300), float("nan"))
    kernels.activation_backward(grad, x, kind, sums[:, 50:250])
    torch.testing.assert_close(grad.float(), wide.grad, rtol=ULP, atol=ULP / 100)
    torch.testing.assert_close(sums[:, 50:250].sum(0), wide.grad.sum(0), rtol=1e-4, atol=1e-4)
    assert sums[:, :50].isnan().all() and sums[:, 250:].isnan().all()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_columns_are_joined_and_added_up(kernels: ModuleType, number: int) -> None:
    parts = [reduced(70, 200) for _ in range(number)]
    sums = torch.full((7, number * 200), float("nan"))
    joined = kernels.join_columns(parts, sums)
    assert torch.equal(joined, torch.cat(parts, 1))
    torch.testing.assert_close(sums.sum(0), joined.float().sum(0), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("size", "width"), [(50, 64), (5000, 5056)])
def test_cross_entropy_and_its_gradient_are_those_of_torch(kernels: ModuleType, size: int, width: int) -> None:
    torch.manual_seed(0)
    logits = 4 * reduced(6, width)  # the filler is larger than some logits: it must not count
    labels = torch.randint(size, (6,))
    labels[0] = logits[0, :size].argmax()
    wide = logits[:, :size].float().requires_grad_()
    expected = F.cross_entropy(wide, labels, reduction="none")
    expected.sum().backward()
    before = logits.clone()
    losses, hits = kernels.cross_entropy(logits, labels, size, False)
    assert torch.equal(before, logits)
    torch.testing.assert_close(losses, expected.detach(), rtol=1e-5, atol=1e-5)
    assert hits.tolist() == (wide.argmax(1) == labels).tolist() and hits[0]
    kernels.cross_entropy(logits, labels, size, True)
    torch.testing.assert_close(logits[:, :size].float(), wide.grad, rtol=ULP, atol=1e-6)
    assert not logits[:, size:].any()


def test_a_loss_that_is_no_number_stays_one(kernels: ModuleType) -> None:
    logits = reduced(2, 64)
    logits[1, 5] = float("nan")
    losses, _ = kernels.cross_entropy(logits, torch.tensor([1, 2]), 50, True)
    assert losses.isfinite().tolist() == [True, False]


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, ends: list[torch.Tensor]) -> torch.Tensor:
    """Attend within each sequence, in fp32: what the kernel for variable lengths does."""
    outputs = []
    for a, b, c, d in zip(ends[0][:-1], ends[0][1:], ends[1][:-1], ends[1][1:], strict=True):
        rows = (x.float().transpose(0, 1) for x in (query[a:b], key[c:d], value[c:d]))
        outputs.append(F.scaled_dot_product_attention(*rows).transpose(0, 1))
    return torch.cat(outputs).to(query.dtype)


def attention_forward(query: Any, key: Any, value: Any, *ends: Any, **options: Any) -> tuple[torch.Tensor, ...]:
    return attend(query, key, value, list(ends[:2])), *torch.zeros(4)


def attention_backward(grad: Any, query: Any, key: Any, value: Any, *others: Any) -> tuple[torch.Tensor, ...]:
    with torch.enable_grad():
        inputs = [x.detach().requires_grad_() for x in (query, key, value)]
        return torch.autograd.grad(attend(*inputs, list(others[2:4])), inputs, grad)


@pytest.mark.parametrize("some", [False, True])
def test_a_layer_and_its_gradients_are_those_of_its_modules(
    kernels: ModuleType, monkeypatch: pytest.MonkeyPatch, some: bool
) -> None:
    from trainer import fused

    monkeypatch.setattr(torch.ops.aten, "_flash_attention_forward", attention_forward)
    monkeypatch.setattr(torch.ops.aten, "_flash_attention_backward", attention_backward)
    monkeypatch.setattr(fused, "_weight_gradient", lambda grad, x: grad.float().t() @ x.float())
    model = BertForPreTraining(BertConfig(90, 64, 1, 2, 96, hidden_dropout_prob=0, attention_probs_dropout_prob=0))
    init_weights(model, 1, 0.1)
    layer = model.bert.encoder.layer[0]
    sequences = PackedSequences(torch.tensor([0, 5, 14, 17]), None)
    tokens = sequences.select(np.array([0, 2, 5, 6, 13, 14]), torch.device("cpu")) if some else sequences
    x = torch.randn(17, 64)
    expected = layer(inputs := x.clone().requires_grad_(), sequences, tokens)
    expected.backward(grad := torch.randn_like(expected))
    gradients = {name: p.grad for name, p in layer.named_parameters()} | {"x": inputs.grad}
    model.zero_grad()
    output = fused.layer(layer.parts(), inputs := x.clone().requires_grad_(), sequences, tokens)
    output.backward(grad.bfloat16())
    assert (output.float() - expected).abs().max() < 0.05
    for name, found in [*((name, p.grad) for name, p in layer.named_parameters()), ("x", inputs.grad)]:
        assert (found - gradients[name]).norm() < 0.02 * gradients[name].norm() + 0.01, name

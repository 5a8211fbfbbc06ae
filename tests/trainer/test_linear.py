import pytest
import torch
from torch.nn import functional as F

from trainer.linear import Linear, linear


@pytest.mark.parametrize(("num_tokens", "in_features", "out_features"), [(1, 3, 5), (37, 128, 512), (300, 256, 30522)])
def test_products_and_gradients_are_those_of_torch(num_tokens: int, in_features: int, out_features: int) -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = ((num_tokens, in_features), (out_features, in_features), (out_features,))
    ours = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    exact = [tensor.detach().double().requires_grad_() for tensor in ours]
    output, expected = linear(*ours), F.linear(*exact)
    assert output.is_contiguous()
    torch.testing.assert_close(output.double(), expected, atol=1e-4, rtol=1e-5)
    grad = torch.randn(output.shape, generator=generator)
    output.backward(grad)
    expected.backward(grad.double())
    for mine, reference in zip(ours, exact, strict=True):
        assert mine.grad is not None and mine.grad.is_contiguous()
        torch.testing.assert_close(mine.grad.double(), reference.grad, atol=1e-3, rtol=1e-5)


def test_rows_may_be_a_part_of_others_and_none_at_all() -> None:
    layer = Linear(8, 4)
    rows = torch.randn(6, 16, generator=torch.Generator().manual_seed(4))[:, 4:12]
    torch.testing.assert_close(layer(rows), F.linear(rows, layer.weight, layer.bias))
    empty = layer(rows[:0])
    assert empty.shape == (0, 4)
    empty.sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.abs().sum() == 0


def test_no_gradient_is_made_of_an_input_that_wants_none() -> None:
    layer = Linear(8, 4)
    rows = torch.randn(5, 8)
    layer(rows).sum().backward()
    assert rows.grad is None
    torch.testing.assert_close(layer.bias.grad, torch.full((4,), 5.0))


def test_autocast_multiplies_in_16_bits() -> None:
    layer = Linear(8, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(5, 8)).dtype == torch.bfloat16
    assert layer(torch.randn(5, 8).double().float()).dtype == torch.float32

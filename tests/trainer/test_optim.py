import numpy as np
import pytest
import torch
from torch import nn

from trainer.model import BertConfig, BertForPreTraining
from trainer.optim import AdamW, Lamb, clip_gradients, parameter_groups


def one_parameter(values: list[float]) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values))


def test_adamw_takes_the_steps_of_the_original_code() -> None:
    parameter = one_parameter([1.0, -2.0, 0.5])
    optimizer = AdamW([{"params": [parameter], "weight_decay": 0.01}], lr=0.1)
    expected = parameter.detach().double().numpy().copy()
    m, v = np.zeros(3), np.zeros(3)
    for step in range(20):
        gradient = np.sin(np.arange(3) + step)
        parameter.grad = torch.tensor(gradient, dtype=torch.float32)
        optimizer.step()
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        expected -= 0.1 * (m / (np.sqrt(v) + 1e-6) + 0.01 * expected)  # no bias correction
    assert parameter.detach().numpy() == pytest.approx(expected, rel=1e-4)


def test_adamw_with_bias_correction_is_torchs() -> None:
    own, theirs = one_parameter([1.0, -2.0]), one_parameter([1.0, -2.0])
    optimizer = AdamW([{"params": [own], "weight_decay": 0.01}], lr=0.1, bias_correction=True)
    reference = torch.optim.AdamW([theirs], lr=0.1, eps=1e-6, weight_decay=0.01)
    for step in range(5):
        own.grad = theirs.grad = torch.tensor([0.1 * step, -0.3])
        optimizer.step()
        reference.step()
    assert torch.allclose(own, theirs, atol=1e-6)


@pytest.mark.parametrize("decay", [0.01, 0.0])
def test_lamb_takes_the_steps_of_its_paper(decay: float) -> None:
    parameter = one_parameter([1.0, -2.0, 0.5])
    optimizer = Lamb([{"params": [parameter], "weight_decay": decay}], lr=0.01)
    expected = parameter.detach().double().numpy().copy()
    m, v = np.zeros(3), np.zeros(3)
    for step in range(1, 11):
        gradient = np.cos(np.arange(3) * step)
        parameter.grad = torch.tensor(gradient, dtype=torch.float32)
        optimizer.step()
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        update = m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-6) + decay * expected
        ratio = np.linalg.norm(expected) / np.linalg.norm(update) if decay else 1.0
        expected -= 0.01 * ratio * update
    assert parameter.detach().numpy() == pytest.approx(expected, rel=1e-4)


def test_lamb_moves_a_parameter_of_zeros() -> None:
    parameter = one_parameter([0.0, 0.0])
    optimizer = Lamb([{"params": [parameter], "weight_decay": 0.01}], lr=0.01)
    parameter.grad = torch.tensor([1.0, -1.0])
    optimizer.step()
    assert parameter.detach().numpy() == pytest.approx([-0.01, 0.01], rel=1e-3)


def test_biases_and_layer_norms_do_not_decay_and_embeddings_do() -> None:
    model = BertForPreTraining(BertConfig(50, 16, 1, 2, 32))
    decayed, others = (group["params"] for group in parameter_groups(model, 0.01))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)] for p in others} == {n for n in names.values() if "LayerNorm" in n or n.endswith("bias")}
    assert {names[id(p)] for p in decayed} == set(names.values()) - {names[id(p)] for p in others}
    assert {"bert.embeddings.word_embeddings.weight", "bert.pooler.dense.weight"} <= {names[id(p)] for p in decayed}


def test_clipping_scales_to_the_norm_and_leaves_smaller_gradients() -> None:
    model = nn.Linear(2, 1, bias=False)
    model.weight.grad = torch.tensor([[3.0, 4.0]])
    assert clip_gradients(model, 1.0) == pytest.approx(5.0)
    assert model.weight.grad.tolist()[0] == pytest.approx([0.6, 0.8])
    assert clip_gradients(model, 2.0) == pytest.approx(1.0)
    assert model.weight.grad.tolist()[0] == pytest.approx([0.6, 0.8])

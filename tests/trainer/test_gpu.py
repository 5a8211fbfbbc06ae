"""What only a GPU does; everything here is skipped where there is none."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from bertdata.batches import Examples
from bertdata.reader import open_shards
from tests.trainer.made_corpus import log_records, write_corpus
from tests.trainer.test_finetune import write_words
from tests.trainer.tiny_run import write_run
from trainer.attention import PackedSequences, Tokens
from trainer.config import Phase, PretrainOptions
from trainer.dropout import Dropout
from trainer.feed import to_batch
from trainer.finetune import finetune
from trainer.initial import init_weights
from trainer.model import BertConfig, BertForPreTraining, compile_layers
from trainer.optim import whole
from trainer.pretrain import pretrain
from trainer.tasks import FinetuneOptions

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
GPU = torch.device("cuda")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("gpu") / "corpus", lengths=(64,), vocab_size=300)


@pytest.fixture(scope="module")
def examples(corpus: Path) -> Examples:
    return open_shards(corpus).read(np.arange(24))


def model_on(device: torch.device, dropout: float = 0.0) -> BertForPreTraining:
    config = BertConfig(300, 128, 3, 2, 256, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    model = BertForPreTraining(config)
    init_weights(model, 1, 0.1)
    return model.to(device)


def backward(model: BertForPreTraining, examples: Examples, layout: str, dtype: torch.dtype) -> float:
    device = next(model.parameters()).device
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        sums = model(to_batch(examples, layout, 0, None).to(device))
    loss = sums.mlm_loss / len(examples.masked_labels) + sums.nsp_loss / len(examples)
    loss.backward()
    return float(loss)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_loss_and_gradients_are_those_of_a_cpu(examples: Examples, layout: str, compiled: bool) -> None:
    ours, reference = model_on(GPU), model_on(torch.device("cpu"))
    if compiled:
        compile_layers(ours)
    expected = backward(reference, examples, "padded", torch.float32)
    assert backward(ours, examples, layout, torch.bfloat16) == pytest.approx(expected, rel=5e-3)
    for (name, one), other in zip(ours.named_parameters(), reference.parameters(), strict=True):
        scale = other.grad.norm().item()
        if scale > 1e-5:  # a key's bias has no gradient but rounding
            assert (one.grad.cpu() - other.grad).norm().item() < 0.05 * scale, name


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_fp32_is_that_of_a_cpu(examples: Examples, layout: str) -> None:
    ours, reference = model_on(GPU), model_on(torch.device("cpu"))
    expected = backward(reference, examples, "padded", torch.float32)
    assert backward(ours, examples, layout, torch.float32) == pytest.approx(expected, abs=1e-4)


def test_attention_without_padding_drops_probabilities_and_keeps_their_mean() -> None:
    lengths = [3, 64, 17]
    sequences = PackedSequences(torch.tensor([0, *np.cumsum(lengths)]), None)
    query, key = (torch.randn(sum(lengths), 2, 64, dtype=torch.bfloat16, device=GPU) for _ in range(2))
    value = torch.ones_like(query)
    dropout = Dropout(0.5).train()
    outcomes = torch.stack([sequences.attend(query, key, value, dropout, sequences) for _ in range(400)]).float()
    # A row's output is its kept shares, each doubled: 1 in the mean, not 1 each time.
    assert outcomes.std(0).min() > 0.05
    assert (outcomes.mean(0) - 1).abs().max() < 6 * outcomes.std(0).max() / math.sqrt(400)
    dropout.eval()
    assert (sequences.attend(query, key, value, dropout, sequences).float() - 1).abs().max() < 0.02


def test_some_queries_attend_to_all_keys_of_their_own_sequence() -> None:
    lengths = [5, 40, 9]
    ends = torch.tensor([0, *np.cumsum(lengths)])
    sequences = PackedSequences(ends, None)
    query, key, value = (torch.randn(sum(lengths), 2, 64, device=GPU) for _ in range(3))
    index = np.array([0, 2, 5, 6, 30, 45, 53])
    some: Tokens = sequences.select(index, GPU)
    none = Dropout(0.0)
    exact = sequences.attend(query, key, value, none, sequences)[index]
    reduced = sequences.attend(query[index].bfloat16(), key.bfloat16(), value.bfloat16(), none, some)
    assert (exact - reduced.float()).abs().max() < 0.03


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_in_bf16_learns_and_says_its_share_of_the_peak(corpus: Path, tmp_path: Path, compiled: bool) -> None:
    options = PretrainOptions(
        str(corpus), str(tmp_path / "run"), preset="tiny", phases=(Phase(64, 60),), batch_size=16, lr=2e-3,
        warmup_steps=5, device="cuda", tensorboard=False, log_every=10, compile=compiled,
    )  # fmt: skip
    pretrain(options)
    start, lines = log_records(tmp_path / "run", "start")[0], log_records(tmp_path / "run")
    assert start["precision"].startswith("bf16")
    assert lines[-1]["mlm_loss"] < lines[0]["mlm_loss"] - 0.2
    assert all(math.isfinite(line["loss"]) for line in lines)


def test_fine_tuning_in_bf16_learns_labels_of_words(tmp_path: Path) -> None:
    train, dev = write_words(tmp_path / "train.txt", 96), write_words(tmp_path / "dev.txt", 24, seed=2)
    options = FinetuneOptions("ner", epochs=6, learning_rate=3e-3, batch_size=8, device="cuda", precision="bf16")
    results = finetune(write_run(tmp_path / "run"), train, dev, tmp_path / "ner", options)
    assert results["metrics"]["f1"] > 0.9


def test_a_model_spread_by_fsdp_has_the_same_gradients(examples: Examples, tmp_path: Path) -> None:
    import torch.distributed as dist
    import torch.distributed.fsdp

    plain, spread = model_on(GPU), model_on(GPU)
    expected = backward(plain, examples, "packed", torch.bfloat16)
    dist.init_process_group("nccl", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        mesh = dist.device_mesh.init_device_mesh("cuda", (1,))
        for layer in spread.bert.encoder.layer:
            dist.fsdp.fully_shard(layer, mesh=mesh)
        dist.fsdp.fully_shard(spread, mesh=mesh)
        assert backward(spread, examples, "packed", torch.bfloat16) == pytest.approx(expected, rel=1e-3)
        for (name, one), other in zip(spread.named_parameters(), plain.parameters(), strict=True):
            difference = whole(one.grad) - other.grad
            assert difference.norm() <= 0.01 * other.grad.norm() + 1e-4, name
    finally:
        dist.destroy_process_group()

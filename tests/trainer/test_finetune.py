import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertdata.errors import BertdataError, BuildError, InputError, OptionError
from bertdata.rng import rng_for
from cli.main import run as bertdata
from tests.trainer.tiny_run import write_run
from trainer.evaluate import evaluate
from trainer.finetune import finetune
from trainer.tasks import FinetuneOptions
from trainer.tuning import batches, count_steps

WORDS = ("the", "boat", "river", "bridge", "anna", "bertil", "key")
FAST = {"learning_rate": 3e-3, "batch_size": 8, "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("finetune") / "run")


def sentence(rng: np.random.Generator, *extra: str) -> str:
    words = [*rng.choice(WORDS, 5).tolist(), *extra]
    return " ".join(rng.permutation(words).tolist())


def write_pairs(path: Path, count: int, seed: int = 1) -> str:
    """Write pairs in MRPC's form: label 1 where the first text is good."""
    rng, lines = rng_for(seed, "pairs"), ["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"]
    for n in range(count):
        lines.append(f"{n % 2}\t{n}\t{n}\t{sentence(rng, ('bad', 'good')[n % 2])}\t{sentence(rng)}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def write_words(path: Path, count: int, seed: int = 1) -> str:
    """Write sentences in CoNLL's form: names are persons, a bridge is a place."""
    rng, lines = rng_for(seed, "words"), ["-DOCSTART- O", ""]
    labels = {"anna": "B-PER", "bertil": "B-PER", "bridge": "B-LOC"}
    for _ in range(count):
        lines += [f"{word} X {labels.get(word, 'O')}" for word in sentence(rng).split()] + [""]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def write_questions(path: Path, count: int, seed: int = 1) -> str:
    """Write questions in SQuAD's form: the answer is the key, or there is none."""
    rng, qas = rng_for(seed, "questions"), []
    for n in range(count):
        context = " ".join(w for w in sentence(rng).split() if w != "key") + " boat"
        if n % 3:
            context = context.replace("boat", "key", 1)
        answers = [{"text": "key", "answer_start": context.index("key")}] if n % 3 else []
        qas.append({"id": f"q{n}", "question": "what did anna lost ?", "context": context, "answers": answers})
    path.write_text(json.dumps(qas))
    return str(path)


def digests(folder: Path) -> dict[str, str]:
    paths = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name not in ("log.jsonl", "results.json")
    )
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module")
def mrpc(run: Path) -> dict[str, Any]:
    """A model of pairs, its folder and its files."""
    folder = run.parent
    files = {"train": write_pairs(folder / "train.tsv", 96), "dev": write_pairs(folder / "dev.tsv", 24, seed=2)}
    options = FinetuneOptions("mrpc", epochs=4, **FAST)  # type: ignore[arg-type]
    results = finetune(run, files["train"], files["dev"], folder / "mrpc", options)
    return {"folder": folder / "mrpc", "results": results, "options": options, **files}


def test_pairs_are_learned_and_predictions_written(mrpc: dict[str, Any]) -> None:
    assert mrpc["results"]["metrics"]["f1"] > 0.9
    lines = (mrpc["folder"] / "predictions.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["line"] for row in rows] == list(range(2, 26))
    right = np.mean([row["label"] == row["prediction"] for row in rows])
    assert right == pytest.approx(mrpc["results"]["metrics"]["accuracy"])
    assert json.loads((mrpc["folder"] / "results.json").read_text()) == mrpc["results"]
    events = [json.loads(line)["event"] for line in (mrpc["folder"] / "log.jsonl").read_text().splitlines()]
    assert events.count("epoch") == 4


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    mrpc: dict[str, Any], run: Path, tmp_path: Path
) -> None:
    import dataclasses

    finetune(run, mrpc["train"], mrpc["dev"], tmp_path / "same", mrpc["options"])
    assert digests(tmp_path / "same") == digests(mrpc["folder"])
    other = dataclasses.replace(mrpc["options"], seed=1, epochs=0.1)
    finetune(run, mrpc["train"], mrpc["dev"], tmp_path / "other", other)
    name = "model.safetensors"
    assert digests(tmp_path / "other")[name] != digests(mrpc["folder"])[name]


def test_evaluating_gives_the_scores_of_fine_tuning(mrpc: dict[str, Any], tmp_path: Path) -> None:
    results = evaluate(mrpc["folder"], mrpc["dev"], output=tmp_path / "again")
    assert results["metrics"] == mrpc["results"]["metrics"]
    name = "predictions.jsonl"
    assert (tmp_path / "again" / name).read_bytes() == (mrpc["folder"] / name).read_bytes()


def test_a_file_without_labels_gets_predictions(mrpc: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "test.tsv").write_text("#1 String\t#2 String\ngood boat\tthe river\n")
    results = evaluate(mrpc["folder"], str(tmp_path / "test.tsv"), output=tmp_path / "out", labelled=False)
    assert results["metrics"] == {}
    row = json.loads((tmp_path / "out" / "predictions.jsonl").read_text())
    assert row["prediction"] == "1" and "label" not in row


def test_transformers_loads_the_classifier_and_agrees(mrpc: dict[str, Any]) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model, report = AutoModelForSequenceClassification.from_pretrained(mrpc["folder"], output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(mrpc["folder"])
    rows = [line.split("\t") for line in Path(mrpc["dev"]).read_text().splitlines()[1:]]
    batch = tokenizer([row[3] for row in rows], [row[4] for row in rows], padding=True, return_tensors="pt")
    with torch.inference_mode():
        shares = model.eval()(**batch).logits.softmax(-1)
    for line, share in zip((mrpc["folder"] / "predictions.jsonl").read_text().splitlines(), shares, strict=True):
        ours = json.loads(line)["probabilities"]
        assert ours == pytest.approx({model.config.id2label[i]: float(share[i]) for i in range(2)}, abs=1e-5)


def test_seeds_report_mean_and_sd_and_keep_the_best(mrpc: dict[str, Any], run: Path, tmp_path: Path) -> None:
    options = FinetuneOptions("mrpc", epochs=0.5, **FAST)  # type: ignore[arg-type]
    results = finetune(run, mrpc["train"], mrpc["dev"], tmp_path / "out", options, num_seeds=3)
    f1 = [entry["metrics"]["f1"] for entry in results["seeds"]]
    assert [entry["seed"] for entry in results["seeds"]] == [12345, 12346, 12347]
    assert results["mean"]["f1"] == pytest.approx(np.mean(f1))
    assert results["sd"]["f1"] == pytest.approx(np.std(f1, ddof=1))
    assert results["metrics"]["f1"] == max(f1)
    assert evaluate(tmp_path / "out", mrpc["dev"])["metrics"] == results["metrics"]
    assert len(list((tmp_path / "out" / "seeds").glob("*/predictions.jsonl"))) == 3


def test_scores_are_learned_by_regression(run: Path, tmp_path: Path) -> None:
    rng = rng_for(3, "scores")
    lines = [
        f"m\tf\ty\t0\t{n % 6}.0\t{' '.join(['good'] * (n % 6) + ['bad'] * (5 - n % 6))}\t{sentence(rng)}"
        for n in range(90)
    ]
    (tmp_path / "train.tsv").write_text("\n".join(lines[:72]) + "\n")
    (tmp_path / "dev.tsv").write_text("\n".join(lines[72:]) + "\n")
    options = FinetuneOptions("stsb", epochs=6, header=False, **FAST)  # type: ignore[arg-type]
    results = finetune(run, str(tmp_path / "train.tsv"), str(tmp_path / "dev.tsv"), tmp_path / "out", options)
    assert results["metrics"]["spearman"] > 0.7
    assert json.loads((tmp_path / "out" / "config.json").read_text())["problem_type"] == "regression"


def test_entities_are_learned_and_transformers_agrees(run: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForTokenClassification

    train, dev = write_words(tmp_path / "train.txt", 40), write_words(tmp_path / "dev.txt", 10, seed=2)
    options = FinetuneOptions("ner", epochs=4, **FAST)  # type: ignore[arg-type]
    results = finetune(run, train, dev, tmp_path / "out", options)
    assert results["metrics"]["f1"] > 0.9
    assert set(results["metrics"]["types"]) == {"PER", "LOC"}
    text = (tmp_path / "out" / "predictions.conll").read_text()
    assert "DOCSTART" not in text and "anna B-PER B-PER" in text
    model, report = AutoModelForTokenClassification.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert list(model.config.id2label.values()) == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def test_answers_are_learned_null_ones_too_and_transformers_agrees(run: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForQuestionAnswering

    train, dev = write_questions(tmp_path / "train.json", 60), write_questions(tmp_path / "dev.json", 12, seed=2)
    options = FinetuneOptions("squad", epochs=6, max_query_length=8, max_seq_length=48, **FAST)  # type: ignore[arg-type]
    results = finetune(run, train, dev, tmp_path / "out", options)
    assert results["metrics"]["exact"] > 80
    answers = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert set(answers.values()) == {"key", ""}
    _, report = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]


def test_a_fine_tuned_model_is_fine_tuned_on(mrpc: dict[str, Any], tmp_path: Path) -> None:
    options = FinetuneOptions("mrpc", epochs=0.1, **FAST)  # type: ignore[arg-type]
    results = finetune(mrpc["folder"], mrpc["train"], mrpc["dev"], tmp_path / "out", options)
    assert results["notes"] == []


@pytest.mark.parametrize(
    ("train", "dev", "settings", "said"),
    [
        ("0\ta\n1\tb\n", "0\ta\nmaybe\tb\n", {}, r"dev\.tsv line 3 has the label 'maybe', which the training examples"),
        ("0\ta\n0\tb\n", "0\ta\n", {}, r"train\.tsv has only one label, '0'"),
        ("0\ta\n\tb\n", "0\ta\n", {}, r"train\.tsv line 3 has no label \(1 such rows\).*--on-error skip"),
        ("0\ta\n1\n", "0\ta\n", {"text_columns": ("words",)}, r"no column 'words'; it has 'label', 'text'"),
        ("0\ta\n1\tb\n", "0\ta\n", {"header": False}, "is read without a header: give the numbers"),
        ("0\ta\n1\tb\n", "0\ta\n", {"max_seq_length": 65}, "more than the model's 64 positions"),
    ],
)
def test_labels_and_columns_that_do_not_fit_are_named(
    run: Path, tmp_path: Path, train: str, dev: str, settings: dict[str, Any], said: str
) -> None:
    for name, rows in (("train.tsv", train), ("dev.tsv", dev)):
        (tmp_path / name).write_text("label\ttext\n" + rows)
    paths = [str(tmp_path / name) for name in ("train.tsv", "dev.tsv")]
    with pytest.raises(BertdataError, match=said):
        finetune(run, *paths, tmp_path / "out", FinetuneOptions("classification", **settings))
    assert not (tmp_path / "out" / "results.json").exists()


def test_rows_without_a_usable_label_are_left_out_and_counted(run: Path, tmp_path: Path) -> None:
    from trainer.texts import TextKind

    (tmp_path / "a.tsv").write_text("label\ttext\n0.5\ta\n\tb\nmany\tc\nnan\td\n")
    examples = TextKind(FinetuneOptions("regression", on_error="skip")).read(str(tmp_path / "a.tsv"))
    assert examples.labels == ["0.5"]
    assert "3 of 4 rows have no usable label and were left out (first: line 3)" in examples.notes[0]
    with pytest.raises(InputError, match="line 3 has no label"):
        TextKind(FinetuneOptions("regression")).read(str(tmp_path / "a.tsv"))


def test_a_header_read_as_an_example_is_noticed(shared_data: Path) -> None:
    from trainer.texts import TextKind

    kind = TextKind(FinetuneOptions("mrpc", header=False))
    with pytest.raises(InputError, match=r"test\.tsv line 1 is a header: leave out --no-header"):
        kind.read(str(shared_data / "finetune" / "mrpc" / "test.tsv"))
    examples = kind.read(str(shared_data / "finetune" / "mrpc" / "train.tsv"))
    assert len(examples) == 2576
    assert examples.texts[0][1].startswith("Referring to him as only")
    with pytest.raises(InputError, match=r"no column 'Quality'.*add --no-header if line 1 is an example"):
        TextKind(FinetuneOptions("mrpc")).read(str(shared_data / "finetune" / "mrpc" / "train.tsv"))


def test_an_output_that_holds_something_is_refused(mrpc: dict[str, Any], run: Path, tmp_path: Path) -> None:
    files = mrpc["train"], mrpc["dev"]
    with pytest.raises(OptionError, match=r"holds a finished fine-tuning already.*--force"):
        finetune(run, *files, mrpc["folder"], mrpc["options"])
    with pytest.raises(OptionError, match="is the model itself"):
        finetune(run, *files, run, mrpc["options"])
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(OptionError, match=r"holds a corpus or a pre-training run \(checkpoints\)"):
        finetune(run, *files, tmp_path, mrpc["options"])


def test_a_loss_that_is_not_finite_stops_with_its_step(mrpc: dict[str, Any], run: Path, tmp_path: Path) -> None:
    options = FinetuneOptions("mrpc", epochs=3, batch_size=8, learning_rate=1e30, device="cpu")
    with pytest.raises(
        BuildError, match=r"The loss is (nan|inf) at step \d+ of 36 \(examples [\d, ]+, from 0\): lower --lr"
    ):
        finetune(run, mrpc["train"], mrpc["dev"], tmp_path / "out", options)
    assert not (tmp_path / "out" / "results.json").exists()


def test_evaluating_needs_a_fine_tuned_model(run: Path, mrpc: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"has no task\.json, so it isn't the result of `bertdata finetune`"):
        evaluate(run, mrpc["dev"])


def test_every_row_comes_once_an_epoch() -> None:
    options = FinetuneOptions("mrpc", epochs=2, batch_size=4)
    rows = list(batches(10, options, 7))
    assert [len(x) for x in rows] == [4, 4, 2, 4, 4, 2]
    first, second = np.concatenate(rows[:3]), np.concatenate(rows[3:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(10))
    assert first.tolist() != second.tolist()
    assert count_steps(10, FinetuneOptions("mrpc", epochs=0.01, batch_size=4)) == 1


def test_the_command_line_prints_scores_and_one_line_problems(
    mrpc: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bertdata(["evaluate", str(mrpc["folder"]), mrpc["dev"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == mrpc["results"]["metrics"]
    assert bertdata(["evaluate", str(mrpc["folder"]), mrpc["dev"]]) == 0
    assert "f1" in capsys.readouterr().out
    empty = tmp_path / "empty.tsv"
    empty.write_text("")
    arguments = ["finetune", str(mrpc["folder"]), "--task", "mrpc", "--train", str(empty), "--dev", mrpc["dev"]]
    assert bertdata([*arguments, "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "empty.tsv is empty" in said and said.count("\n") == 1
    assert bertdata([*arguments, "--epochs", "0", "--output", str(tmp_path / "out")]) == 1
    assert "--epochs 0 must be above 0" in capsys.readouterr().err


def test_the_help_names_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    from trainer.tasks import TASKS

    assert bertdata(["finetune", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert all(name in said for name in TASKS)
    assert "Example:" in said

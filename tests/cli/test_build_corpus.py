"""The product end to end, through the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from cli.main import run
from tests.corpora import SMALL, digests, dump_xml, write_books

COMMAND = [sys.executable, "-m", "cli.main"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_books(folder / "books")
    (folder / "testwiki.xml").write_text(dump_xml(40), encoding="utf-8")
    return folder


def arguments(inputs: Path, output: Path, *more: str) -> list[str]:
    return [
        *("build-corpus", "--wikipedia", str(inputs / "testwiki.xml"), "--books", str(inputs / "books")),
        *("--output", str(output), *SMALL, *more),
    ]


@pytest.fixture(scope="module")
def corpus(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("built") / "corpus"
    assert run(arguments(inputs, output, "--workers", "1")) == 0
    return output


def test_counts_of_many_files_are_merged_some_at_a_time_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = [f"source{n}={write_books(tmp_path / f'source{n}', num=2)}" for n in range(5)]
    made = []
    for at_once in (2, 100):
        monkeypatch.setattr("pipelines.vocab.MAX_FILES_TO_MERGE", at_once)
        made.append(tmp_path / f"corpus{at_once}")
        args = ["build-corpus", "--books", *named, "--output", str(made[-1]), *SMALL, "--workers", "1"]
        assert run(args) == 0
    assert digests(made[0]) == digests(made[1])


def test_the_same_command_is_done_where_its_output_lies_in_a_folder_of_its_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = write_books(tmp_path / "books")
    args = ["--books", f"{books}/**", *SMALL, "--workers", "1", "--output", str(books / "made" / "corpus")]
    assert run(["build-corpus", *args]) == 0
    built = digests(books / "made" / "corpus")
    assert len(json.loads((books / "made" / "corpus" / "manifest.json").read_text())["sources"]) == 12
    capsys.readouterr()
    assert run(["build-corpus", *args]) == 0
    assert capsys.readouterr().err.count("done before") == 4
    assert digests(books / "made" / "corpus") == built
    assert run(["plan", *args, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["input_bytes"] == sum(p.stat().st_size for p in books.glob("*.txt"))


def test_corpus_holds_what_the_design_lists(corpus: Path) -> None:
    names = {path.name for path in corpus.iterdir()}
    pages = {"README.md", "ATTRIBUTION.md", "report.html"}
    assert names == {"documents", "vocab", "tokens", "shards", "steps", "manifest.json", *pages}
    manifest = json.loads((corpus / "manifest.json").read_text())
    assert manifest["documents"]["count"] == 52
    assert manifest["documents"]["by_source"] == {"books": 12, "testwiki": 40}
    assert manifest["vocab"]["size"] == 150 == len((corpus / "vocab" / "vocab.txt").read_text().splitlines())
    assert set(manifest["splits"]) == {"64/train", "64/validation"}
    assert len(manifest["splits"]["64/train"]["files"]) > 3
    assert manifest["sources"][0].keys() >= {"name", "bytes", "sha256"}
    assert not any(str(corpus) in text for text in ((corpus / "manifest.json").read_text(),))


def test_documents_have_the_columns_of_the_contract(corpus: Path) -> None:
    rows = [row for file in sorted((corpus / "documents").iterdir()) for row in pq.read_table(file).to_pylist()]
    ids = {row["id"] for row in rows}
    assert {"testwiki/1", "books/book-00"} <= ids
    article = next(row for row in rows if row["id"] == "testwiki/7")
    assert (article["title"], article["revision"], article["language"]) == ("Article 7", "1007", "en")
    assert article["url"] == "https://test.example/wiki/Article_7"


def test_corpus_verifies(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(corpus)]) == 0


def test_same_bytes_with_two_workers_and_inputs_in_another_order(inputs: Path, corpus: Path, tmp_path: Path) -> None:
    books = sorted(str(path) for path in (inputs / "books").iterdir())[::-1]
    given = [
        *(
            "build-corpus",
            "--books",
            *books,
            "--wikipedia",
            str(inputs / "testwiki.xml"),
            "--output",
            str(tmp_path / "c"),
        ),
        *(*SMALL, "--workers", "2"),
    ]
    os.environ["BERTDATA_ALWAYS_START_WORKERS"] = "1"
    try:
        assert run(given) == 0
    finally:
        del os.environ["BERTDATA_ALWAYS_START_WORKERS"]
    assert digests(tmp_path / "c") == digests(corpus)


def test_same_command_again_skips_every_step_and_says_so(
    inputs: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*") if path.is_file()}
    assert run(arguments(inputs, corpus)) == 0
    said = capsys.readouterr().err
    assert [line.split(":")[0] for line in said.splitlines()] == ["extract", "vocab", "tokens", "examples-64"]
    assert said.count("done before") == 4
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("name", "made", "met"),
    [
        ("documents/00000.parquet", ["extract"], ["vocab", "tokens", "examples-64"]),
        ("vocab/vocab.txt", ["vocab"], ["extract", "tokens", "examples-64"]),
        ("shards/64/train/00000-of-*.arrow", ["examples-64"], ["extract", "vocab", "tokens"]),
        ("tokens/00000.arrow", [], ["extract", "vocab", "tokens", "examples-64"]),
    ],
)
@pytest.mark.parametrize("is_cut", [False, True], ids=["gone", "cut"])
def test_files_that_are_gone_or_cut_are_made_again(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, made: list[str], met: list[str],
    is_cut: bool,
) -> None:  # fmt: skip
    output = tmp_path / "c"
    assert run(arguments(inputs, output)) == 0
    first = digests(output)
    (name,) = (path.relative_to(output).as_posix() for path in output.glob(name))
    if is_cut:
        (output / name).write_bytes((output / name).read_bytes()[:-1])
    else:
        (output / name).unlink()
    capsys.readouterr()
    assert run(arguments(inputs, output)) == 0
    said = capsys.readouterr().err
    assert [f"{step}: {name} isn't there as it was written: made again." in said for step in made] == [True] * len(made)
    assert sorted(line.split(":")[0] for line in said.splitlines() if "done before" in line) == sorted(met)
    found = digests(output)
    if not made:  # Nothing reads tokens once all shards are made.
        found.pop(name, None)
        first.pop(name)
    assert found == first
    assert run(["verify", str(output)]) == 0


def test_a_folder_that_is_gone_is_made_again_where_a_length_needs_it(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "c"
    assert run(arguments(inputs, output)) == 0
    first = digests(output)
    shutil.rmtree(output / "tokens")
    capsys.readouterr()
    assert run(arguments(inputs, output, "--max-seq-length", "64", "--max-seq-length", "32")) == 0
    assert "tokens: tokens/00000.arrow isn't there as it was written" in capsys.readouterr().err
    found = digests(output)
    # Pages about the corpus and its manifest now tell of both lengths.
    kept = {name: digest for name, digest in first.items() if name.startswith(("documents/", "tokens/", "shards/64/"))}
    assert {name: found[name] for name in kept} == kept and any(name.startswith("tokens/") for name in kept)


def test_steps_one_by_one_give_the_same_bytes(inputs: Path, corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "c"
    sources = ["--wikipedia", str(inputs / "testwiki.xml"), "--books", str(inputs / "books")]
    assert run(["extract", *sources, "--output", str(output)]) == 0
    assert run(["build-vocab", str(output), "--vocab-size", "150"]) == 0
    assert run(["build-examples", str(output), *SMALL[2:]]) == 0
    assert digests(output) == digests(corpus)


def test_changed_option_is_refused_with_the_difference_and_built_with_force(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "c"
    assert run(arguments(inputs, output)) == 0
    first = digests(output)
    capsys.readouterr()
    assert run(arguments(inputs, output, "--cased")) == 1
    assert "--lowercase was True, now False" in capsys.readouterr().err
    assert digests(output) == first
    assert run(arguments(inputs, output, "--cased", "--force")) == 0
    assert digests(output) != first
    assert run(arguments(inputs, output, "--force")) == 0
    assert digests(output) == first


def test_another_length_is_added_beside_the_first(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "c"
    assert run(arguments(inputs, output)) == 0
    first = digests(output)
    capsys.readouterr()
    assert run(arguments(inputs, output, "--max-seq-length", "32", "--max-seq-length", "64")) == 0
    said = capsys.readouterr().err
    assert "examples-64: done before" in said
    assert "examples-32: " in said
    both = digests(output)
    assert {k: v for k, v in first.items() if k.startswith("shards/64/")} == {
        k: v for k, v in both.items() if k.startswith("shards/64/")
    }
    manifest = json.loads((output / "manifest.json").read_text())
    assert set(manifest["splits"]) == {"32/train", "32/validation", "64/train", "64/validation"}


STEPS_WITH_THEIR_FOLDERS = [
    ("extract", "documents"),
    ("vocab", ".work/vocab"),
    ("tokens", "tokens"),
    ("examples", "shards"),
]


@pytest.mark.parametrize(("step", "folder"), STEPS_WITH_THEIR_FOLDERS)
def test_killed_in_any_step_the_same_command_gives_the_same_bytes(
    step: str, folder: str, inputs: Path, corpus: Path, tmp_path: Path
) -> None:
    output = tmp_path / "c"
    args = arguments(inputs, output, "--workers", "1")
    # The process kills itself when the first file of the step has appeared: the middle of the step, every time.
    code = (
        "import os, signal, sys; import bertdata.files as f; from pathlib import Path; replace = Path.replace\n"
        "def killing(self, target):\n"
        "    replace(self, target)\n"
        f"    if {'/' + folder + '/'!r} in str(target): os.kill(os.getpid(), signal.SIGKILL)\n"
        "Path.replace = killing\n"
        "from cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (output / "manifest.json").exists()
    assert run(args) == 0
    assert digests(output) == digests(corpus)
    assert not (output / ".work").exists()


def test_interrupt_ends_within_seconds_without_orphans_and_resumes(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "c"
    books = write_books(tmp_path / "many", num=60, num_paragraphs=400)
    args = ["build-corpus", "--books", str(books), "--output", str(output), *SMALL, "--workers", "2"]
    process = subprocess.Popen(
        [*COMMAND, *args],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BERTDATA_ALWAYS_START_WORKERS": "1"},
    )
    deadline = time.monotonic() + 120
    while not list((output / "tokens").glob("*.arrow")) and not (output / "vocab").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    if process.returncode != 0:  # it may have been faster than the signal
        assert process.returncode == 130
        assert "run the same command again to go on" in err
        assert "Traceback" not in err + out
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    assert run(args) == 0
    assert (output / "manifest.json").exists()


def test_same_bytes_on_an_older_processor(inputs: Path, corpus: Path, tmp_path: Path) -> None:
    """numpy and Arrow choose their code by the processor: without AVX they must come to the same."""
    from numpy._core import _multiarray_umath as umath

    features = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name)]
    older = {"NPY_DISABLE_CPU_FEATURES": " ".join(features), "ARROW_USER_SIMD_LEVEL": "NONE"}
    command = [*COMMAND, *arguments(inputs, tmp_path / "c", "--workers", "1")]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | older, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "c") == digests(corpus)

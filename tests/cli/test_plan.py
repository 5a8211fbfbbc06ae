from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertdata.pieces import cut_pieces
from bertdata.ranges import plan_ranges
from bertdata.tokens_file import bucket_bytes
from cli.main import run
from tests.corpora import SMALL, write_books
from tests.problems import named_problem


def shuffled_bytes(corpus: Path) -> int:
    """Return the bytes of the pieces that the groups of a built corpus get of its tokens files."""
    paths = sorted((corpus / "tokens").iterdir())
    pieces = 0
    for n, split in enumerate(("train", "validation")):
        num = len(list((corpus / "shards" / "64" / split).iterdir()))
        threshold = json.loads((corpus / "steps" / "examples-64.json").read_text())["result"]["threshold"]
        buckets = sum(bucket_bytes(path, threshold)[n] for path in paths)
        groups = [(split, each) for each in plan_ranges(buckets, 8_000)]
        assert len(groups) == num
        pieces += sum(len(piece) for path in paths for _, piece in cut_pieces(path, groups, threshold))
    return pieces


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return write_books(tmp_path / "books", num=12)


def test_a_plan_has_the_steps_of_a_build_and_writes_nothing(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "corpus"
    assert run(["plan", "--books", str(books), *SMALL, "--output", str(output), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert list(plan["steps"]) == ["extract", "vocab", "tokens", "examples-64"]
    assert (
        run(["build-corpus", "--books", str(books), *SMALL, "--output", str(output), "--json", "--workers", "1"]) == 0
    )
    manifest = json.loads(capsys.readouterr().out)
    assert plan["text_bytes"] == manifest["tokens"]["text_bytes"]
    assert plan["tokens"] == pytest.approx(manifest["tokens"]["tokens"], rel=0.02)
    assert plan["shuffled_bytes"] == pytest.approx(shuffled_bytes(output), rel=0.25)
    assert not list(tmp_path.glob("bertdata-plan-*"))


def test_a_plan_for_people_names_free_disk_and_sample(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--books", str(books), *SMALL, "-o", str(tmp_path / "new" / "corpus"), "--workers", "1"]) == 0
    told = capsys.readouterr().out
    assert "examples-64" in told and "Largest process:" in told and "Free on the disk of" in told
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("size", ["0", "1", "999KB"])
def test_a_sample_too_small_to_tell_anything_is_refused(
    size: str, books: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--books", str(books), *SMALL, "--sample-size", size]) == 2
    assert f"'--sample-size': {size} is too small: 1MB or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--shuffle", "engine"], "--shuffle engine needs an engine that shuffles"),
        (["--", "--runner=DirectRunner"], "--runner can't be given to Beam"),
    ],
)
def test_a_plan_refuses_what_a_build_refuses(
    more: list[str], words: str, books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["plan"], ["build-corpus", "--output", str(tmp_path / "corpus")]):
        assert run([*command, "--books", str(books), *SMALL, *more]) == 1
        assert words in named_problem(capsys)


def test_a_missing_source_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--books", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.count("\n") == 1

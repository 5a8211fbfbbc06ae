"""What bad input gets: one clear line, exit 1, and nothing that was finished is lost."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bertdata.extract import duplicates
from cli.main import run
from tests.corpora import SMALL, dump_xml, sentences, write_books
from tests.problems import named_problem

ROOT = Path(__file__).resolve().parents[2]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def fails(capsys: pytest.CaptureFixture[str], args: list[str], *words: str) -> str:
    """Run a command that must end in one line with exit 1, and return the line."""
    capsys.readouterr()
    assert run(args) == 1
    last = named_problem(capsys)
    for word in words:
        assert re.search(word, last), (word, last)
    return last


def wikipedia(path: Path, output: Path) -> list[str]:
    return ["extract", "--wikipedia", str(path), "--output", str(output)]


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


XML = dump_xml(300).encode()
BZ2 = bz2.compress(XML, 1)
DAMAGED: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "an empty file": ("a.xml", b"", (r"a\.xml", "empty")),
    "an empty bz2 file": ("a.xml.bz2", b"", (r"a\.xml\.bz2", "empty")),
    "a truncated bz2": ("a.xml.bz2", BZ2[: len(BZ2) * 2 // 3], (r"a\.xml\.bz2", "cut off|damaged", r"byte [\d,]+")),
    "a corrupt block": (
        "a.xml.bz2",
        BZ2[: len(BZ2) // 2] + b"\x55" * 40 + BZ2[len(BZ2) // 2 + 40 :],
        (r"a\.xml\.bz2", "damaged", r"byte [\d,]+"),
    ),
    "a truncated gzip": ("a.xml.gz", gzip.compress(XML)[:-3000], (r"a\.xml\.gz", "cut off|damaged")),
    "XML cut inside a page": ("a.xml", XML[: len(XML) // 2], (r"a\.xml", "cut off|ends")),
    "no XML at all": ("a.xml", b"Just some words.\n" * 100, (r"a\.xml", "XML|MediaWiki|export")),
    "a plain file called bz2": ("a.xml.bz2", XML, (r"a\.xml\.bz2", "bz2")),
    "a gzip file called xz": ("a.xml.xz", gzip.compress(XML), (r"a\.xml\.xz", "xz")),
    "an XML bomb": (
        "a.xml",
        b'<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        + XML.replace(b"Anna", b"&b;", 1),
        (r"a\.xml", "DOCTYPE|entit"),
    ),
    "an export without a page": (
        "a.xml",
        b'<mediawiki version="0.11"><siteinfo><dbname>x</dbname></siteinfo></mediawiki>',
        (r"a\.xml", "no page|no document|no article"),
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_dump_is_named_with_its_place(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, content, words = DAMAGED[case]
    fails(capsys, wikipedia(write(tmp_path / name, content), tmp_path / "out"), *words)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_utf16_dump_is_read_or_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.xml", XML.decode().encode("utf-16"))
    if run(wikipedia(path, tmp_path / "out")) == 0:
        rows = [r for f in (tmp_path / "out/documents").iterdir() for r in pq.read_table(f).to_pylist()]
        assert len(rows) == 300
    else:
        assert re.search(r"a\.xml.*UTF-16", capsys.readouterr().err)


def test_skip_keeps_what_lies_around_the_damage_and_counts_the_loss(tmp_path: Path) -> None:
    streams = [bz2.compress(part.encode()) for part in dump_xml(300).split("  <page>\n")]
    whole = bz2.compress(b"  <page>\n")
    joined = [streams[0], *(whole + stream for stream in streams[1:])]
    joined[150] = whole + streams[150][: len(streams[150]) // 2]
    path = write(tmp_path / "a.xml.bz2", b"".join(joined))
    assert run([*wikipedia(path, tmp_path / "out"), "--on-error", "skip"]) == 0
    rows = {r["id"] for f in (tmp_path / "out/documents").iterdir() for r in pq.read_table(f).to_pylist()}
    record = json.loads((tmp_path / "out" / "steps" / "extract.json").read_text())["result"]
    assert {f"testwiki/{n}" for n in range(1, 301)} - rows <= {"testwiki/150", "testwiki/151"}
    assert {"testwiki/149", "testwiki/152", "testwiki/300"} <= rows
    assert any("a.xml.bz2" in line for line in record["lost"])


def test_folder_without_dumps_and_missing_file_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    write(tmp_path / "pictures" / "a.png", b"\x89PNG\r\n\x1a\n")
    fails(capsys, wikipedia(tmp_path / "pictures", tmp_path / "out"), "pictures", "holds no dump")
    fails(capsys, wikipedia(tmp_path / "missing.xml", tmp_path / "out"), r"missing\.xml", "does not exist")
    fails(
        capsys,
        ["extract", "--books", str(tmp_path / "pictures"), "--output", str(tmp_path / "o")],
        "pictures",
        "no book",
    )


def test_empty_book_among_others_is_a_counted_rejection(tmp_path: Path) -> None:
    books = write_books(tmp_path / "books", num=3)
    write(books / "void.txt", b"")
    assert run(["extract", "--books", str(books), "--output", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "steps" / "extract.json").read_text())["result"]
    assert (record["documents"], sum(record["rejected"]["books"].values())) == (3, 1)
    rejected = [r for f in (tmp_path / "out/rejected").iterdir() for r in pq.read_table(f).to_pylist()]
    assert [row["id"] for row in rejected] == ["books/void"]


@pytest.mark.parametrize("at_once", [3, 1000])
def test_two_dumps_with_the_same_page_are_refused_with_both_places(
    at_once: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "HASHES_AT_ONCE", at_once)
    for name, first in (("a.xml", 1), ("b.xml", 5)):
        write(tmp_path / name, dump_xml(5, first=first).encode())
    args = [
        "extract",
        "--wikipedia",
        str(tmp_path / "a.xml"),
        str(tmp_path / "b.xml"),
        "--output",
        str(tmp_path / "out"),
    ]
    fails(capsys, args, r"'testwiki/5' is the id of two documents", r"a\.xml", r"b\.xml")
    write(tmp_path / "b.xml", dump_xml(5, first=6).encode())
    assert run([*args, "--force"]) == 0


def test_of_many_losses_the_first_are_shown_and_where_all_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_xml(60).replace("</title>", "</title><b>", 30)  # no XML any more
    write(tmp_path / "a.xml", dump.encode())
    out = tmp_path / "out"
    assert run([*wikipedia(tmp_path / "a.xml", out), "--on-error", "skip"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("Lost: ") == 21 and f"Lost: 10 more, which {out / 'steps' / 'extract.json'} names." in shown
    assert len(json.loads((out / "steps" / "extract.json").read_bytes())["result"]["lost"]) == 30


def test_an_id_that_stands_twice_in_one_file_is_named_with_a_way_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a.jsonl", b'{"id": "x", "text": "One owl."}\n{"id": "x", "text": "Two owls."}\n')
    args = ["extract", "--text", str(tmp_path / "a.jsonl"), "--output", str(tmp_path / "out")]
    fails(capsys, args, r"'text/x' stands twice in .*a\.jsonl: remove one of the two; --id-column NAME")
    assert run([*args, "--id-column", "", "--force"]) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("\n".join([*SPECIALS, "the", "the"]), ("the",)),
        ("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the"]), (r"\[MASK\]",)),
        ("", (r"vocab\.txt",)),
    ],
)
def test_bad_vocabulary_file_is_refused_before_any_work(
    content: str, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "vocab.txt", content.encode())
    books = write_books(tmp_path / "books", num=2)
    args = ["build-corpus", "--books", str(books), "--vocab", str(path), "--output", str(tmp_path / "out")]
    fails(capsys, args, r"vocab\.txt", *words)
    assert not (tmp_path / "out").exists()


def test_vocabulary_larger_than_its_corpus_can_give_says_what_it_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = write_books(tmp_path / "books", num=3, num_paragraphs=3)
    args = ["build-corpus", "--books", str(books), "--output", str(tmp_path / "out")]
    line = fails(capsys, args, "30,?522", "--vocab-size")
    sizes = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", line)]
    assert any(100 < size < 2000 for size in sizes), line
    assert list((tmp_path / "out" / "documents").iterdir())


def test_one_document_makes_no_pairs_and_is_an_error_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = write_books(tmp_path / "books", num=1)
    fails(
        capsys, ["build-corpus", "--books", str(books), "--output", str(tmp_path / "o"), *SMALL], "1 of its 1 documents"
    )


def test_documents_of_one_sentence_make_no_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    books = tmp_path / "books"
    books.mkdir()
    for n, sentence in enumerate(sentences(1, 20)):
        write(books / f"{n}.txt", sentence.encode())
    args = ["build-corpus", "--books", str(books), "--output", str(tmp_path / "o"), *SMALL]
    fails(capsys, args, "0 of its 20 documents")


def test_few_documents_need_a_validation_fraction_of_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    books = write_books(tmp_path / "books", num=3)
    args = ["build-corpus", "--books", str(books), "--output", str(tmp_path / "o"), "--vocab-size", "120"]
    fails(capsys, args, "--validation-fraction 0")
    assert run([*args, "--validation-fraction", "0"]) == 0


def test_output_below_a_file_and_output_of_something_else_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = write_books(tmp_path / "books", num=2)
    write(tmp_path / "notes.txt", b"x")
    fails(
        capsys, ["extract", "--books", str(books), "--output", str(tmp_path / "notes.txt" / "c")], "notes.txt is a file"
    )
    fails(capsys, ["extract", "--books", str(books), "--output", str(books)], "holds other things", "book-00.txt")


def in_user_namespace(*command: str) -> list[str] | None:
    """Return a command run with a mount namespace of its own, or None where the machine doesn't allow that."""
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return ["unshare", "-m", "sh", "-c", *command] if probe.returncode == 0 else None


def test_full_disk_is_one_line_and_what_is_finished_stays(tmp_path: Path) -> None:
    books = write_books(tmp_path / "books", num=8, num_paragraphs=400)
    mount = tmp_path / "small"
    mount.mkdir()
    build = (
        f"{sys.executable} -m cli.main build-corpus --books {books} --output {mount}/c {' '.join(SMALL)} --workers 1"
    )
    keep = f"cp -r {mount}/c {tmp_path}/kept"
    wrapped = in_user_namespace(f"mount -t tmpfs -o size=600k tmpfs {mount} && {{ {build}; rc=$?; {keep}; exit $rc; }}")
    if wrapped is None:
        pytest.skip("mounting a small file system needs rights that this machine doesn't give")
    done = subprocess.run(wrapped, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 1, done.stderr
    assert "No space left on the device" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "kept" / "manifest.json").exists()


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    books = write_books(tmp_path / "books", num=2)
    mount = tmp_path / "fixed"
    mount.mkdir()
    build = f"{sys.executable} -m cli.main extract --books {books} --output {mount}/c"
    wrapped = in_user_namespace(f"mount -t tmpfs -o ro tmpfs {mount} && {build}")
    if wrapped is None:
        pytest.skip("mounting a read-only file system needs rights that this machine doesn't give")
    done = subprocess.run(wrapped, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"bertdata: \S+/c can't be written \(Read-only file system\).*\n", done.stderr)

"""Corpora in object stores, through the command line: the same bytes, after any fault, as on a local disk."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bertdata import store_calls
from bertdata.reader import open_shards
from bertdata.steps import lock_folder
from bertdata.store import as_path
from cli.main import run
from tests.corpora import SMALL, digests, dump_xml, write_books
from tests.object_stores import BUCKET, Store, download, forget_instances, gcs_server, make_bucket, s3_server, upload
from tests.problems import named_problem

ROOT = Path(__file__).resolve().parents[2]
# What differs from a local build: of sources in a store the manifest has the store's checksum, not a SHA-256.
_NAMES_SOURCES = ("manifest.json", "ATTRIBUTION.md", "report.html")


@pytest.fixture(scope="module", params=["s3", "gs"])
def running(request: pytest.FixtureRequest) -> Iterator[Store]:
    with (s3_server if request.param == "s3" else gcs_server)() as store:
        yield store


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_books(folder / "books")
    (folder / "testwiki.xml").write_text(dump_xml(40), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def local(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as it is built on a local disk."""
    output = tmp_path_factory.mktemp("built") / "corpus"
    assert run(arguments(str(inputs), str(output))) == 0
    return output


@pytest.fixture(scope="module")
def filled(running: Store, inputs: Path) -> Iterator[Store]:
    """The store with the inputs in it."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in running.environment.items():
            environment.setenv(name, value)
        if running.url.startswith("s3"):
            make_bucket()
        upload(inputs, f"{running.url}/in")
        yield running


@pytest.fixture
def store(filled: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    monkeypatch.setenv("BERTDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store_calls, "_FIRST_WAIT", 0.01)
    filled.faults.clear()
    yield filled
    filled.faults.clear()


# For tests that need faults which only the S3 server makes.
on_s3 = pytest.mark.parametrize("running", ["s3"], indirect=True)


def arguments(inputs: str, output: str, *more: str) -> list[str]:
    sources = ("--wikipedia", f"{inputs}/testwiki.xml", "--books", f"{inputs}/books")
    return ["build-corpus", *sources, "--output", output, *SMALL, *more]


def build(store: Store, name: str, *more: str) -> str:
    """Build a corpus from inputs in the store into the store, and return its URL."""
    url = f"{store.url}/{name}"
    assert run(arguments(f"{store.url}/in", url, *more)) == 0
    return url


def assert_same_corpus(url: str, local: Path, folder: Path) -> None:
    """Assert that a corpus in a store has the files of a local one and nothing else, byte by byte."""
    mine, theirs = digests(download(url, folder)), digests(local)
    assert {k: v for k, v in mine.items() if k not in _NAMES_SOURCES} == {
        k: v for k, v in theirs.items() if k not in _NAMES_SOURCES
    }
    ours, manifest = json.loads(mine["manifest.json"]), json.loads(theirs["manifest.json"])
    for source in ours["sources"]:
        assert source.pop("version")
    for source in manifest["sources"]:
        del source["sha256"]
    assert ours == manifest


def test_a_corpus_in_a_store_has_the_bytes_of_a_local_one_and_is_read_as_one(
    store: Store, local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = build(store, "corpus")
    assert_same_corpus(url, local, tmp_path / "down")
    assert run(["verify", url]) == 0
    assert run(["report", url, "--output", str(tmp_path / "report.html")]) == 0
    assert (tmp_path / "report.html").stat().st_size > 10_000
    capsys.readouterr()
    assert run(["inspect", url, "--json", "--examples", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["examples"][0]["words"]
    store.faults.clear()
    assert run(arguments(f"{store.url}/in", url)) == 0
    assert capsys.readouterr().err.count("done before") == 4
    assert not [name for name in store.faults.puts() if not name.endswith("lock")]


def test_the_same_bytes_with_processes_and_from_local_inputs(
    store: Store, inputs: Path, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERTDATA_ALWAYS_START_WORKERS", "1")
    url = f"{store.url}/processes"
    assert run(arguments(str(inputs), url, "--workers", "2")) == 0
    assert digests(download(url, tmp_path / "down")) == digests(local)


@on_s3
def test_a_slice_whose_worker_is_killed_is_named_and_what_is_finished_is_kept(
    store: Store, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill_workers() -> None:
        for process in psutil.Process().children(recursive=True):
            # Those at work: beside its log lies a note of what each is at. Another may have nothing left to do.
            at_work = any(Path(f"{file.path}.task").exists() for file in process.open_files())
            if at_work and "pipelines.worker" in " ".join(process.parent().cmdline()):
                process.kill()

    monkeypatch.setenv("BERTDATA_ALWAYS_START_WORKERS", "1")
    store.faults.spoil(1, kill_workers, "PUT", "documents/00000.parquet")
    assert run(arguments(f"{store.url}/in", f"{store.url}/poison", "--workers", "2")) == 1
    said = named_problem(capsys)
    assert re.search(rf"Worker process \d+ was killed .*, at work on {store.url}/in/(testwiki\.xml|books/\S+) ", said)
    assert_same_corpus(build(store, "poison"), local, tmp_path / "down")


def pretrain(corpus: str, run_folder: Path) -> int:
    return run(
        ["pretrain", corpus, "--preset", "tiny", "--steps", "3", "--batch-size", "8", "--output", str(run_folder)]
    )


def test_training_reads_checked_copies_and_learns_the_same(
    store: Store, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{store.url}/shards-only"
    upload(local, url)
    for name, corpus in (("there", url), ("here", str(local))):
        assert pretrain(corpus, tmp_path / name) == 0
    trained = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("there", "here")]
    assert trained[0] == trained[1]
    store.faults.clear()
    assert pretrain(url, tmp_path / "again") == 0
    assert not [request for request in store.faults.requests if "GET" in request and ".arrow" in request]

    shard = next(iter(sorted((local / "shards/64/train").iterdir())))
    broken = bytearray(shard.read_bytes())
    broken[-2000] ^= 1
    make_object(f"{url}/shards/64/train/{shard.name}", bytes(broken))
    monkeypatch.setenv("BERTDATA_CACHE", str(tmp_path / "another cache"))
    assert pretrain(url, tmp_path / "broken") == 1
    assert_one_line(capsys, f"{shard.name} isn't the file that was written")
    assert run(["verify", url]) == 1


def make_object(url: str, content: bytes) -> None:
    import fsspec

    fs, key = fsspec.core.url_to_fs(url)
    fs.pipe_file(key, content)


# In each step, when one of its tasks is kept and the next one is about to be; then before the last file of all.
KILLED_AT = (
    (".work/extract/", 1),
    (".work/vocab/", 2),
    (".work/tokens/", 1),
    (".work/examples-64/", 3),
    ("report.html", 0),
)


def killed(store: Store, command: list[str], part: str, skip: int) -> None:
    """Run a command, and kill it and all its processes when it writes an object for the `skip` + 1st time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *command], cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL
    )
    seen: list[str] = []

    def kill() -> None:
        if part in store.faults.requests[-1]:
            seen.append(part)
            if len(seen) == skip + 1:
                os.killpg(process.pid, signal.SIGKILL)

    store.faults.spoil(10_000, kill, "PUT", "")
    try:
        assert process.wait(60) == -signal.SIGKILL
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_a_build_killed_in_each_step_is_resumed_and_has_the_same_bytes(
    store: Store, local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{store.url}/killed"
    finished: set[str] = set()
    # Of the emulator the first and the last step are enough: the code is the same, and each run costs four seconds.
    for part, skip in KILLED_AT if store.url.startswith("s3") else KILLED_AT[::3]:
        as_path(f"{url}/.work/lock").unlink(missing_ok=True)  # As after ten seconds; the last run waits for them.
        store.faults.clear()
        killed(store, arguments(f"{store.url}/in", url), part, skip)
        kept = [path for path in store.faults.puts() if re.search(r"/\.work/.*\.json$", path)]
        assert not finished & set(kept)
        finished.update(kept[:-1])
        assert not as_path(f"{url}/manifest.json").exists()
    store.faults.clear()
    build(store, "killed")
    assert capsys.readouterr().err.count("done before") >= 3
    assert not finished & set(store.faults.puts())
    assert not [path for path in store.faults.puts() if "/documents/" in path or "/tokens/0" in path]
    assert_same_corpus(url, local, tmp_path / "down")


@on_s3
def test_a_second_build_of_a_folder_is_refused_while_the_first_is_at_work(
    store: Store, local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{store.url}/twice"
    reached, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        go_on.wait(60)

    store.faults.spoil(1, wait, "PUT", "twice/vocab/vocab.txt")
    command = [sys.executable, "-m", "cli.main", *arguments(f"{store.url}/in", url)]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        assert reached.wait(60)
        assert run(arguments(f"{store.url}/in", url)) == 1
        assert_one_line(capsys, "Another build is at work in", url, f"process {first.pid}")
        go_on.set()
        assert first.wait(60) == 0
    finally:
        go_on.set()
        first.kill()
        first.wait(20)
    assert_same_corpus(url, local, tmp_path / "down")


@on_s3
def test_a_build_that_was_stopped_ends_when_another_has_finished_meanwhile(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{store.url}/stopped"
    stopped = threading.Event()

    def stop() -> None:
        first.send_signal(signal.SIGSTOP)
        stopped.set()

    # A write that is under way arrives when the process wakes; this file is the same in both builds.
    store.faults.spoil(1, stop, "PUT", "stopped/vocab/word_counts.parquet")
    command = [sys.executable, "-m", "cli.main", *arguments(f"{store.url}/in", url)]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert stopped.wait(60)
        # It waits for ten seconds, and so for longer than the first may go without having renewed its lock.
        assert run(arguments(f"{store.url}/in", url, "--vocab-size", "140", "--force")) == 0
        built = digests(download(url, tmp_path / "before"))
        first.send_signal(signal.SIGCONT)
        assert "Another build took" in first.communicate(timeout=60)[1].splitlines()[-1]
        assert first.returncode == 1
    finally:
        first.kill()
        first.wait(20)
    assert digests(download(url, tmp_path / "after")) == built
    assert run(["verify", url]) == 0


def test_a_folder_whose_lock_is_renewed_is_refused(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"{store.url}/locked"
    with lock_folder(as_path(url)):
        assert run(arguments(f"{store.url}/in", url)) == 1
    assert_one_line(capsys, "Another build is at work in", url, f"process {os.getpid()}")


@on_s3
def test_a_store_that_often_fails_gives_the_same_bytes(store: Store, local: Path, tmp_path: Path) -> None:
    store.faults.spoil_every(6, "busy")
    store.faults.spoil_every(5, "cut", "GET")
    url = build(store, "flaky")
    assert store.faults.num_spoilt > 20
    store.faults.clear()
    assert_same_corpus(url, local, tmp_path / "down")


def assert_one_line(capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """Assert that the last line said is a named problem with these words, and that no traceback was."""
    last = named_problem(capsys)
    for word in words:
        assert word in last, (word, last)


def _deny_reads(store: Store) -> None:
    store.faults.spoil(1000, "denied", "GET", "testwiki.xml")


def _deny_documents(store: Store) -> None:
    store.faults.spoil(1000, "denied", "PUT", "documents/00000.parquet")


def _deny_lock(store: Store) -> None:
    store.faults.spoil(1000, "denied", "PUT", ".work/lock")


def _skew(store: Store) -> None:
    store.faults.spoil(1000, "skewed", "GET", "testwiki.xml")


BAD: dict[str, tuple[Callable[[Store], None] | None, str, str, tuple[str, ...]]] = {
    "an input bucket that isn't there": (None, "s3://nowhere", "", ("s3://nowhere/testwiki.xml", "no s3://nowhere")),
    "an output bucket that isn't there": (None, "", "s3://nowhere/x", ("s3://nowhere isn't there", "create it")),
    "an input that isn't there": (None, f"s3://{BUCKET}/other", "", ("other/testwiki.xml does not exist",)),
    "an input that may not be read": (_deny_reads, "", "", ("testwiki.xml: access is denied",)),
    "an output that may not be written": (_deny_lock, "", "", ("lock: access is denied",)),
    "a file that may not be written": (_deny_documents, "", "", ("00000.parquet: access is denied",)),
    "a clock that differs": (_skew, "", "", ("testwiki.xml: this machine's clock",)),
}


@on_s3
@pytest.mark.parametrize("case", BAD)
def test_a_store_problem_is_one_line(case: str, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    fault, inputs, output, words = BAD[case]
    if fault:
        fault(store)
    assert run(arguments(inputs or f"{store.url}/in", output or f"{store.url}/bad")) == 1
    assert_one_line(capsys, *words)


@on_s3
def test_missing_credentials_are_one_line_and_nothing_finished_is_lost(
    store: Store, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.faults.spoil(1, "denied", "PUT", ".work/tokens/00001.json")
    assert run(arguments(f"{store.url}/in", f"{store.url}/expired")) == 1
    assert_one_line(capsys, "access is denied")
    with monkeypatch.context() as bare:
        bare.delenv("AWS_ACCESS_KEY_ID")
        bare.setenv("AWS_CONFIG_FILE", "/nonexistent")
        bare.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        forget_instances()
        assert run(arguments(f"{store.url}/in", f"{store.url}/expired")) == 1
        assert_one_line(capsys, "no credentials were found")
    forget_instances()
    store.faults.clear()
    url = build(store, "expired")
    assert capsys.readouterr().err.count("done before") == 2
    assert not store.faults.puts("/documents/")
    assert_same_corpus(url, local, tmp_path / "down")


def test_shards_are_read_where_their_folder_is_all_there_is(store: Store, local: Path) -> None:
    upload(local / "shards", f"{store.url}/alone/shards")
    shards = open_shards(f"{store.url}/alone/shards", fetch=False)
    here = open_shards(local)
    assert shards.num_examples == here.num_examples
    assert (shards.read([3, 0]).input_ids == here.read([3, 0]).input_ids).all()


@pytest.mark.parametrize("command", [["export", "--format", "mds"], ["finetune", "--task", "sst2"]])
def test_a_path_that_has_to_be_local_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command[0], "s3://bucket/x", *command[1:], "--output", "there"]) == 2
    assert "lies in an object store, which can't be used here" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["s3:bucket/x", "s3//bucket/x", "s3://", "s3://bucket/../x"])
def test_an_output_that_is_nearly_a_url_is_refused_and_nothing_is_built(
    output: str, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments(str(inputs), output)) == 1
    assert_one_line(capsys, output, "did you mean s3://" if "://" not in output else "such as s3://bucket")
    assert not list(tmp_path.iterdir())

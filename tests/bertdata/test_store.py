"""Files in stores: against moto's S3 server on loopback, with 503s, cut connections and refusals made on purpose."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from bertdata import store, store_cache, store_calls, store_lock
from bertdata.errors import BertdataError, BuildError, FormatError, OptionError
from bertdata.extract.slices import plan_slices
from bertdata.extract.sources import expand_sources
from bertdata.files import files_below, fingerprint, publish, sha256_file
from bertdata.rng import rng_for
from bertdata.steps import Step, lock_folder, remove_from
from bertdata.store import StorePath, as_path
from bertdata.store_cache import fetch_copies, local_copy
from tests.object_stores import (
    BUCKET,
    Faults,
    Store,
    add_objects,
    forget_instances,
    forget_objects,
    make_bucket,
    s3_server,
)

ROOT = f"s3://{BUCKET}"
CONTENT = rng_for(1, "content").bytes(700_000)


@pytest.fixture(scope="module")
def running() -> Iterator[Store]:
    with s3_server() as store:
        yield store


@pytest.fixture
def s3(running: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Faults]:
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BERTDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store_calls, "_FIRST_WAIT", 0.01)
    make_bucket()
    running.faults.clear()
    yield running.faults
    running.faults.clear()
    forget_objects()


def put(name: str, content: bytes = CONTENT) -> Path:
    path = as_path(f"{ROOT}/{name}")
    with publish(path) as temporary:
        temporary.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("url", "why"),
    [
        *((url, "name its host or bucket") for url in ("s3://", "s3:///key", "hdfs:///user/me", "S3:/")),
        *((f"s3://bucket/{key}", "in a key aren't read") for key in ("a//b", "./a", "../x1", "a/../../other/b")),
        ("s3:/bucket/../x1", "in a key aren't read"),
    ],
)
def test_urls_that_paths_can_not_stand_for_are_refused(url: str, why: str) -> None:
    with pytest.raises(OptionError, match=rf"{why} \(such as {url.split(':')[0].lower()}://bucket/folder\)"):
        as_path(url)


def test_a_scheme_in_capitals_is_that_scheme() -> None:
    assert as_path("S3://Bucket/Key") == as_path(Path("S3://Bucket/Key")) == StorePath("s3://Bucket/Key")
    assert str(as_path("GS://b/k")) == "gs://b/k" and as_path("FILE:///tmp/x") == Path("/tmp/x")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("s3:bucket/x", "s3://bucket/x"),
        ("s3//bucket/x", "s3://bucket/x"),
        ("GS:b", "gs://b"),
        ("hdfs//h:9/x", "hdfs://h:9/x"),
    ],
)
def test_what_is_nearly_a_url_is_refused_unless_it_lies_here(
    text: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match=rf"{text} is no URL: did you mean {meant}\?"):
        as_path(text)
    Path(Path(text).parts[0]).mkdir()
    assert as_path(text) == Path(text) and not isinstance(as_path(text), StorePath)
    for local in ("s3/bucket", "s3", "s3:", "gs.txt", "s3x:y", "./s3:bucket", "/s3//bucket"):
        assert as_path(local) == Path(local)


def test_path_survives_pickle_and_never_names_a_local_file(tmp_path: Path) -> None:
    path = as_path("s3://bucket/folder/file.txt")
    assert pickle.loads(pickle.dumps(path)) == path
    assert str(pickle.loads(pickle.dumps(path))) == "s3://bucket/folder/file.txt"
    with pytest.raises(OptionError, match="lies in an object store"):
        open(path).close()  # noqa: PTH123
    with pytest.raises(OptionError, match="lies in an object store"):
        path.rename(tmp_path / "x")


def test_a_published_file_appears_whole_and_its_copy_stays(s3: Faults, tmp_path: Path) -> None:
    path = put("folder/file.bin")
    assert [path.is_file(), path.parent.is_dir(), path.parent.is_file()] == [True, True, False]
    assert path.stat().st_size == len(CONTENT)
    assert sha256_file(path) == hashlib.sha256(CONTENT).hexdigest()
    s3.requests.clear()
    assert local_copy(path, sha256_file(local_copy(path))).read_bytes() == CONTENT
    copies = [p for p in (tmp_path / "cache").iterdir() if p.suffix != ".lock"]
    assert all(not p.name.endswith(".tmp") for p in copies)


def test_nothing_appears_of_a_file_whose_writer_failed(s3: Faults) -> None:
    path = as_path(f"{ROOT}/half.bin")
    with pytest.raises(ZeroDivisionError), publish(path) as temporary:
        temporary.write_bytes(CONTENT[: 1 // 0])
    assert not path.exists()
    assert not [request for request in s3.requests if request.startswith("PUT")]


def test_ranges_are_read_from_any_place_and_no_more_than_is_needed(s3: Faults) -> None:
    path = put("file.bin")
    s3.requests.clear()
    with path.open("rb") as file:
        assert file.read(100) == CONTENT[:100]
        assert file.seek(600_000) == 600_000
        assert file.read(50) == CONTENT[600_000:600_050]
        assert file.seek(-10, 2) == len(CONTENT) - 10
        assert file.read() == CONTENT[-10:]
        assert file.read() == b""
    assert sum(request.startswith("GET") for request in s3.requests) == 3
    with path.open("rb") as file:
        assert file.read() == CONTENT


def test_503_twice_then_works(s3: Faults) -> None:
    path = put("busy.bin")
    s3.spoil(2, "busy", "GET", "busy.bin")
    assert path.read_bytes() == CONTENT
    s3.spoil(2, "busy", "PUT", "busy.bin")
    put("busy.bin", CONTENT[::-1])
    assert path.read_bytes() == CONTENT[::-1]


def test_a_connection_cut_in_the_middle_of_a_read_loses_nothing(s3: Faults) -> None:
    path = put("cut.bin")
    s3.spoil(2, "cut", "GET", "cut.bin")
    with path.open("rb") as file:
        assert file.read() == CONTENT
    s3.spoil(1, "cut", "GET", "cut.bin")
    digest = hashlib.sha256(CONTENT).hexdigest()
    for copy in store_cache.cache_folder().glob("[0-9a-f]*"):
        copy.unlink()
    assert local_copy(path, digest).read_bytes() == CONTENT


def test_a_store_that_never_answers_is_one_line(s3: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("dead.bin")
    monkeypatch.setattr(store_calls, "_ATTEMPTS", 2)
    s3.spoil(1000, "busy", "HEAD", "dead.bin")
    with pytest.raises(BertdataError, match=r"dead\.bin: the store doesn't answer as it should"):
        path.stat()


def test_a_store_that_takes_requests_and_never_answers_is_told_of_and_given_up(
    s3: Faults, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import s3fs

    path = put("hangs.bin")
    monkeypatch.setattr(s3fs.S3FileSystem, "read_timeout", 0.5)
    for name, value in {"_SLOW_SECONDS": 0.4, "_told": -1e9, "_FIRST_WAIT": 0.1, "_PATIENCE": 3.0}.items():
        monkeypatch.setattr(store_calls, name, value)
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")  # botocore's own five are not wanted either.
    forget_instances()
    end = threading.Event()
    s3.spoil(1000, lambda: end.wait(20) and None, "GET", "hangs.bin")
    s3.requests.clear()
    began = time.monotonic()
    try:
        with pytest.raises(
            BertdataError, match=r"hangs\.bin: the store doesn't answer as it should, [2-4] times in [23] sec"
        ):
            path.read_bytes()
    finally:
        end.set()
        forget_instances()
    assert time.monotonic() - began < 5
    assert s3.requests.count(f"GET /{BUCKET}/hangs.bin") in (3, 4)
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [f"{path}: the store doesn't answer"]


def test_waits_grow_to_less_than_a_lock_lasts_and_add_up_to_a_minute(
    s3: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("busy.bin")
    waits: list[float] = []
    monkeypatch.setattr(store_calls, "_FIRST_WAIT", 0.2)
    monkeypatch.setattr(time, "sleep", waits.append)
    s3.spoil(1000, "busy", "HEAD", "busy.bin")
    with pytest.raises(BertdataError, match=r"busy\.bin: the store doesn't answer as it should, 14 times in"):
        path.stat()
    assert [round(wait, 1) for wait in waits] == [0.2, 0.4, 0.8, 1.6, 3.2, *[6.4] * 8]
    assert max(waits) < store_lock.WAIT_SECONDS and 55 < sum(waits) < 60


def test_drivers_are_bounded_unless_the_user_has_set_them_up(s3: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    fs, key = store_calls._file_system(StorePath("s3://bucket/key"))
    assert (fs.retries, fs.config_kwargs, key) == (1, {"retries": {"total_max_attempts": 1}}, "bucket/key")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": {"retries": {"total_max_attempts": 3}}})
    assert store_calls._file_system(StorePath("s3://bucket/key"))[0].config_kwargs["retries"]["total_max_attempts"] == 3
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")  # Else gcsfs looks for Google's credentials.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    fs, _ = store_calls._file_system(StorePath("gs://bucket/key"))
    assert (fs.requests_timeout.sock_connect, fs.requests_timeout.sock_read) == (5.0, 15.0)


def test_missing_bucket_permission_and_credentials_are_named(s3: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(BuildError, match="s3://no-such-bucket isn't there"),
        publish("s3://no-such-bucket/x") as temporary,
    ):
        temporary.write_bytes(b"x")
    assert not as_path("s3://no-such-bucket/x").exists()
    path = put("secret.bin")
    for method, act in (("GET", path.read_bytes), ("PUT", lambda: put("secret.bin"))):
        s3.spoil(1, "denied", method, "secret.bin")
        with pytest.raises(BertdataError, match=r"secret\.bin: access is denied"):
            act()
    s3.spoil(1, "skewed", "GET", "secret.bin")
    with pytest.raises(OptionError, match=r"secret\.bin: this machine's clock and the store's differ"):
        path.read_bytes()
    with monkeypatch.context() as bare:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            bare.delenv(name)
        bare.setenv("HOME", "/nonexistent")
        forget_instances()
        with pytest.raises(OptionError, match="no credentials were found"):
            path.read_bytes()
    forget_instances()


def test_a_name_that_no_bucket_can_have_is_refused_at_once(s3: Faults) -> None:
    for url in ("s3://no bucket!/books", "s3://*/books"):
        with pytest.raises(OptionError, match="no bucket or key can have that name"):
            expand_sources("books", [url])
    assert not s3.requests


def test_a_pattern_of_keys_meets_folders_and_nothing_hidden(s3: Faults) -> None:
    names = ["odd/a.txt", "odd/.dot.txt", "odd/ünï/x.txt", "odd/ünï/.hid/q.txt", "odd/sub=x/q.txt"]
    add_objects(names, b"text")
    for pattern, found in {
        "*": ("a.txt", "sub=x/q.txt", "ünï/x.txt"),
        "*.txt": ("a.txt",),
        "**/*.txt": ("a.txt", "sub=x/q.txt", "ünï/x.txt"),
        "*/.hid/*": ("ünï/.hid/q.txt",),
    }.items():
        (source,) = expand_sources("books", [f"{ROOT}/odd/{pattern}"])
        assert source.names == found, pattern


def test_missing_driver_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(scheme: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    with pytest.raises(OptionError, match=r"pip install 'bertdata\[aws\]'"):
        as_path("s3://bucket/x").exists()
    monkeypatch.undo()
    with pytest.raises(OptionError, match="nowhere:// is no store that fsspec knows"):
        as_path("nowhere://bucket/x").exists()


def test_listing_asks_once_a_thousand_files_and_tells_sizes_and_versions(s3: Faults) -> None:
    add_objects([f"books/{n:04d}.txt" for n in range(2_500)], b"text 1")
    add_objects(["books/.hidden/x.txt", "books2/y.txt"], b"x")
    s3.requests.clear()
    (source,) = expand_sources("books", [f"{ROOT}/books"])
    assert source.names[:2] == ("0000.txt", "0001.txt")
    assert len(source.names) == 2_500
    assert source.files[7] == f"{ROOT}/books/0007.txt"
    assert {fingerprint(path).split("-")[0] for path in source.files} == {"6"}
    assert len(s3.requests) < 10
    (some,) = expand_sources("books", [f"mine={ROOT}/books/00[01]?.txt"])
    assert (some.name, len(some.names), some.names[0]) == ("mine", 20, "0000.txt")
    assert len(files_below(as_path(f"{ROOT}/books2"))) == 1


@pytest.mark.skipif(not os.environ.get("BERTDATA_MANY_OBJECTS"), reason="BERTDATA_MANY_OBJECTS=1 lists 100,000 objects")
def test_a_hundred_thousand_objects_are_a_hundred_pages(s3: Faults) -> None:
    add_objects([f"books/{n // 1000:03d}/{n:06d}.txt" for n in range(100_000)], b"text 1")
    s3.requests.clear()
    (source,) = expand_sources("books", [f"{ROOT}/books"])
    assert len(source.names) == 100_000
    assert source.names[99_999] == "099/099999.txt"
    pages = [request for request in s3.requests if request == f"GET /{BUCKET}"]
    assert len(pages) in (100, 101), Counter(s3.requests).most_common(5)
    assert len(s3.requests) < 110
    slices = plan_slices([source])
    assert sum(len(each.files) for each in slices) == 100_000
    assert len(s3.requests) < 110 + len(slices)  # Sizes came with the list.


def test_a_source_that_changed_has_another_fingerprint(s3: Faults) -> None:
    path = put("books/a.txt", b"one")
    expand_sources("books", [str(path.parent)])
    before = fingerprint(path)
    put("books/a.txt", b"two")
    expand_sources("books", [str(path)])
    assert fingerprint(path) != before


def test_a_copy_is_made_once_and_checked(s3: Faults) -> None:
    path = put("shard.arrow")
    digest = hashlib.sha256(CONTENT).hexdigest()
    s3.requests.clear()
    assert local_copy(path, digest).read_bytes() == CONTENT  # What was put is a copy already.
    assert not s3.requests
    with pytest.raises(FormatError, match="isn't the file that was written"):
        local_copy(path, "0" * 64)
    assert not [
        p for p in store_cache.cache_folder().iterdir() if p.name.endswith(".tmp") or p.name.startswith("0" * 64)
    ]


def test_cache_stays_within_its_bound(s3: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTDATA_CACHE_BYTES", "2000000")
    monkeypatch.setattr(store_cache, "_GRACE_SECONDS", -1)
    paths = [put(f"shards/{n}.bin", CONTENT + bytes([n])) for n in range(5)]
    kept = [p for p in store_cache.cache_folder().iterdir() if p.suffix != ".lock"]
    assert sum(p.stat().st_size for p in kept) <= 2_000_000
    assert len(kept) == 2
    assert local_copy(paths[0], hashlib.sha256(CONTENT + b"\0").hexdigest()).read_bytes() == CONTENT + b"\0"
    with pytest.raises(OptionError, match="BERTDATA_CACHE_BYTES"):
        fetch_copies(paths, [""] * 5)
    monkeypatch.setenv("BERTDATA_CACHE_BYTES", "2GB")
    with pytest.raises(OptionError, match="a number of bytes"):
        fetch_copies(paths, [""] * 5)


def test_only_copies_and_old_temporary_files_make_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BERTDATA_CACHE", str(tmp_path))
    monkeypatch.setenv("BERTDATA_CACHE_BYTES", "1")
    stay = ["beam-spark-job-server-0123456789ab.jar", "precious.txt", ".ab.lock", "ab" * 16, ".a.arrow.17-0123abcd.bak"]
    stay += ["folder/" + "cd" * 32, "ef" * 32 + "/within.txt"]
    go = ["ab" * 32, ".a.arrow.17-0123abcd.tmp", ".w.parquet.17-0123abcd.spill", ".w.17-0123abcd-3.merged"]
    two_days_ago = time.time() - 2 * 86_400
    for name in (*stay, *go):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("twelve bytes")
        os.utime(tmp_path / name, (two_days_ago, two_days_ago))
    os.utime(tmp_path / ("ef" * 32), (two_days_ago, two_days_ago))
    (tmp_path / ("00" * 32)).symlink_to(tmp_path / "precious.txt")
    (tmp_path / ".b.arrow.17-0123abcd.tmp").write_text("still written, or about to be put")
    os.utime(tmp_path / ".b.arrow.17-0123abcd.tmp", (time.time() - 3600,) * 2)
    store_cache.make_room()
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if not path.is_dir()}
    assert left == {*stay, "00" * 32, ".b.arrow.17-0123abcd.tmp"}


@pytest.fixture
def quick_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_lock, "WAIT_SECONDS", 2.0)
    monkeypatch.setattr(store_lock, "_RENEW_SECONDS", 0.3)
    monkeypatch.setattr(store_lock, "_SETTLE_SECONDS", 0.2)


def lock_path() -> StorePath:
    path = as_path(f"{ROOT}/corpus/.work/lock")
    assert isinstance(path, StorePath)
    return path


def test_a_held_lock_refuses_a_second_holder(s3: Faults, quick_lock: None) -> None:
    refused = pytest.raises(BuildError, match=r"Another build is at work in s3://.*/corpus ")
    with store_lock.hold(lock_path()), refused, store_lock.hold(lock_path()):
        pass
    assert not lock_path().exists()
    with store_lock.hold(lock_path()):  # Free again.
        assert lock_path().exists()


def test_a_lock_that_nobody_renews_is_taken_whatever_the_clocks_say(
    s3: Faults, quick_lock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("corpus/.work/lock", b"elsewhere 17 deadbeef 3")
    # A clock that is a day behind, as a machine's may be; only the monotonic one is looked at.
    monkeypatch.setattr(time, "time", lambda: 1.0)
    began = time.monotonic()
    with store_lock.hold(lock_path()):
        assert 2.0 <= time.monotonic() - began < 30
    assert not lock_path().exists()


def test_a_build_whose_lock_was_taken_ends(s3: Faults, quick_lock: None) -> None:
    with pytest.raises(BuildError, match="Another build took"), store_lock.hold(lock_path()):
        put("corpus/.work/lock", b"elsewhere 17 deadbeef 0")
        threading.Event().wait(20)
    assert lock_path().read_text().startswith("elsewhere")


def stand_still(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the clock of locks be so much later, as after a sleep of this machine."""
    now = store_lock._now
    monkeypatch.setattr(store_lock, "_now", lambda: now() + seconds)


def take_and_finish() -> None:
    """Take a lock that nobody renews, and leave it, as a build does that comes after one that stands still."""
    lock_path().unlink()
    put("corpus/manifest.json", b"theirs")


@pytest.mark.parametrize("act", ["publish", "reopen", "complete", "remove_from", "leave"])
def test_a_build_that_stood_still_writes_nothing_once_another_has_finished(
    act: str, s3: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lock_path().parents[1]
    step = Step(folder, "vocab", {}, {})
    acts: dict[str, Callable[[], object]] = {
        "publish": lambda: put("corpus/vocab/vocab.txt"),
        "reopen": step.reopen,
        "complete": lambda: step.complete({}),
        "remove_from": lambda: remove_from(folder, "extract"),
        "leave": lambda: None,
    }
    monkeypatch.setattr(store_lock, "_RENEW_SECONDS", 60.0)  # Its thread hasn't looked yet.
    with pytest.raises(BuildError, match=r"Another build took s3://.*/corpus over"), lock_folder(folder):
        put("corpus/.work/vocab/1.json", b"mine")
        take_and_finish()
        stand_still(monkeypatch, 11)
        acts[act]()
    assert [path.name for path in files_below(folder)] == ["1.json", "manifest.json"]


def test_a_lock_that_was_removed_by_hand_is_written_again(s3: Faults, quick_lock: None) -> None:
    with lock_folder(lock_path().parents[1]):
        lock_path().unlink()
        threading.Event().wait(1.0)
        assert lock_path().exists()
        put("corpus/vocab.txt")


def test_an_answer_from_before_a_pause_is_asked_for_again(s3: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match="Another build took"), store_lock.hold(lock_path()):
        stand_still(monkeypatch, 11)  # So that the lock is looked at, and stands still while it is.
        read = store_lock._read

        def slow(path: StorePath) -> str:
            found = read(path)
            monkeypatch.setattr(store_lock, "_read", read)
            stand_still(monkeypatch, 11)
            lock_path().unlink()  # Another one took it, finished, and left.
            return found

        monkeypatch.setattr(store_lock, "_read", slow)
        store_lock.check_lock(lock_path().parents[1] / "vocab.txt")
    assert not lock_path().exists()


def test_a_worker_asks_now_and_then_whether_its_build_has_the_lock(s3: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_lock, "_known", {})
    put("corpus/.work/lock", b"elsewhere 17 deadbeef 3")
    for _ in range(3):
        store_lock.work_for(lock_path(), "elsewhere 17 deadbeef")
        put("corpus/documents/0.parquet")
    assert sum(request == f"GET /{BUCKET}/corpus/.work/lock" for request in s3.requests) == 1
    put("corpus/.work/lock", b"another 18 cafe 0")
    put("corpus/documents/0.parquet")  # Seen of late: nobody has taken it and worked so soon.
    stand_still(monkeypatch, 6)
    with pytest.raises(BuildError, match="Another build took"):
        put("corpus/documents/0.parquet", b"stale")
    assert as_path(f"{ROOT}/corpus/documents/0.parquet").read_bytes() == CONTENT
    assert lock_path().read_text() == "another 18 cafe 0"


def test_in_a_file_system_a_file_is_put_into_the_work_folder_and_renamed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    # fsspec's memory, taken for a file system such as HDFS, where a file is seen while it is written.
    monkeypatch.setattr(store, "OBJECT_STORES", frozenset())
    monkeypatch.setenv("BERTDATA_CACHE", str(tmp_path))
    moved: list[tuple[str, str]] = []
    move = MemoryFileSystem.mv

    def noted(self: MemoryFileSystem, source: str, target: str, **options: object) -> None:
        moved.append((source, target))
        move(self, source, target, **options)

    monkeypatch.setattr(MemoryFileSystem, "mv", noted)
    root = as_path("memory://corpus")
    try:
        with lock_folder(root):
            for content in (b"one", b"two"):
                with publish(root / "shards" / "a.arrow") as temporary:
                    temporary.write_bytes(content)
        assert (root / "shards" / "a.arrow").read_bytes() == b"two"
        assert [path.name for path in files_below(root)] == ["a.arrow"]
    finally:
        MemoryFileSystem.store.clear()
    assert len(moved) == 2
    assert all(re.fullmatch(r"/corpus/\.work/\.a\.arrow\..*\.tmp", source) for source, _ in moved)
    assert {target for _, target in moved} == {"/corpus/shards/a.arrow"}

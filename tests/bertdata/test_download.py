from __future__ import annotations

import bz2
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bertdata.errors import InputError
from bertdata.extract.download import download_files
from bertdata.extract.published import RemoteFile, find_files, list_published, wiki_name


class Mirror:
    """A server of some files that can cut connections, ignore ranges and be down; it notes what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []  # Bytes sent of the answers to come, before the connection is cut.
        self.asked: list[tuple[str, str | None]] = []
        self.has_ranges, self.broken, self.slow = True, 0, 0.0
        self.open = self.most_open = 0
        self.lock = threading.Lock()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        if self.broken:
            self.broken -= 1
            request.send_error(503)
            return
        if (listing := self.listing(request.path)) is not None:
            body, start = listing, 0
        elif request.path not in self.files:
            request.send_error(404)
            return
        else:
            body, start = self.files[request.path], 0
        if wanted and self.has_ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                request.send_error(416)
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        self.wait()
        cut = self.cuts.pop(0) if self.cuts and request.path.endswith(".bz2") else len(body)
        request.wfile.write(body[start : start + cut])

    def wait(self) -> None:
        """Count who waits for a body; a client that has its last byte may ask again before its handler has ended."""
        with self.lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        time.sleep(self.slow)
        with self.lock:
            self.open -= 1

    def listing(self, path: str) -> bytes | None:
        names = {name[len(path) :].split("/")[0] for name in self.files if name.startswith(path) and path.endswith("/")}
        if not names:
            return None
        return "".join(f'<a href="{name}/">{name}/</a>\n' for name in sorted({*names, ".."})).encode()

    def file(self, name: str, data: bytes) -> RemoteFile:
        self.files[f"/{name}"] = data
        return RemoteFile(name, f"{self.url}/{name}", "sha256", hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    made = Mirror()
    yield made
    made.server.shutdown()
    made.server.server_close()


DATA = bytes(range(256)) * 4000
CONTENT = "/other/mediawiki_content_current/ltgwiki"


def add_content(mirror: Mirror, date: str, parts: dict[str, bytes], is_complete: bool = True) -> None:
    folder = f"{CONTENT}/{date}/xml/bzip2"
    for name, data in parts.items():
        mirror.files[f"{folder}/{name}"] = data
    if is_complete:
        sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in parts.items())
        mirror.files[f"{folder}/SHA256SUMS"] = sums.encode()


def add_legacy(mirror: Mirror, date: str, jobs: dict[str, str], names: tuple[str, ...]) -> None:
    files = {}
    for name in names:
        data = f"{date} {name}".encode()
        mirror.files[f"/ltgwiki/{date}/{name}"] = data
        files[name] = {"size": len(data), "sha1": hashlib.sha1(data).hexdigest(), "url": f"/ltgwiki/{date}/{name}"}
    status = {"jobs": {job: {"status": state, "files": files} for job, state in jobs.items()}}
    mirror.files[f"/ltgwiki/{date}/dumpstatus.json"] = json.dumps(status).encode()


def parts_of(date: str, *ranges: str) -> dict[str, bytes]:
    return {f"ltgwiki-{date}-{r}.xml.bz2": f"{date} {r}".encode() for r in ranges}


def test_files_arrive_whole_and_checked(mirror: Mirror, tmp_path: Path) -> None:
    seen: dict[str, tuple[int, int | None]] = {}
    files = [mirror.file(f"{n}.bz2", DATA[n:]) for n in range(5)]
    paths = download_files(files, tmp_path / "new", lambda name, done, total: seen.update({name: (done, total)}))
    assert [path.read_bytes() for path in paths] == [DATA[n:] for n in range(5)]
    assert seen == {f"{n}.bz2": (len(DATA) - n, len(DATA) - n) for n in range(5)}
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [f"{n}.bz2" for n in range(5)]


def test_connections_are_two_at_most(mirror: Mirror, tmp_path: Path) -> None:
    mirror.slow = 0.05
    download_files([mirror.file(f"{n}.bz2", b"x") for n in range(6)], tmp_path)
    assert mirror.most_open == 2


def test_broken_connection_goes_on_where_it_broke(mirror: Mirror, tmp_path: Path) -> None:
    mirror.cuts = [300_000, 1, 500_000]
    (path,) = download_files([mirror.file("a.bz2", DATA)], tmp_path, waits=(0.0, 0.0))
    assert path.read_bytes() == DATA
    ranges = [asked for _, asked in mirror.asked]
    assert ranges == [None, "bytes=300000-", "bytes=300001-", "bytes=800001-"]


def test_part_of_an_earlier_run_goes_on(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "a.bz2.part").write_bytes(DATA[:1000])
    (path,) = download_files([mirror.file("a.bz2", DATA)], tmp_path)
    assert path.read_bytes() == DATA and mirror.asked == [("/a.bz2", "bytes=1000-")]
    assert not (tmp_path / "a.bz2.part").exists()


@pytest.mark.parametrize("part", [DATA, DATA + b"more", b"other" * 100, DATA[:-1] + b"?"])
def test_part_that_is_whole_too_long_or_of_another_file_ends_right(mirror: Mirror, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "a.bz2.part").write_bytes(part)
    (path,) = download_files([mirror.file("a.bz2", DATA)], tmp_path)
    assert path.read_bytes() == DATA


def test_server_without_ranges_begins_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.has_ranges, mirror.cuts = False, [400_000]
    (path,) = download_files([mirror.file("a.bz2", DATA)], tmp_path, waits=(0.0,))
    assert path.read_bytes() == DATA


def test_file_that_is_there_is_not_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    file = mirror.file("a.bz2", DATA)
    (tmp_path / "a.bz2").write_bytes(DATA)
    assert download_files([file], tmp_path) == [tmp_path / "a.bz2"] and mirror.asked == []
    (tmp_path / "a.bz2").write_bytes(b"damaged")
    download_files([file], tmp_path)
    assert (tmp_path / "a.bz2").read_bytes() == DATA


def test_wrong_checksum_is_an_error_and_leaves_no_file(mirror: Mirror, tmp_path: Path) -> None:
    file = mirror.file("a.bz2", DATA)
    mirror.files["/a.bz2"] = DATA[:-1] + b"?"
    with pytest.raises(InputError, match=r"a\.bz2 has the wrong sha256 .* twice"):
        download_files([file], tmp_path)
    assert list(tmp_path.iterdir()) == [] and len(mirror.asked) == 2


def test_server_that_is_down_for_a_moment_is_asked_again(mirror: Mirror, tmp_path: Path) -> None:
    file, mirror.broken = mirror.file("a.bz2", DATA), 2
    assert download_files([file], tmp_path, waits=(0.0, 0.0))[0].read_bytes() == DATA


def test_server_that_stays_away_is_named_and_the_part_is_kept(mirror: Mirror, tmp_path: Path) -> None:
    file, mirror.cuts = mirror.file("a.bz2", DATA), [1000, 0, 0, 0]
    with pytest.raises(InputError, match=r"a\.bz2 can't be reached .*run the same command again"):
        download_files([file], tmp_path, waits=(0.0,))
    assert (tmp_path / "a.bz2.part").read_bytes() == DATA[:1000]


def test_file_that_is_gone_is_an_error_at_once(mirror: Mirror, tmp_path: Path) -> None:
    file = RemoteFile("b.bz2", f"{mirror.url}/b.bz2", "sha1", "0")
    with pytest.raises(InputError, match="answers 404"):
        download_files([file], tmp_path)
    assert len(mirror.asked) == 1


def test_newest_complete_content_export_is_found(mirror: Mirror) -> None:
    add_content(mirror, "2026-08-01", parts_of("2026-08-01", "p1p9"))
    add_content(mirror, "2026-09-01", parts_of("2026-09-01", "p1p500", "p501p900"))
    add_content(mirror, "2026-10-01", parts_of("2026-10-01", "p1p500"), is_complete=False)
    add_legacy(mirror, "20261001", {"articlesdump": "done"}, ("ltgwiki-20261001-pages-articles.xml.bz2",))
    published, files = find_files("ltgwiki", mirror=mirror.url)
    assert (published.date, published.form) == ("20260901", "content")
    assert [file.name for file in files] == list(parts_of("2026-09-01", "p1p500", "p501p900"))
    assert {file.algorithm for file in files} == {"sha256"}
    assert [p.date for p in list_published("ltgwiki", mirror.url)] == ["20261001", "20261001", "20260901", "20260801"]


def test_date_and_form_are_taken_at_their_word(mirror: Mirror) -> None:
    add_content(mirror, "2026-08-01", parts_of("2026-08-01", "p1p9"))
    add_content(mirror, "2026-09-01", parts_of("2026-09-01", "p1p9"))
    add_legacy(mirror, "20260901", {"articlesdump": "done"}, ("ltgwiki-20260901-pages-articles.xml.bz2",))
    assert find_files("ltgwiki", "20260801", mirror=mirror.url)[0].date == "20260801"
    assert find_files("ltgwiki", form="legacy", mirror=mirror.url)[1][0].algorithm == "sha1"
    with pytest.raises(InputError, match="is of 20260701: there are 20260901, 20260801"):
        find_files("ltgwiki", "20260701", mirror=mirror.url)


def test_legacy_dump_is_taken_where_no_export_is_complete(mirror: Mirror) -> None:
    multistream = ("ltgwiki-20260901-pages-articles-multistream.xml.bz2",)
    index = ("ltgwiki-20260901-pages-articles-multistream-index.txt.bz2",)
    add_legacy(mirror, "20260901", {"articlesmultistreamdump": "done", "articlesdump": "done"}, multistream + index)
    add_legacy(mirror, "20261001", {"articlesmultistreamdump": "in-progress"}, multistream)
    add_content(mirror, "2026-10-01", parts_of("2026-10-01", "p1p500"), is_complete=False)
    published, files = find_files("ltgwiki", mirror=mirror.url)
    assert (published.date, published.form, [file.name for file in files]) == ("20260901", "legacy", list(multistream))


def test_export_with_a_missing_part_is_refused(mirror: Mirror) -> None:
    add_content(mirror, "2026-09-01", parts_of("2026-09-01", "p1p500", "p601p900"))
    with pytest.raises(InputError, match="pages 501 to 600 are missing"):
        find_files("ltgwiki", mirror=mirror.url)


def test_nothing_complete_names_the_dates(mirror: Mirror) -> None:
    add_content(mirror, "2026-10-01", parts_of("2026-10-01", "p1p500"), is_complete=False)
    with pytest.raises(InputError, match="is complete: there are 20261001"):
        find_files("ltgwiki", mirror=mirror.url)
    add_content(mirror, "2026-09-01", parts_of("2026-09-01", "p1p500"))
    with pytest.raises(InputError, match=r"of 20261001 at .* isn't complete yet; of other dates there are 20260901"):
        find_files("ltgwiki", "20261001", mirror=mirror.url)


def test_unknown_wiki_and_server_that_is_not_there_are_named(mirror: Mirror) -> None:
    with pytest.raises(InputError, match="has no dump of xxwiki: check the language code"):
        find_files("xxwiki", mirror=mirror.url)
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9/.*can't be reached"):
        find_files("xxwiki", mirror="http://127.0.0.1:9")
    with pytest.raises(InputError, match="no http or https address"):
        find_files("xxwiki", mirror="dumps.example.org")


@pytest.mark.parametrize("status", [b"[]", b"{}", b"not json", b'{"jobs": {"articlesdump": {"status": "done"}}}'])
def test_status_that_is_no_status_is_no_traceback(mirror: Mirror, status: bytes) -> None:
    mirror.files["/ltgwiki/20260901/dumpstatus.json"] = status
    with pytest.raises(InputError):
        find_files("ltgwiki", mirror=mirror.url)


def test_language_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="etc' is no language code"):
        wiki_name("../etc")


def test_names_that_lead_out_of_the_folder_are_not_taken(mirror: Mirror) -> None:
    name = "../../x-pages-articles.xml.bz2"
    add_legacy(mirror, "20260901", {"articlesdump": "done"}, (name,))
    with pytest.raises(InputError, match="is complete"):
        find_files("ltgwiki", mirror=mirror.url)


def test_command_downloads_what_extract_reads(mirror: Mirror, tmp_path: Path) -> None:
    from bertdata.extract.dump import plan_dump
    from cli.download import command

    xml = "<mediawiki><page><title>T</title><ns>0</ns><id>1</id></page></mediawiki>"
    add_content(mirror, "2026-09-01", {"ltgwiki-2026-09-01-p1p9.xml.bz2": bz2.compress(xml.encode())})
    arguments = ["wikipedia", "--language", "ltg", "--mirror", mirror.url, "--output", str(tmp_path), "--json"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    (row,) = json.loads(result.stdout)
    assert row["checked by"] == "sha256" and plan_dump(row["file"])[0][2] == "bz2"
    listed = CliRunner().invoke(command, [*arguments, "--list"], catch_exceptions=False)
    assert [entry["date"] for entry in json.loads(listed.stdout)] == ["20260901"]

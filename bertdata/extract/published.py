"""Find what Wikimedia publishes of a wiki: which dates, whether complete, which files with which checksums.

Two forms, both made in 2026: content exports (`other/mediawiki_content_current/`, complete once `SHA256SUMS` is there)
and legacy dumps (complete once `dumpstatus.json` says so). Any mirror with the same folders will do.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Literal
from urllib.parse import quote, urljoin

from bertdata.errors import InputError
from bertdata.extract.dump import check_parts

MIRROR = "https://dumps.wikimedia.org"
USER_AGENT = "bertdata-download (BERT pretraining data; at most two connections)"
TIMEOUT_SECONDS = 60.0
# A listing or a file of sums is kilobytes; something huge is no listing.
_MAX_LISTING = 64 << 20

Form = Literal["content", "legacy"]
# Legacy jobs that hold the articles, the best first: what it is cut into doesn't matter, and nothing else differs.
_JOBS = ("articlesmultistreamdump", "articlesmultistreamdumprecombine", "articlesdump", "articlesdumprecombine")
_LEGACY_NAME = re.compile(r"[^/]+-pages-articles(-multistream)?\d*\.xml(-p\d+p\d+)?\.bz2")
_CONTENT_NAME = re.compile(r"[^/]+\.xml\.bz2")
_SUM_LINE = re.compile(r"([0-9a-fA-F]{64})\s+\*?(?:.*/)?([^/\s]+)\s*")
# Wikis whose code isn't their language's.
_CODES = {
    "be-tarask": "be_x_old",
    "gsw": "als",
    "lzh": "zh_classical",
    "nan": "zh_min_nan",
    "nb": "no",
    "rup": "roa_rup",
    "sgs": "bat_smg",
    "vro": "fiu_vro",
    "yue": "zh_yue",
}


@dataclass(frozen=True)
class Published:
    """One date of one form; `date` is written YYYYMMDD."""

    wiki: str
    date: str
    form: Form
    url: str


@dataclass(frozen=True)
class RemoteFile:
    """A file to download: `digest` in hex by `algorithm` (a name of hashlib), its size where that is published."""

    name: str
    url: str
    algorithm: str
    digest: str
    num_bytes: int | None = None


def wiki_name(language: str) -> str:
    """Return the database name of a language's Wikipedia.

    >>> wiki_name("simple"), wiki_name("be-tarask"), wiki_name("zh-min-nan"), wiki_name("elwiki")
    ('simplewiki', 'be_x_oldwiki', 'zh_min_nanwiki', 'elwiki')
    """
    code = language.strip().lower()
    if not re.fullmatch(r"[a-z][a-z_-]*", code):
        raise InputError(f"{language!r} is no language code: give one as Wikipedia does, such as en, simple or zh-yue")
    return code if code.endswith("wiki") else f"{_CODES.get(code, code).replace('-', '_')}wiki"


def list_published(wiki: str, mirror: str = MIRROR) -> list[Published]:
    """Return what is published of a wiki, complete or not, the newest first; content before legacy of the same date.

    Raises InputError where the mirror has nothing of this wiki, or can't be reached.
    """
    roots: tuple[tuple[Form, str], ...] = (
        ("content", f"{mirror.rstrip('/')}/other/mediawiki_content_current/{wiki}/"),
        ("legacy", f"{mirror.rstrip('/')}/{wiki}/"),
    )
    found = []
    for form, root in roots:
        for date in re.findall(r'href="(?:[^"]*/)?(\d{4}-?\d{2}-?\d{2})/?"', read_text(root) or ""):
            found.append(Published(wiki, date.replace("-", ""), form, urljoin(root, f"{date}/")))
    if not found:
        raise InputError(f"{mirror} has no dump of {wiki}: check the language code, or try another --mirror")
    return sorted(set(found), key=lambda p: (p.date, p.form == "content"), reverse=True)


def find_files(
    wiki: str, date: str | None = None, form: Form | None = None, mirror: str = MIRROR
) -> tuple[Published, list[RemoteFile]]:
    """Return the newest complete dump, of one date and form where they are given, and its files.

    A content export is preferred to a legacy dump, whatever their dates: it is what Wikimedia keeps up.

    Raises InputError where nothing complete is there, with the dates that are, and where a part of it is missing.
    """
    published = list_published(wiki, mirror)
    wanted = [p for p in published if date in (None, p.date) and form in (None, p.form)]
    for candidate in sorted(wanted, key=lambda p: p.form):
        if files := published_files(candidate):
            check_parts(file.name for file in files)
            return candidate, files
    dates = ", ".join(dict.fromkeys(p.date for p in published if form in (None, p.form))) or "none"
    if wanted and date:
        others = ", ".join(dict.fromkeys(p.date for p in published if p.date != date)) or "none"
        raise InputError(
            f"the dump of {wiki} of {date} at {mirror} isn't complete yet; of other dates there are {others}"
        )
    why = "is complete" if wanted else f"is of {date}" if date else f"is in form {form}"
    raise InputError(f"no dump of {wiki} at {mirror} {why}: there are {dates}")


def published_files(published: Published) -> list[RemoteFile]:
    """Return the files of a dump with its articles; none while it isn't complete."""
    return _content_files(published) if published.form == "content" else _legacy_files(published)


def _content_files(published: Published) -> list[RemoteFile]:
    root = urljoin(published.url, "xml/bzip2/")
    sums = read_text(urljoin(root, "SHA256SUMS"))
    matches = [_SUM_LINE.fullmatch(line) for line in (sums or "").splitlines()]
    files = [(m[2], m[1].lower()) for m in matches if m and _CONTENT_NAME.fullmatch(m[2])]
    return [RemoteFile(name, urljoin(root, quote(name)), "sha256", digest) for name, digest in sorted(files)]


def _legacy_files(published: Published) -> list[RemoteFile]:
    status = read_text(urljoin(published.url, "dumpstatus.json"))
    try:
        jobs: dict[str, Any] = json.loads(status)["jobs"] if status else {}
        for job in _JOBS:
            if jobs.get(job, {}).get("status") == "done":
                return [
                    RemoteFile(name, urljoin(published.url, quote(name)), "sha1", file["sha1"], file.get("size"))
                    for name, file in sorted(jobs[job]["files"].items())
                    if _LEGACY_NAME.fullmatch(name)
                ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{published.url}dumpstatus.json isn't what it should be ({error!r}): try again later"
        ) from error
    return []


def read_text(url: str) -> str | None:
    """Return what a small page holds, None where there is none (404).

    Raises InputError where the server can't be reached or refuses.
    """
    try:
        with open_url(url) as response:
            text: bytes = response.read(_MAX_LISTING)
            return text.decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        raise InputError(f"{url} answers {error.code} {error.reason}: try again later, or another --mirror") from error
    except (OSError, HTTPException) as error:
        raise unreachable(url, error) from error


def open_url(url: str, headers: Sequence[tuple[str, str]] = ()) -> Any:
    """Open a URL; the caller closes the response. Raises what urllib raises."""
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url} is no http or https address: give --mirror one")
    request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT, **dict(headers)})
    return urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)


def unreachable(url: str, error: Exception) -> InputError:
    """Return the problem that a server can't be reached."""
    reason = getattr(error, "reason", None) or error
    return InputError(f"{url} can't be reached ({reason}): check the connection, then run the same command again")

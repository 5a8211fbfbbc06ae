"""The page about a corpus says what the manifest and the shards say, whatever the corpus, and loads nothing."""

from __future__ import annotations

import copy
import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertdata.batch_plan import BatchPlan
from bertdata.look import ShownExample, Word, sample_examples
from bertdata.manifest import read_manifest
from bertdata.order import ReadOrder
from bertdata.promises import Share
from bertdata.report import report_page, write_report
from bertdata.report_examples import _article, example_pairs
from bertdata.report_figures import bars, binned
from bertdata.report_numbers import by_length, padding, shares_of
from bertdata.report_page import escape, table, tolerance
from bertdata.verify import verify_corpus
from cli.main import run
from tests.corpora import SMALL, dump_xml, write_books

VOID = {"meta", "br", "link", "img"}


class Elements(HTMLParser):
    """Reads a page strictly: elements must close in order; keeps what a test asks for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def check_alone(page: str) -> Elements:
    """Check that a page is whole, runs nothing and asks nobody for anything."""
    found = Elements(page)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page)
    assert not {tag for tag, _ in found.tags} & {"script", "img", "link", "iframe", "object", "embed", "base"}
    for _, attributes in found.tags:
        for key, value in attributes.items():
            assert not key.startswith("on"), key
            assert key not in ("src", "srcset", "action"), key
            assert not key.endswith("href") or (value or "").startswith("#")
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    targets = [v for _, attributes in found.tags for k, v in attributes.items() if k.endswith("href")]
    assert {str(target)[1:] for target in targets} <= set(ids)
    return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_books(folder / "books")
    (folder / "testwiki.xml").write_text(dump_xml(20), encoding="utf-8")
    (folder / "books" / "empty.txt").write_text("\n", encoding="utf-8")
    given = ["--wikipedia", str(folder / "testwiki.xml"), "--books", str(folder / "books"), "--license", "CC0-1.0"]
    output = folder / "corpus"
    args = ["build-corpus", *given, "--output", str(output), *SMALL, "--max-seq-length", "32", "--workers", "1"]
    assert run(args) == 0
    return output


OTHERS = {
    "none, whole words, no validation": ("none", "whole-word", "0", "1"),
    "sop, spans": ("sop", "span", "0.1", "1"),
    "original, twice": ("original", "token", "0.1", "2"),
}


@pytest.fixture(scope="module", params=OTHERS)
def other(request: pytest.FixtureRequest, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same documents with other examples."""
    pairs, masking, fraction, dupes = OTHERS[request.param]
    folder = tmp_path_factory.mktemp("other") / "corpus"
    made_of_examples = shutil.ignore_patterns("shards", "examples-*.json", "manifest.json", "*.html")
    shutil.copytree(corpus, folder, ignore=made_of_examples)
    given = ["--pairs", pairs, "--masking", masking, "--validation-fraction", fraction, "--dupe-factor", dupes]
    assert run(["build-examples", str(folder), *SMALL[2:6], *given, "--workers", "1"]) == 0
    return folder


def test_build_writes_the_page_that_the_command_writes(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(corpus), "--output", str(tmp_path / "about.html")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "about.html")
    assert (tmp_path / "about.html").read_bytes() == (corpus / "report.html").read_bytes()


def test_page_holds_the_manifests_values(corpus: Path) -> None:
    manifest = read_manifest(corpus)
    found = check_alone((corpus / "report.html").read_text(encoding="utf-8"))
    words = found.words()
    assert "32 documents as BERT pretraining examples of up to 32 and 64 tokens" in words
    assert "Source Documents Skipped Rejected books 12 0 1 testwiki 20 0 0" in words
    assert "books rejected" in words
    assert "CC0-1.0 12" in words
    assert "CC-BY-SA-4.0 20" in words
    assert f"Seed {manifest['seed']}." in words
    splits = manifest["splits"]
    assert set(splits) == {"32/train", "32/validation", "64/train", "64/validation"}
    for key, split in splits.items():
        mean = split["tokens"] / split["examples"]
        assert f"{key} {split['examples']:,} {split['tokens']:,} {mean:.1f}" in words
        assert f"{key} {len(split['files']):,} {sum(f['rows'] for f in split['files']):,}" in words
        assert f"{key}: {split['statistics']['masked']:,} tokens to predict" in words
    assert f"Examples {sum(split['examples'] for split in splits.values()):,}" in words
    assert "Shares as promised 20 of 20" in words
    assert f"Words of the corpus {manifest['vocab']['words']:,} {manifest['vocab']['distinct_words']:,}" in words
    assert all(source["sha256"][:12] in words for source in manifest["sources"])
    assert all(name in words for name in (*manifest["options"]["examples"], *manifest["options"]["extract"]))


def test_page_has_no_date_no_time_and_no_path(corpus: Path, tmp_path: Path) -> None:
    page = (corpus / "report.html").read_text(encoding="utf-8")
    manifest = read_manifest(corpus)
    assert manifest["created"][:10] not in page
    assert str(corpus.parent) not in page
    shutil.copytree(corpus, tmp_path / "elsewhere")
    manifest |= {"created": "1999-01-01T00:00:00+00:00", "seconds": {"extract": 99.0}}
    assert report_page(tmp_path / "elsewhere", manifest) == page


def test_shares_are_those_that_verify_checks(corpus: Path, other: Path) -> None:
    for folder in (corpus, other):
        manifest = read_manifest(folder)
        checks = {check.name: check for check in verify_corpus(folder)}
        for key in by_length(manifest):
            shares = shares_of(manifest, key)
            assert len(shares) == (4 if manifest["options"]["examples"]["pairs"] == "none" else 5)
            for share in shares:
                check = checks[f"shards/{key}: {share.name}"]
                assert share.passed
                assert check.passed
                if share.name.startswith("masked as") or share.name.startswith("masked b"):
                    # Verify can't see that a random word was drawn where it is the right one: once in 150 here.
                    assert float(share.expected[:6]) in (0.8, 0.1)
                    assert share.found == pytest.approx(float(check.got), abs=0.01)
                else:
                    assert (share.expected, f"{share.found:.4f}") == (check.expected, check.got)


def test_page_of_other_pairs_masks_and_splits(other: Path) -> None:
    manifest = read_manifest(other)
    options = manifest["options"]["examples"]
    found = check_alone((other / "report.html").read_text(encoding="utf-8"))
    words = found.words()
    assert ("64/validation" in words) == (options["validation_fraction"] > 0)
    assert ("share random next" in words) == (options["pairs"] == "original")
    assert ("share swapped" in words) == (options["pairs"] == "sop")
    labels = {"none": (), "sop": ("in order", "swapped"), "original": ("B follows A", "B is random")}[options["pairs"]]
    examples = words[words.index("drawn at random") :]
    assert not labels or any(label in examples for label in labels)
    assert len([tag for tag, _ in found.tags if tag == "article"]) == 10
    sides = [tag for tag, attributes in found.tags if tag == "p" and attributes.get("dir") == "auto"]
    assert len(sides) == (10 if options["pairs"] == "none" else 20)


def test_examples_are_the_shards_rows_with_their_documents(corpus: Path) -> None:
    manifest = read_manifest(corpus)
    shown = example_pairs(corpus, manifest)
    examples = sample_examples(corpus, 32, "train", 10, 1)
    for kind in ("masked", "random", "kept"):
        # One more stands in the legend.
        marks = sum(word.mark == kind for example in examples for word in example.words)
        assert shown.count(f'class="m {kind}"') == marks + 1
    words = Elements(shown).words()
    for example in examples:
        assert f"Example {example.number:,}" in words
        for document in (example.document_a, example.document_b):
            assert document.startswith(("books/", "testwiki/"))
            assert f"from {document}" in words


def test_page_of_a_corpus_whose_other_folders_were_removed(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    shutil.copytree(corpus, folder)
    manifest = read_manifest(folder)
    for name in ("documents", "rejected", "tokens", "steps"):
        shutil.rmtree(folder / name, ignore_errors=True)
    words = check_alone(report_page(folder, manifest)).words()
    assert "from hash " in words
    (folder / "vocab" / "word_counts.parquet").unlink()
    words = check_alone(report_page(folder, manifest)).words()
    assert f"Tokens of the corpus {manifest['tokens']['tokens']:,}" in words
    assert "Pieces per word" not in words
    shutil.rmtree(folder / "shards")
    words = check_alone(report_page(folder, manifest)).words()
    assert "No examples can be shown: " in words
    assert str(tmp_path) not in words


HOSTILE = ["<script>alert(1)</script>", '" onload="x', "</style></title>", "\u202eevil", "&lt;", "'><img src=x>"]
HOSTILE.append("a\x00b\ud800")


def test_hostile_names_are_shown_and_do_nothing(corpus: Path) -> None:
    manifest = copy.deepcopy(read_manifest(corpus))
    manifest["documents"] |= {
        "by_source": dict.fromkeys(HOSTILE, 1),
        "licenses": dict.fromkeys(HOSTILE, 2),
        "lost": list(HOSTILE),
    }
    manifest["skipped"] = {name: dict.fromkeys(HOSTILE, 3) for name in HOSTILE}
    manifest["rejected"]["by_source"] = manifest["skipped"]
    manifest["rules"] = {f"hole:{name}": 4 for name in HOSTILE} | dict.fromkeys(HOSTILE, 5)
    manifest["sources"] = [{"name": n, "kind": "books", "bytes": 1, "sha256": "0" * 64} for n in HOSTILE]
    manifest["options"]["extract"]["keep_templates"] = list(HOSTILE)
    page = report_page(corpus, manifest)
    page.encode("utf-8")
    words = check_alone(page).words()
    for name in HOSTILE[:4]:
        assert name in words
    # Once as a source, twice as one that skips and rejects, and so on: nothing was dropped.
    assert words.count("a\ufffdb\ufffd") > 10


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("a & b", "a &amp; b"), ("\x1b[31m", "\ufffd[31m"), ("\udc80", "\ufffd"), ("\"'", "&quot;&#x27;"), (None, "None")],
)
def test_text_is_escaped_and_can_be_encoded(text: Any, escaped: str) -> None:
    assert escape(text) == escaped
    assert html.unescape(escape(text)).encode("utf-8")


def test_direction_of_a_side_is_that_of_its_text() -> None:
    words = [("[CLS]", ""), ("שלום", ""), ("[MASK]", "masked"), ("hello", "random"), ("עולם", "kept"), ("[SEP]", "")]
    shown = tuple(Word(text, "עולם" if mark else text, mark, 0) for text, mark in words)  # type: ignore[arg-type]
    article = _article(ShownExample(1, shown, False, "hewiki/<1>", "hewiki/<1>", 6), "none")
    assert '<p dir="auto">' in article
    side = article[article.index('<p dir="auto">') : article.index("</p>")]
    # Browsers skip what `bdi` isolates when they look for the direction, so neither [CLS] nor a mask decides it.
    outside = re.sub(r"<bdi[^>]*>(<bdi>[^<]*</bdi>(<bdi[^>]*>[^<]*</bdi>)?|[^<]*)</bdi>", "", side)
    assert outside.removeprefix('<p dir="auto">').split() == ["שלום"]
    assert "hewiki/&lt;1&gt;" in article


def test_broken_share_is_marked(corpus: Path) -> None:
    manifest = copy.deepcopy(read_manifest(corpus))
    manifest["splits"]["64/train"]["statistics"]["masked_kept"] *= 3
    words = check_alone(report_page(corpus, manifest)).words()
    assert "Shares as promised 19 of 20" in words
    assert words.count("✗ is off") == 1


@pytest.mark.parametrize(
    ("low", "high", "found", "kind", "x"),
    [
        (0.4, 0.6, 0.5, "in", 60.0),
        (0.4, 0.6, 0.6, "in", 90.0),
        (0.4, 0.6, 0.9, "out", 117.0),
        (0.4, 0.6, 0.0, "out", 3.0),
        (0.15, 0.15, 0.15, "in", 60.0),
        (0.15, 0.15, 0.16, "out", 117.0),
    ],
)
def test_mark_stands_where_the_share_lies(low: float, high: float, found: float, kind: str, x: float) -> None:
    mark = tolerance(Share("", low, high, found, ""))
    assert f'<circle cx="{x}" cy="9" r="4" class="{kind}"/>' in mark
    assert ('class="band"' in mark) == (low < high)


def test_padding_is_what_batches_of_the_reader_have() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    num, batch = 64 * 64 * 4, 64
    lengths = np.where(rng.random(num) < 0.8, 128, rng.integers(5, 129, num))
    found = padding(np.bincount(lengths, minlength=129).tolist())
    plan = BatchPlan(ReadOrder([num], 3), lambda rows: lengths[rows], batch)
    longest = [-(-lengths[plan.rows(0, k)].max() // 8) * 8 for k in range(plan.num_batches)]
    assert found.by_length == pytest.approx(1 - lengths.sum() / (batch * sum(longest)), abs=0.005)
    assert found.to_longest == pytest.approx(1 - lengths.mean() / 128)
    assert (found.mean, found.median, found.share_full) == (lengths.mean(), 128, (lengths == 128).mean())


@pytest.mark.parametrize("histogram", [[0, 1], [0] * 10 + [1], [5] * 65, [1] * 513, [0] * 64 + [3]])
def test_bins_lose_nothing_and_are_few(histogram: list[int]) -> None:
    edges, heights = binned(histogram)
    assert sum(heights) == sum(histogram)
    assert len(heights) <= 64
    assert len(edges) == len(heights) + 1
    assert edges == sorted(set(edges))
    assert edges[-1] == len(histogram) - 0.5


@pytest.mark.parametrize("heights", [[0], [1], [0, 3, 10**9], [1] * 64])
@pytest.mark.parametrize("log", [False, True])
def test_figure_is_the_same_twice_and_takes_the_pages_colours(heights: list[int], log: bool) -> None:
    edges = [n - 0.5 for n in range(len(heights) + 1)]
    first = bars(edges, heights, x="x & y", y="<n>", label='"<l>"', log=log)
    assert first == bars(edges, heights, x="x & y", y="<n>", label='"<l>"', log=log)
    check_alone(first)
    assert not re.search(r"#0[0-9a-f]{5}|font-family|<metadata|<style|nan|inf", first)
    assert first.count("var(--bar)") == sum(height > 0 for height in heights)
    assert "x &amp; y" in first
    assert 'aria-label="&quot;&lt;l&gt;&quot;"' in first


def test_many_files_rules_and_shards_stay_a_page(corpus: Path) -> None:
    manifest = copy.deepcopy(read_manifest(corpus))
    manifest["sources"] = [manifest["sources"][0] | {"name": f"b{n}"} for n in range(5000)]
    manifest["rules"] = {f"hole:t{n}": n for n in range(5000)}
    files = manifest["splits"]["64/train"]["files"]
    manifest["splits"]["64/train"]["files"] = [files[0] | {"bytes": 1000 + n % 7} for n in range(10_000)]
    page = report_page(corpus, manifest)
    assert len(page) < 500_000
    assert "And 4,700 more, in manifest.json." in page
    assert "4,984 more" in page


def test_no_corpus_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(tmp_path / "nowhere")]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert run(["report", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "has no manifest.json" in shown.err
    assert (shown.out, len(shown.err.splitlines())) == ("", 1)


def test_page_appears_whole_or_not_at_all(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(corpus / "manifest.json", tmp_path / "manifest.json")
    (tmp_path / "report.html").write_text("old", encoding="utf-8")
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    del manifest["versions"]
    with pytest.raises(KeyError):
        write_report(tmp_path, manifest)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_cells_of_a_wide_table_name_their_columns() -> None:
    columns = ("", "Shards", "Bytes", "Smallest", "Mean", 'Off "it"')
    wide = table(columns, [("128/train", 1, 2, 3, 4, 5)])
    assert re.findall(r'<td[^>]* data-label="([^"]*)"', wide) == [
        "",
        "Shards",
        "Bytes",
        "Smallest",
        "Mean",
        "Off &quot;it&quot;",
    ]
    assert "data-label" not in table(columns[:5], [("128/train", 1, 2, 3, 4)])

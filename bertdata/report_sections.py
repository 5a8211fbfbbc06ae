"""The sections of a report that the manifest alone gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bertdata.promises import Share
from bertdata.report_figures import bars, binned
from bertdata.report_numbers import by_length, padding, shares_of, spread
from bertdata.report_page import Html, details, escape, figure, name, number, percent, size, table, tolerance

# A page stays a page: the rest is in the manifest.
_MAX_FILES, _MAX_RULES, _FIRST_RULES = 300, 300, 16
_HOLE = "hole:"
_UNSTATED = "not stated"


def sources(manifest: dict[str, Any]) -> str:
    """Return what the corpus is made of: documents, skipped and rejected by source and reason, licences, files."""
    documents = manifest["documents"]
    skipped, rejected = manifest["skipped"], manifest["rejected"]["by_source"]
    names = list(dict.fromkeys([*documents["by_source"], *skipped, *rejected]))
    rows = [
        (name(n), documents["by_source"].get(n, 0), sum(skipped.get(n, {}).values()), sum(rejected.get(n, {}).values()))
        for n in names
    ]
    parts: list[str] = [table(("Source", "Documents", "Skipped", "Rejected"), rows)]
    reasons = [
        (name(source), what, name(reason), count)
        for what, groups in (("skipped", skipped), ("rejected", rejected))
        for source, found in groups.items()
        for reason, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]
    if reasons:
        parts.append('<h3>Not taken</h3>\n<p class="note">Skipped was never text; rejected is kept in rejected/.</p>\n')
        parts.append(table(("Source", "", "Reason", "Pages or files"), reasons, left=3))
    parts.append(_lost(documents["lost"]))
    licenses = [(name(key or _UNSTATED), count) for key, count in documents["licenses"].items()]
    parts += ["<h3>Licences of the text</h3>\n", table(("Licence", "Documents"), licenses)]
    return "".join((*parts, _files(manifest["sources"])))


def _lost(lost: list[str]) -> str:
    if not lost:
        return ""
    items = "".join(f"<li>{name(line)}</li>" for line in lost[:_MAX_FILES])
    return f"<h3>Lost to damaged input</h3>\n<ul>{items}</ul>\n"


def _files(files: list[dict[str, Any]]) -> Html:
    rows = [
        (
            name(f["name"]),
            f["kind"],
            size(f["bytes"]),
            Html(f'<code class="hash">{escape(f.get("sha256", f.get("version", ""))[:12])}…</code>'),
        )
        for f in files[:_MAX_FILES]
    ]
    more = len(files) - len(rows)
    note = f'<p class="note">And {number(more)} more, in manifest.json.</p>\n' if more else ""
    title = f"{number(len(files))} source file{'s' * (len(files) != 1)}, {size(sum(f['bytes'] for f in files))}"
    return details(title, table(("File", "Kind", "Size", "SHA-256"), rows, left=2) + note)


def lengths(manifest: dict[str, Any]) -> str:
    """Return how long examples are, and what padding them costs."""
    rows, figures = [], []
    for key in by_length(manifest):
        histogram = manifest["splits"][key]["statistics"].get("lengths") or []
        if not sum(histogram):
            continue
        found, split = padding(histogram), manifest["splits"][key]
        rows.append((
            key, split["examples"], split["tokens"], f"{found.mean:.1f}", found.median,
            percent(found.share_full), percent(found.to_longest), percent(found.by_length),
        ))  # fmt: skip
        edges, heights = binned(histogram)
        title = f"Examples of {key} by length, on a logarithmic axis"
        figures.append(figure(bars(edges, heights, x="tokens", y="examples", label=title, log=True), title + "."))
    columns = ("", "Examples", "Tokens", "Mean", "Median", "Full", "Padding, all to longest", "Padding, by length")
    note = (
        '<p class="note">Full: as long as the length allows. By length: in batches of like length, as the reader makes '
        "them, each padded to its longest example and up to a multiple of 8.</p>\n"
    )
    return "".join((table(columns, rows), note, f'<div class="pair">{"".join(figures)}</div>\n' if figures else ""))


def masks(manifest: dict[str, Any]) -> str:
    """Return the shares of masks and labels against what the options promise."""
    parts = [
        "<p>What was found against what the recipe promises. A share drawn by chance may lie five standard deviations "
        "off: the shaded band. One without a band is exact: the tokens to predict are counted by the length of each "
        "example, rounded to whole ones.</p>\n"
    ]
    for key in by_length(manifest):
        if shares := shares_of(manifest, key):
            num = manifest["splits"][key]["statistics"]["masked"]
            rows = [_share(share) for share in shares]
            caption = (
                f"{key}: {number(num)} tokens to predict in {number(manifest['splits'][key]['examples'])} examples"
            )
            parts.append(table(("Share", "", "", "Found", "Expected"), rows, left=3, caption=caption))
    return "".join(parts)


def _share(share: Share) -> tuple[Any, ...]:
    kind, sign, words = ("good", "✓", "holds") if share.passed else ("bad", "✗", "is off")
    verdict = Html(f'<span class="{kind}">{sign} <span class="verdict">{words}</span></span>')
    return share.name, tolerance(share), verdict, f"{share.found:.4f}", share.expected


def shards(manifest: dict[str, Any]) -> str:
    """Return how many shards there are and how even they are."""
    rows, figures = [], []
    for key in by_length(manifest):
        files = manifest["splits"][key]["files"]
        found = spread(files)
        total = sum(file["bytes"] for file in files)
        off = f"± {100 * found.largest_off:.1f} %" if len(files) > 1 else "–"
        rows.append((
            key, len(files), sum(file["rows"] for file in files), size(total),
            size(found.smallest), size(found.mean), size(found.largest), off,
        ))  # fmt: skip
        if len(files) > 2:
            figures.append(figure(_shard_bars(key, [file["bytes"] for file in files]), f"Shards of {key}, by size."))
    columns = ("", "Shards", "Examples", "Bytes", "Smallest", "Mean", "Largest", "Furthest from mean")
    return "".join((table(columns, rows), f'<div class="pair">{"".join(figures)}</div>\n' if figures else ""))


def _shard_bars(key: str, sizes: list[int]) -> str:
    # Some hundred thousand shards still make a page: neighbours share a bar, which shows their mean.
    width = -(-len(sizes) // 64)
    groups = [sizes[at : at + width] for at in range(0, len(sizes), width)]
    edges = [at - 0.5 for at in (*range(0, len(sizes), width), len(sizes))]
    heights = [sum(group) / len(group) for group in groups]
    return bars(edges, heights, x="shard", y="bytes", label=f"Sizes of the {len(sizes):,} shards of {key}")


def cleaning(manifest: dict[str, Any]) -> str:
    """Return what the rules of extraction removed or kept, and where they may have left a hole in a sentence."""
    rules: Mapping[str, int] = manifest["rules"]
    holes = {key.removeprefix(_HOLE): count for key, count in rules.items() if key.startswith(_HOLE)}
    others = {key: count for key, count in rules.items() if not key.startswith(_HOLE)}
    parts = []
    if others:
        parts += ["<p>How often each rule of extraction was applied.</p>\n", _counts("Rule", others)]
    if holes:
        parts.append(
            "<h3>Suspected holes</h3>\n<p>Templates that were dropped from the middle of a sentence; what they printed "
            "may be missing there. <code>--keep-template NAME</code> keeps one.</p>\n"
        )
        parts.append(_counts("Template", holes))
    return "".join(parts)


def _counts(title: str, counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MAX_RULES]
    rest = ranked[_FIRST_RULES:]
    more = details(f"{number(len(counts) - _FIRST_RULES)} more", _chips(rest)) if rest else ""
    return f'<div aria-label="{escape(title)}">{_chips(ranked[:_FIRST_RULES])}</div>{more}'


def _chips(items: Iterable[tuple[str, int]]) -> str:
    chips = "".join(f"<li>{name(key)}<small>{number(count)}</small></li>" for key, count in items)
    return f'<ul class="words">{chips}</ul>\n'


def recipe(manifest: dict[str, Any]) -> str:
    """Return the options, the seed and the versions that the bytes follow from."""
    rows = [
        (step, Html(f"<code>{escape(key)}</code>"), Html(f'<span class="code">{name(_value(value))}</span>'))
        for step in ("extract", "vocab", "tokens", "examples")
        for key, value in manifest["options"].get(step, {}).items()
    ]
    versions = ", ".join(f"{escape(key)} {escape(value)}" for key, value in sorted(manifest["versions"].items()))
    return (
        f"<p>Seed {escape(manifest['seed'])}. The same sources, options and seed give the same bytes, with these "
        f"versions: {versions}.</p>\n" + details("All options", table(("Step", "Option", "Value"), rows, left=3))
    )


def _value(value: Any) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value > 99_999 else str(value)

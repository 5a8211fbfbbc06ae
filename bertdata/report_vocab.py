"""The section of a report on the vocabulary: how well it spells the corpus' words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertdata.coverage import MAX_LENGTH, coverage_of_file
from bertdata.errors import BertdataError
from bertdata.report_figures import bars
from bertdata.report_page import Html, escape, figure, name, number, percent, table, without_folder
from bertdata.vocab import read_vocabulary

# Bars of the histograms; the last holds all that is longer.
_MAX_PIECES, _MAX_CHARACTERS = 8, 20


def vocabulary(folder: Path, manifest: dict[str, Any]) -> str:
    """Return what the vocabulary is, and its coverage of the words that were counted, where they were."""
    vocab, lowercase = manifest["vocab"], manifest["options"]["vocab"]["lowercase"]
    text = (
        f"<p>{number(vocab['size'])} entries, {'lower case' if lowercase else 'cased'}, "
        f'<code class="hash">SHA-256 {escape(vocab["sha256"][:16])}…</code></p>\n'
    )
    counts = folder / "vocab" / "word_counts.parquet"
    if not counts.exists():
        return text + _of_tokens(manifest["tokens"])
    try:
        found = coverage_of_file(counts, read_vocabulary(folder / "vocab" / "vocab.txt", lowercase))
    except BertdataError as error:
        why = without_folder(error, folder)
        return f'{text}<p class="note">Its coverage can\'t be told: {escape(why)}</p>\n{_of_tokens(manifest["tokens"])}'
    return text + _of_words(found)


def _of_tokens(tokens: dict[str, Any]) -> str:
    """Return what is known without counted words: the vocabulary was given, not learned."""
    share = percent(tokens["unknown_tokens"] / max(1, tokens["tokens"]), 3)
    rows = [("Tokens of the corpus", number(tokens["tokens"])), ("[UNK] among them", share)]
    return table(("", ""), rows)


def _of_words(found: dict[str, Any]) -> str:
    learned = found["learned_from"]
    rows = [
        ("Words of the corpus", number(found["words"]), number(found["distinct_words"])),
        ("Learned from", number(learned["words"]), number(learned["distinct_words"])),
        ("Unknown", number(found["unknown_words"]), number(found["distinct_unknown_words"])),
        ("Share unknown", percent(found["unknown_share"], 4), _share(found, "distinct_unknown_words")),
        ("Pieces per word", f"{found['pieces_per_word']:.4f}", ""),
    ]
    pieces = _bars(found["pieces_histogram"], _MAX_PIECES, "pieces", "Words by number of pieces, on a logarithmic axis")
    sizes = _bars(found["length_histogram"], _MAX_CHARACTERS, "characters", "Words by length")
    parts = [table(("", "Occurrences", "Distinct"), rows), f'<div class="pair">{pieces}{sizes}</div>\n']
    if found["most_frequent_unknown"]:
        chips = "".join(
            f"<li>{name(word)}<small>{number(count)}</small></li>" for word, count in found["most_frequent_unknown"]
        )
        parts.append(f'<h3>Most frequent unknown words</h3>\n<ul class="words">{chips}</ul>\n')
    return "".join(parts)


def _share(found: dict[str, Any], what: str) -> str:
    return percent(found[what] / max(1, found["distinct_words"]), 4)


def _bars(histogram: Sequence[int], most: int, unit: str, title: str) -> Html:
    longest = max((n for n, count in enumerate(histogram) if count), default=1)
    num = min(most, longest)
    heights = [*histogram[1:num], sum(histogram[num:])]
    more = f"; the last bar is {most} and more" if longest > most else ""
    more += f", {MAX_LENGTH} or more among them" if longest >= MAX_LENGTH else ""
    edges = [n + 0.5 for n in range(len(heights) + 1)]
    return figure(bars(edges, heights, x=unit, y="words", label=title, log=unit == "pieces"), f"{title}{more}.")

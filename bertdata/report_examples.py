"""Example pairs of a report, in colour: what the model sees, what it has to predict, where each side comes from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bertdata.errors import BertdataError
from bertdata.look import LABELS, ShownExample, Word, sample_examples
from bertdata.report_numbers import by_length
from bertdata.report_page import Html, escape, name, number, without_folder

_NUM = 10
# Fixed: the same corpus shows the same examples.
_SEED = 1
_SPECIAL = ("[CLS]", "[SEP]")
LEGEND = Html(
    '<ul class="legend">'
    '<li><bdi class="m masked"><bdi>[MASK]</bdi><bdi class="was">word</bdi></bdi> hidden, and what it was</li>'
    '<li><bdi class="m random"><bdi>other</bdi><bdi class="was">word</bdi></bdi> exchanged, and what it was</li>'
    '<li><bdi class="m kept"><bdi>word</bdi></bdi> to predict, but kept as it is</li></ul>\n'
)


def example_pairs(folder: Path, manifest: dict[str, Any]) -> Html:
    """Return ten examples of the shortest length's first split; a line that says why where shards can't be read."""
    keys = by_length(manifest)
    if not keys:
        return Html('<p class="note">This corpus has no examples.</p>\n')
    length, split = keys[0].split("/")
    try:
        examples = sample_examples(folder, int(length), split, _NUM, _SEED, manifest)
    except BertdataError as error:
        why = without_folder(error, folder)
        return Html(f'<p class="note">No examples can be shown: {escape(why)}</p>\n')
    mode = manifest["options"]["examples"]["pairs"]
    shown = "".join(_article(example, mode) for example in examples)
    what = f"{len(examples)} of {manifest['splits'][keys[0]]['examples']:,} examples of {keys[0]}, drawn at random."
    return Html(f"<p>{what}</p>\n{LEGEND}{shown}")


def _article(example: ShownExample, mode: str) -> str:
    label = LABELS[mode][example.is_random]
    marked = sum(bool(word.mark) for word in example.words)
    facts = [f"<b>Example {number(example.number)}</b>", f"<b>{escape(label)}</b>" if label else ""]
    facts.append(f"<span>{example.num_tokens} tokens, {marked} to predict</span>")
    sides = [_side("A" if mode != "none" else "", 0, example, example.document_a)]
    if mode != "none":
        sides.append(_side("B", 1, example, example.document_b))
    return f"<article><header>{''.join(facts)}</header>\n{''.join(sides)}</article>\n"


def _side(letter: str, segment: int, example: ShownExample, document: str) -> str:
    words = _words(word for word in example.words if word.segment == segment)
    # The direction is that of the text: marks and special tokens are isolated, and don't count for it.
    return (
        f'<div class="side"><b>{letter}</b><div><p dir="auto">{words}</p>'
        f'<p class="from">from {name(document)}</p></div></div>\n'
    )


def _words(words: Iterable[Word]) -> str:
    return " ".join(map(_word, words))


def _word(word: Word) -> str:
    if word.shown in _SPECIAL and not word.mark:
        return f'<bdi class="special">{word.shown}</bdi>'
    if not word.mark:
        return escape(word.shown)
    was = "" if word.mark == "kept" else f'<bdi class="was">{escape(word.original)}</bdi>'
    return f'<bdi class="m {word.mark}"><bdi>{escape(word.shown)}</bdi>{was}</bdi>'

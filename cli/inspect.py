"""`bertdata inspect`: documents and examples of a corpus, or one page of a dump, as a person wants to see them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from bertdata.look import ShownExample

_FIRST_CHARS = 1500
# Chosen to stay apart for readers who can't tell red from green.
_STYLES = {"masked": "bold white on blue", "random": "bold black on yellow", "kept": "bold black on cyan"}


@click.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="DIR|DUMP")
@click.option("--documents", "num_documents", type=click.IntRange(min=0), help="Documents to show. Default: 2.")
@click.option("--examples", "num_examples", type=click.IntRange(min=0), help="Examples to show. Default: 3.")
@click.option("--id", "document_id", metavar="ID", help="Show this document (`enwiki/12`).")
@click.option("--page", metavar="TITLE", help="Of a dump: show this page's wikitext and its text side by side.")
@click.option("--language", metavar="CODE", help="Of a dump: its language, where it doesn't say.")
@click.option("--max-seq-length", type=int, help="Length whose examples are shown. Default: the shortest there is.")
@click.option("--split", type=click.Choice(["train", "validation"]), default="train", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Which documents and examples are drawn.")
@options.json_option
def command(
    path: Path,
    num_documents: int | None,
    num_examples: int | None,
    document_id: str | None,
    page: str | None,
    language: str | None,
    max_seq_length: int | None,
    split: str,
    seed: int,
    as_json: bool,
) -> None:
    """Show documents and examples as a person wants to see them.

    Blue is [MASK], yellow a random word, cyan a word kept as it is; what it was stands behind it.

    \b
    Example:
      bertdata inspect corpus/ --examples 5
      bertdata inspect enwiki.xml.bz2 --page "Anarchism"
    """
    from bertdata.look import sample_documents, sample_examples
    from bertdata.manifest import read_manifest
    from cli.console import print_json, stdout

    if page is not None:
        from cli.inspect_page import show_page

        show_page(path, page, language, as_json)
        return
    if path.is_file():
        raise click.UsageError(f"{path} is a file: add --page TITLE to see a page of a dump, or name a corpus folder")
    has_shards = (path / "manifest.json").exists()
    documents = sample_documents(path, 2 if num_documents is None else num_documents, seed, document_id)
    examples: list[ShownExample] = []
    pairs = "none"
    if document_id is None and (has_shards or num_examples):
        examples = sample_examples(path, max_seq_length, split, 3 if num_examples is None else num_examples, seed)
        pairs = read_manifest(path)["options"]["examples"]["pairs"]
    if as_json:
        print_json({"documents": documents, "examples": [dataclasses.asdict(example) for example in examples]})
        return
    console = stdout()
    for document in documents:
        _print_document(console, document, None if document_id else _FIRST_CHARS)
    for example in examples:
        _print_example(console, example, pairs)


def _print_document(console: Console, document: dict[str, Any], limit: int | None) -> None:
    console.rule(_title(document["title"], document["id"]), align="left")
    facts = (document["language"], document["license"] or "licence not stated", document["url"])
    console.print(", ".join(filter(None, facts)) + "\n", style="dim", markup=False)
    text = document["text"]
    console.print(text[:limit] + (" …" if limit and len(text) > limit else ""), markup=False)
    console.print()


def _print_example(console: Console, example: ShownExample, pairs: str) -> None:
    from bertdata.look import LABELS

    console.rule(_title(f"Example {example.number}", f"{example.num_tokens} tokens"), align="left")
    label = LABELS[pairs][example.is_random]
    origin = (
        f"{label}: A from {example.document_a}, B from {example.document_b}" if label else f"from {example.document_a}"
    )
    console.print(f"{origin}\n", style="dim", markup=False)
    console.print(render_example(example))
    console.print()


def _title(name: str, rest: str) -> Text:
    """Return a headline; as Text, since a title in brackets is no markup."""
    from rich.text import Text

    return Text.assemble((" ".join(name.split()), "bold"), f"  {' '.join(rest.split())}")


def render_example(example: ShownExample) -> Text:
    """Return an example's words, the second segment in italics, predicted positions coloured with what they were."""
    from rich.text import Text

    text = Text()
    for word in example.words:
        style = "italic" if word.segment else ""
        if word.mark:
            text.append(word.shown, style=f"{style} {_STYLES[word.mark]}".strip())
            if word.mark != "kept":
                text.append(f" {word.original}", style="green")
        elif word.shown in ("[CLS]", "[SEP]"):
            text.append(word.shown, style="dim")
        else:
            text.append(word.shown, style=style)
        text.append(" ")
    return text

"""Everything, in order: the recipe of a corpus reads as a list of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertdata.card import write_attribution, write_data_card
from bertdata.errors import BuildError, require
from bertdata.example_options import ExampleOptions
from bertdata.extract.options import ExtractOptions
from bertdata.extract.sources import expand_sources
from bertdata.manifest import merge_manifest, read_manifest
from bertdata.records import Source, SourceKind
from bertdata.steps import lock_folder, write_json
from bertdata.store import StorePath
from bertdata.tokens import TokensOptions
from pipelines.examples import are_made, build_examples
from pipelines.extract import extract
from pipelines.step import Build
from pipelines.tokens import build_tokens
from pipelines.vocab import VocabOptions, build_vocab, check_vocab_file


@dataclass(frozen=True)
class CorpusOptions:
    """All that changes a corpus' bytes: what the command line gives, step by step."""

    sources: dict[SourceKind, Sequence[str]]
    extract: ExtractOptions = field(default_factory=ExtractOptions)
    vocab: VocabOptions = field(default_factory=VocabOptions)
    tokens: TokensOptions = field(default_factory=TokensOptions)
    examples: ExampleOptions = field(default_factory=ExampleOptions)
    validation_fraction: float = 0.005

    def __post_init__(self) -> None:
        fraction = self.validation_fraction
        require(0 <= fraction < 1, f"--validation-fraction {fraction}: 0 or more, and below 1")


def build_corpus(build: Build, options: CorpusOptions) -> dict[str, Any]:
    """Build a corpus in `build.folder` and return its manifest; what an earlier run finished is skipped."""
    check_vocab_file(options.vocab)
    check_output(build.folder)
    with lock_folder(build.folder):
        extract(build, expand_all(options.sources, build.folder), options.extract)
        build_vocab(build, options.vocab)
        return _examples_and_manifest(build, options)


def extract_documents(build: Build, options: CorpusOptions) -> dict[str, Any]:
    """Do the extract step alone and return its result."""
    check_output(build.folder)
    with lock_folder(build.folder):
        return dict(extract(build, expand_all(options.sources, build.folder), options.extract)["result"])


def build_vocabulary(build: Build, options: CorpusOptions) -> dict[str, Any]:
    """Do the vocab step alone and return its result."""
    check_vocab_file(options.vocab)
    with lock_folder(existing(build.folder)):
        return dict(build_vocab(build, options.vocab)["result"])


def build_examples_only(build: Build, options: CorpusOptions) -> dict[str, Any]:
    """Do the tokens and examples steps (and vocab, where a vocabulary file is given) and return the manifest."""
    check_vocab_file(options.vocab)
    with lock_folder(existing(build.folder)):
        if options.vocab.vocab_file:
            build_vocab(build, options.vocab)
        return _examples_and_manifest(build, options)


def _examples_and_manifest(build: Build, options: CorpusOptions) -> dict[str, Any]:
    from bertdata.report import write_report

    are_read = not are_made(build, options.examples, options.validation_fraction)
    build_tokens(build, options.tokens, are_read)
    build_examples(build, options.examples, options.validation_fraction)
    if (build.folder / "manifest.json").exists() and not build.seconds:
        return read_manifest(build.folder)
    manifest = merge_manifest(build.folder, build.seconds)
    write_attribution(build.folder, manifest)
    write_data_card(build.folder, manifest)
    write_report(build.folder, manifest)
    write_json(build.folder / "manifest.json", manifest)  # last: a corpus without it is unfinished
    return manifest


def expand_all(values: dict[SourceKind, Sequence[str]], folder: Path, output: Path | None = None) -> list[Source]:
    """Expand the values of all source options, in a fixed order of kinds; what lies in `output` is no source.

    `output` is `folder`, in which standard input is kept, unless another is given.

    Raises OptionError where no source is given.
    """
    require(any(values.values()), "No source: give at least one of --wikipedia, --books, --text")
    kinds: tuple[SourceKind, ...] = ("wikipedia", "books", "text")
    piped = [kind for kind in kinds if "-" in values.get(kind, ())]
    require(len(piped) < 2, "- (standard input) is given twice: it can be read once")
    stdin = folder / ".work" / "stdin"
    given = [(kind, values[kind]) for kind in kinds if values.get(kind)]
    return [source for kind, each in given for source in expand_sources(kind, each, stdin, output or folder)]


def check_output(folder: Path) -> None:
    """Raise BuildError where a folder can't be made or holds something else than a build."""
    for parent in (folder,) if isinstance(folder, StorePath) else (folder, *folder.parents):
        if parent.exists():
            if not parent.is_dir():
                raise BuildError(f"--output {folder} can't be made: {parent} is a file, not a folder.")
            break
    if folder.is_dir() and not (folder / "steps").is_dir():
        others = sorted(p.name for p in folder.iterdir() if p.name != ".work")
        if others:
            raise BuildError(
                f"--output {folder} holds other things ({', '.join(others[:3])}{' …' if len(others) > 3 else ''}): "
                "choose an empty or a new folder."
            )


def existing(folder: Path) -> Path:
    """Return the folder if it is one that `bertdata extract` began; else raise BuildError."""
    if not (folder / "steps").is_dir():
        what = "does not exist" if not folder.exists() else "is no folder that bertdata built"
        raise BuildError(f"{folder} {what}: run `bertdata extract … --output {folder}` first.")
    return folder

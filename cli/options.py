"""The options that several commands share, as decorators, each documented once with its default and unit."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
_MANY = ("--wikipedia", "--books", "--text")
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class StepCommand(click.Command):
    """A command whose source options take several values each, so that an unquoted glob works."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Turn `--books a b` into `--books a --books b` before click sees it."""
        return super().parse_args(ctx, repeat_option(args))


def repeat_option(args: list[str]) -> list[str]:
    """Give each value of a source option its own flag.

    >>> repeat_option(["--books", "a", "b", "--output", "o", "--text=-", "c", "--", "x"])
    ['--books', 'a', '--books', 'b', '--output', 'o', '--text', '-', '--text', 'c', '--', 'x']
    """
    out: list[str] = []
    current: str | None = None
    for n, arg in enumerate(args):
        if arg == "--":
            return [*out, *args[n:]]
        name, equals, value = arg.partition("=")
        if name in _MANY:
            current = name
            if equals:
                out += [name, value]
            elif n + 1 == len(args) or (args[n + 1].startswith("-") and args[n + 1] != "-"):
                out.append(name)  # without a value: click says so
        elif current and (arg == "-" or not arg.startswith("-")):
            out += [current, arg]
        else:
            current = None
            out.append(arg)
    return out


class Bytes(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes with a unit, such as 64MB or 512KiB; not below `least`."""

    name = "size"

    def __init__(self, least: str = "0") -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        num_bytes = value if isinstance(value, int) else self._parse(str(value), param, ctx)
        if num_bytes < self._parse(self.least, param, ctx):
            self.fail(f"{value} is too small: {self.least} or more", param, ctx)
        return num_bytes

    def _parse(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKmMgG]?[iI]?[bB]?)\s*", value)
        unit = match[2].upper() if match else ""
        unit += "B" if unit and not unit.endswith("B") else ""
        if match is None or unit.replace("B", "", 1) not in ("", "K", "M", "G", "KI", "MI", "GI"):
            self.fail(f"{value!r} is no size: say 64MB, 512KiB or a number of bytes", param, ctx)
        return int(float(match[1]) * _UNITS.get(unit, 1))


class Runner(click.Choice[str]):
    """A runner's name; one that is left out on purpose is refused with the reason."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        if value == "dask":
            self.fail(
                "dask is not offered: Beam's Dask runner leaves out branches of a pipeline in silence", param, ctx
            )
        return str(super().convert(value, param, ctx))


def stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Apply decorators in reading order."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def _load_config(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    try:
        given = tomllib.loads(Path(value).read_text(encoding="utf-8"))
    except OSError as error:
        raise click.BadParameter(f"{value} can't be read: {error.strerror}", ctx, parameter) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{value} is no TOML: {error}", ctx, parameter) from error
    names = {p.name for p in ctx.command.params if p.name}
    defaults = {}
    for key, setting in given.items():
        name = key.replace("-", "_")
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {close[0].replace('_', '-')!r}?" if close else ""
            raise click.BadParameter(
                f"{value} sets {key!r}, which is no option of {ctx.info_name}{hint}", ctx, parameter
            )
        # `cased = true` and `lowercase = false` are one flag.
        defaults[name] = (setting,) if name in ("wikipedia", "books", "text") and isinstance(setting, str) else setting
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


output_option = click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder to write."
)
source_options = stack(
    click.option(
        "--wikipedia",
        multiple=True,
        metavar="[NAME=]PATH…",
        help="Dumps: files, folders, patterns, or - (standard input); .xml, .bz2, .gz, .xz, .zst.",
    ),
    click.option(
        "--books",
        multiple=True,
        metavar="[NAME=]PATH…",
        help="Books: .txt (UTF-8, else Windows-1252) and .epub files, folders or patterns; a book is a document.",
    ),
    click.option(
        "--text",
        multiple=True,
        metavar="[NAME=]PATH…",
        help="Clean text: .jsonl, .parquet, .arrow (with a text column) or .txt files, folders or patterns.",
    ),
)
extract_options = stack(
    click.option("--language", metavar="CODE", help="Language of the text. Default: the dump's own, else en."),
    click.option("--license", "license_", metavar="SPDX", help="Licence of the books and texts. Default: not stated."),
    click.option(
        "--document-unit",
        type=click.Choice(["book", "chapter", "blank-lines"]),
        default="book",
        show_default=True,
        help="What of a book is one document; blank-lines: what stands between them, in files of a sentence a line.",
    ),
    click.option("--text-column", default="text", show_default=True, help="Column of --text's text."),
    click.option(
        "--id-column", default="id", show_default=True, help='Column of --text\'s ids; "" takes places in the file.'
    ),
    click.option("--title-column", default="title", show_default=True, help="Column of --text's titles."),
    click.option(
        "--min-document-words",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Reject documents of fewer words.",
    ),
    click.option(
        "--on-error",
        type=click.Choice(["fail", "skip"]),
        default="fail",
        show_default=True,
        help="What a damaged file does: end the build, or lose (and count) the damaged part.",
    ),
    click.option("--keep-disambiguations", is_flag=True, help="Keep disambiguation pages as documents."),
    click.option("--drop-verse", is_flag=True, help="Leave verse in books out. Default: kept as prose."),
    click.option("--keep-template", multiple=True, metavar="NAME", help="Keep the text of this template. Repeatable."),
    click.option("--drop-template", multiple=True, metavar="NAME", help="Drop this template whole. Repeatable."),
)
case_option = click.option(
    "--lowercase/--cased", default=True, show_default=True, help="BERT uncased (lower case, no accents) or cased."
)
vocab_options = stack(
    click.option(
        "--vocab-size",
        type=click.IntRange(min=6),
        default=30522,
        show_default=True,
        help="Entries of the vocabulary to learn, exactly.",
    ),
    click.option(
        "--limit-alphabet",
        type=click.IntRange(min=1),
        help="Single characters kept at most, the most frequent first. Default: what covers 99.995 % of the text.",
    ),
)
vocab_file_option = click.option(
    "--vocab", metavar="FILE", help="Take this vocab.txt instead of learning one (copied into DIR/vocab)."
)
example_options = stack(
    click.option(
        "--max-seq-length",
        type=click.IntRange(8, 65535),
        multiple=True,
        default=(128,),
        show_default="128",
        help="Longest example in tokens, specials included. Repeatable: several lengths in one build.",
    ),
    click.option(
        "--dupe-factor",
        type=click.IntRange(1, 1000),
        default=1,
        show_default=True,
        help="How many times the text is used, each time with other pairs and masks.",
    ),
    click.option(
        "--masked-lm-prob",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.15,
        show_default=True,
        help="Share of the tokens to predict.",
    ),
    click.option(
        "--masking",
        type=click.Choice(["token", "whole-word", "span"]),
        default="token",
        show_default=True,
        help="What is masked as one.",
    ),
    click.option(
        "--pairs",
        type=click.Choice(["balanced", "original", "sop", "none"]),
        default="balanced",
        show_default=True,
        help="Next-sentence pairs: exactly half random; the 2018 script's rules; ALBERT's order; full sentences.",
    ),
    click.option(
        "--short-seq-prob",
        type=click.FloatRange(0, 1),
        default=0.1,
        show_default=True,
        help="Share of the pairs with a shorter target length.",
    ),
    click.option(
        "--validation-fraction",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.005,
        show_default=True,
        help="Share of the documents held out (at least two, unless 0).",
    ),
    click.option(
        "--shard-size",
        type=Bytes(),
        default="64MB",
        show_default=True,
        help="Bytes of text a shard is made of.",
    ),
    click.option("--seed", type=int, default=12345, show_default=True, help="Seed of all that is random."),
)
run_options = stack(
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        default=lambda: len(os.sched_getaffinity(0)),
        show_default="all cores",
        help="Worker processes; on an engine the most of its cores to use (default: all it gives). Changes no byte "
        "of the output.",
    ),
    click.option(
        "--runner",
        type=Runner(["direct", "spark", "flink", "dataflow"]),
        default="direct",
        show_default=True,
        help="Engine that runs the pipelines: this machine, or a Spark (docs/spark.md) or Flink cluster "
        "(docs/flink.md), or Dataflow (docs/dataflow.md). Changes no byte of the output.",
    ),
    click.option("--spark-master", metavar="URL", help="Spark's master, as spark://HOST:7077."),
    click.option(
        "--spark-job-server-jar",
        metavar="JAR",
        help="Beam's job server for Spark. Default: the one that Beam releases, fetched on first use.",
    ),
    click.option(
        "--flink-master",
        metavar="HOST:PORT",
        help="Flink's REST address, which is that of its page; [local]: one inside the job server.",
    ),
    click.option(
        "--flink-job-server-jar",
        metavar="JAR",
        help="Beam's job server for Flink. Default: the one that Beam releases, fetched on first use.",
    ),
    click.option("--force", is_flag=True, help="Build a step (and what follows) again where its options have changed."),
    click.option(
        "--config",
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_load_config,
        help="A TOML file of options (`vocab-size = 30522`); the command line wins.",
    ),
    click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM OPTIONS…]"),
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="With --runner dataflow: print the jobs that it would get, and start nothing."
)
shuffle_option = click.option(
    "--shuffle",
    type=click.Choice(["files", "engine"]),
    default="files",
    show_default=True,
    help="How examples are gathered: by range reads of tokens files, or by the shuffle of an engine, for when files "
    "times shards exceed a million.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output instead of a table.")

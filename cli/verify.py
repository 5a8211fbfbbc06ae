"""`bertdata verify`: check every promise that a corpus makes."""

from __future__ import annotations

from pathlib import Path

import click

from cli.console import print_json, print_table


@click.command("verify", short_help="Check every promise that a corpus makes.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON instead of a table. Off by default.")
def command(folder: Path, as_json: bool) -> None:
    """Check every promise that a corpus makes.

    Files against their checksums, shards against their schema, vocabulary and manifest, and the statistics of their
    examples (masks, pairs, labels) against what chance allows. Exits with 1 where a promise is broken, and names the
    first.

    Example: bertdata verify corpus/
    """
    from bertdata.errors import FormatError
    from bertdata.verify import verify_corpus

    checks = verify_corpus(folder)
    if as_json:
        print_json([check._asdict() for check in checks])
    else:
        rows = [
            ("ok" if c.passed else "FAILED", c.name, c.expected, c.got, "" if c.passed else c.where) for c in checks
        ]
        print_table("", ("", "promise", "expected", "found", "where"), rows)
    broken = [check for check in checks if not check.passed]
    if broken:
        first = broken[0]
        more = f" ({len(broken) - 1} more)" if len(broken) > 1 else ""
        where = "" if first.where and first.name.startswith(first.where) else f"{first.where or folder}: "
        raise FormatError(f"{where}{first.name}: expected {first.expected}, got {first.got}{more}. {first.remedy}")

"""`bertdata download`: fetch a Wikipedia dump and check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from bertdata.extract.published import Published, RemoteFile


@click.command("download", short_help="Download a Wikipedia dump, checked by its published sums.")
@click.argument("what", metavar="wikipedia", type=click.Choice(["wikipedia"]))
@click.option(
    "--language", default="en", show_default=True, help="Language code of the Wikipedia, such as simple or el."
)
@click.option("--date", metavar="YYYYMMDD", help="Date of the dump. Default: the newest that is complete.")
@click.option(
    "--form",
    type=click.Choice(["content", "legacy"]),
    help="Monthly content export, or legacy dump. Default: a content export where there is one.",
)
@click.option("--mirror", metavar="URL", help="Server with Wikimedia's folders. Default: https://dumps.wikimedia.org.")
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder for the files. Default: the current one.",
)
@click.option("--list", "list_only", is_flag=True, help="List the dates and download nothing. Off by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON instead of a table. Off by default.")
def command(
    what: str,
    language: str,
    date: str | None,
    form: Literal["content", "legacy"] | None,
    mirror: str | None,
    output: Path,
    list_only: bool,
    as_json: bool,
) -> None:
    """Download a Wikipedia dump, checked by its published sums.

    Two connections at most. What broke off goes on where it stopped when the same command runs again; a file appears
    under its name once its checksum is right.

    Example: bertdata download wikipedia --language simple --output dumps/
    """
    from bertdata.extract.published import MIRROR, find_files, list_published, wiki_name
    from cli.console import print_table

    wiki, server = wiki_name(language), mirror or MIRROR
    day = date.replace("-", "") if date else None
    if list_only:
        found = [p for p in list_published(wiki, server) if day in (None, p.date) and form in (None, p.form)]
        print_table(wiki, ("date", "form", "address"), [(p.date, p.form, p.url) for p in found], as_json)
        return
    published, files = find_files(wiki, day, form, server)
    paths = _fetch(published, files, output)
    rows = [(str(path), path.stat().st_size, file.algorithm) for path, file in zip(paths, files, strict=True)]
    print_table(f"{wiki} {published.date} ({published.form})", ("file", "bytes", "checked by"), rows, as_json)


def _fetch(published: Published, files: list[RemoteFile], folder: Path) -> list[Path]:
    import threading

    from bertdata.extract.download import download_files
    from cli.console import StepLines

    lines, lock, done = StepLines(), threading.Lock(), dict[str, int]()
    total = sum(file.num_bytes or 0 for file in files) if all(file.num_bytes for file in files) else 0
    lines.begin("download", total, len(files), 0)

    def progress(name: str, num_bytes: int, size: int | None) -> None:
        with lock:
            done[name] = num_bytes
            lines.update({"bytes": sum(done.values())})

    try:
        paths = download_files(files, folder, progress)
    finally:
        lines.close()
    lines.end(f"{len(files)} file{'s' * (len(files) != 1)} of {published.wiki}, {published.date}, checked")
    return paths

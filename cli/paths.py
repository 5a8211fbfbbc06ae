"""Which paths of the command line may be URLs; every other one is refused, or it would name a local folder `s3:`."""

from __future__ import annotations

from typing import Any

import click

_MAY_BE_URLS = {
    "build-corpus": ("output",),
    "plan": ("output",),
    "extract": ("output",),
    "build-vocab": ("folder",),
    "build-examples": ("folder",),
    "inspect": ("path",),
    "verify": ("folder",),
    "report": ("folder", "output"),
    "bench-loader": ("folder",),
    "pretrain": ("corpus",),
}


def take_urls(name: str, command: click.Command) -> None:
    """Have the paths of a command be URLs where it can read or write those, and be refused where it can't."""
    for parameter in command.params:
        if isinstance(parameter.type, click.Path):
            parameter.type = _PathOrUrl(parameter.type, parameter.name in _MAY_BE_URLS.get(name, ()))


class _PathOrUrl(click.ParamType[Any]):
    name = "path"

    def __init__(self, local: click.Path, is_taken: bool) -> None:
        self.local, self.is_taken = local, is_taken

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from bertdata.store import StorePath, as_path

        path = as_path(value) if isinstance(value, str) else value
        if not isinstance(path, StorePath):
            return self.local.convert(value if path == self.local.coerce_path_result(value) else str(path), param, ctx)
        if not self.is_taken:
            self.fail(f"{value} lies in an object store, which can't be used here: name a local path", param, ctx)
        return path

"""The `bertdata` command: a group that loads each command's file when it is called, and turns problems into lines."""

from __future__ import annotations

import difflib
import gc
import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from bertdata import __version__
from bertdata.errors import BertdataError
from cli.paths import take_urls

# Names and first lines, so that `bertdata --help` imports no command; a test holds them equal to the commands' own.
COMMANDS = {
    "build-corpus": "Build a corpus: dumps and books in, shards of BERT examples out.",
    "plan": "Predict time, disk and memory of a build from a sample of its input.",
    "extract": "Extract clean documents from dumps, books and text.",
    "build-vocab": "Learn a WordPiece vocabulary from a folder's documents.",
    "build-examples": "Make masked, next-sentence-paired examples from a folder's documents.",
    "download": "Download a Wikipedia dump, checked by its published sums.",
    "inspect": "Show documents and examples as a person wants to see them.",
    "verify": "Check every promise that a corpus makes.",
    "report": "Write a page about a corpus: lengths, masks, labels, coverage, examples.",
    "bench-loader": "Measure how fast this machine reads a corpus.",
    "pretrain": "Pre-train a BERT on a corpus.",
    "finetune": "Fine-tune a BERT on a task.",
    "evaluate": "Score a fine-tuned model on a file.",
    "export": "Export a run or a corpus for other people's tools.",
}
_STARTED = time.time()
EXIT_PROBLEM, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the flow, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command's module; every command takes -v."""
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cli.{name.replace('-', '_')}").command
        take_urls(name, command)
        if not any(parameter.name == "verbose" for parameter in command.params):
            command.params.append(_verbose())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean `bertdata {close[0]}`?" if close else " `bertdata --help` lists them."
            raise click.UsageError(f"There is no command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _verbose() -> click.Option:
    def remember(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        ctx.find_root().meta["verbose"] = value or ctx.find_root().meta.get("verbose", False)

    return click.Option(
        ["-v", "--verbose"],
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Show the engine's own messages, and the traceback of a problem.",
    )


def is_verbose() -> bool:
    """Tell whether -v was given, anywhere on the command line."""
    ctx = click.get_current_context(silent=True)
    return bool(ctx and ctx.find_root().meta.get("verbose"))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bertdata")
def bertdata() -> None:
    """From Wikipedia dumps and books to BERT pretraining data, and from there to a BERT.

    \b
    Example:
      bertdata build-corpus --wikipedia enwiki.xml.bz2 --books books/ --output corpus/
      bertdata pretrain corpus/ --preset base --output runs/base
    """


def run(args: list[str]) -> int:
    """Run a command line and return its exit code; no traceback reaches the user without -v."""
    verbose = "-v" in args or "--verbose" in args
    try:
        result: Any = bertdata.main(args, prog_name="bertdata", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        _say(f"{error.format_message()}{_help_hint(error)}")
        return EXIT_USAGE
    except click.ClickException as error:
        _say(error.format_message())
        return EXIT_PROBLEM
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted. What is finished is kept: run the same command again to go on.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) went away: not a problem worth a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PROBLEM
    except BertdataError as error:
        return _problem(error, str(error), verbose)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _problem(error, f"{error.strerror or error}{where}", verbose)
    except MemoryError as error:
        return _problem(error, "The memory is used up: lower --workers, or --shard-size.", verbose)
    except Exception as error:
        said = f"{type(error).__name__}: {_one_line(error)} (-v shows where)"
        if changed := _changed_file():
            said = f"{changed} was exchanged while this command ran, and then: {said}. Run the same command again."
            return _problem(error, said, verbose)
        return _problem(error, f"A bug: {said}", verbose)


def _changed_file() -> Path | None:
    """Return a file of bertdata that is newer than this process: of two versions at once anything may come."""
    rooms = (Path(__file__).resolve().parent.parent / name for name in ("bertdata", "pipelines", "trainer", "cli"))
    files = (path for room in rooms for path in sorted(room.rglob("*.py")))
    return next((path for path in files if path.stat().st_ctime > _STARTED), None)


def _problem(error: BaseException, message: str, verbose: bool) -> int:
    if verbose:
        import traceback

        _write(getattr(error, "worker_traceback", "") or "".join(traceback.format_exception(error)))
    _say(_one_line(message))
    return EXIT_PROBLEM


def _help_hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "bertdata"
    return f" (`{path} --help` shows the options.)"


def _one_line(value: object) -> str:
    return " ".join(str(value).split())


def _say(message: str) -> None:
    _write(f"bertdata: {message}\n")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def main() -> None:
    """Run the command line of this process."""
    code = run(sys.argv[1:])
    # Or the collector looks at every object of Beam once more. Of torch it has to: triton's bindings print each type
    # and function that is left.
    if "torch" not in sys.modules:
        gc.freeze()
    if os.environ.get("WORLD_SIZE", "1") != "1":
        # All is written. Threads of torch's communication outlive it, and now and then, while Python took itself apart,
        # they aborted a rank that had done its work.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()

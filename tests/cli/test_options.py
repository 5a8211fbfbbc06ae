from __future__ import annotations

import re
import time
from pathlib import Path

import click
import pytest

from cli import main, options
from cli.main import COMMANDS, bertdata, run


def commands() -> list[tuple[str, click.Command]]:
    ctx = click.Context(bertdata)
    found = [(name, bertdata.get_command(ctx, name)) for name in COMMANDS]
    return [(name, command) for name, command in found if command is not None]


def test_every_command_of_the_table_exists_with_the_tables_first_line() -> None:
    assert [name for name, _ in commands()] == list(COMMANDS)
    for name, command in commands():
        assert command.help is not None
        assert command.help.strip().splitlines()[0] == COMMANDS[name], name


def test_every_command_shows_an_example_that_calls_it() -> None:
    for name, command in commands():
        assert "Example:" in (command.help or ""), name
        assert f"bertdata {name}" in (command.help or ""), name


def test_every_option_has_help_and_says_its_default() -> None:
    for name, command in commands():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name != "help":
                text = parameter.help or (parameter.show_default and str(parameter.default))
                assert text, f"{name} {parameter.opts}"


def test_every_option_of_the_design_stands_in_build_corpus() -> None:
    command = dict(commands())["build-corpus"]
    flags = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)}
    assert flags >= {
        *(
            "--output",
            "--wikipedia",
            "--books",
            "--text",
            "--vocab-size",
            "--vocab",
            "--lowercase",
            "--cased",
            "--language",
        ),
        *("--max-seq-length", "--dupe-factor", "--masked-lm-prob", "--masking", "--pairs", "--short-seq-prob"),
        *(
            "--validation-fraction",
            "--shard-size",
            "--document-unit",
            "--license",
            "--text-column",
            "--seed",
            "--workers",
        ),
        *("--runner", "--shuffle", "--on-error", "--min-document-words", "--config", "--force", "--json", "--verbose"),
    }


@pytest.mark.parametrize(
    ("given", "num_bytes"), [("64MB", 64_000_000), ("512KiB", 524_288), ("1g", 10**9), ("1000", 1000), ("1.5kb", 1500)]
)
def test_sizes_take_units(given: str, num_bytes: int) -> None:
    assert options.Bytes().convert(given, None, None) == num_bytes


@pytest.mark.parametrize("given", ["64 apples", "MB", "-1MB", "1TB2"])
def test_what_is_no_size_is_refused(given: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        options.Bytes().convert(given, None, None)


@pytest.mark.parametrize("given", ["999KB", 0])
def test_a_size_below_the_least_is_refused(given: str | int) -> None:
    with pytest.raises(click.BadParameter, match=f"{given} is too small: 1MB or more"):
        options.Bytes("1MB").convert(given, None, None)
    assert options.Bytes("1MB").convert("1MB", None, None) == 1_000_000


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["buildcorpus"], 2, "Did you mean `bertdata build-corpus`?"),
        (["plan"], 1, "No source: give at least one of"),
        (["build-corpus", "--outptu", "x"], 2, "--output"),
        (["build-corpus", "--books", "x"], 2, "Missing option '--output'"),
        (["build-corpus", "--output", "o", "--vocab-size", "many"], 2, "'many' is not a valid integer"),
        (["build-corpus", "--output", "o"], 1, "No source: give at least one of --wikipedia, --books, --text"),
        (["build-corpus", "--output", "o", "--books", "x", "--runner", "spark"], 1, "spark needs --spark-master"),
        (["build-corpus", "--output", "o", "--books", "x", "--runner", "dataflow"], 1, "needs `-- --project=…`"),
        (["build-corpus", "--output", "o", "--books", "x", "--runner", "dask"], 2, "dask is not offered"),
        (["build-corpus", "--output", "o", "--books", "x", "--spark-master", "s"], 1, "--spark-master is for --runner"),
        (
            ["build-corpus", "--output", "o", "--books", "x", "--shuffle", "engine"],
            1,
            "--shuffle engine needs an engine that shuffles",
        ),
        (["build-vocab", "nowhere"], 1, "run `bertdata extract"),
        (["build-examples", "nowhere"], 1, "run `bertdata extract"),
    ],
)
def test_wrong_usage_is_one_line_that_says_what_was_meant(
    args: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(args) == code
    shown = capsys.readouterr()
    assert message in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert shown.out == ""


def test_config_file_gives_options_and_the_command_line_wins(tmp_path: Path) -> None:
    config = tmp_path / "corpus.toml"
    config.write_text(
        'vocab-size = 99\nseed = 7\nbooks = "some/books"\nmax-seq-length = [64, 128]\nlowercase = false\n'
    )
    seen: dict[str, object] = {}

    @click.command(cls=options.StepCommand)
    @options.source_options
    @options.vocab_options
    @options.example_options
    @options.case_option
    @options.run_options
    def command(**given: object) -> None:
        seen.update(given)

    command.main(["--config", str(config), "--seed", "8"], standalone_mode=False)
    assert (seen["vocab_size"], seen["seed"], seen["books"]) == (99, 8, ("some/books",))
    assert (seen["max_seq_length"], seen["lowercase"]) == ((64, 128), False)


def test_unknown_key_of_a_config_file_is_named_with_what_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "corpus.toml"
    config.write_text("vocabsize = 99\n")
    assert run(["build-corpus", "--config", str(config), "--output", "o"]) == 2
    assert "sets 'vocabsize', which is no option of build-corpus; did you mean 'vocab-size'?" in capsys.readouterr().err


def test_a_bug_is_one_line_and_its_traceback_only_with_v(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("cli.building.corpus_options", broken)
    monkeypatch.setattr("cli.main._STARTED", time.time() + 60)
    args = ["extract", "--books", "x", "--output", str(tmp_path)]
    assert run(args) == 1
    assert capsys.readouterr().err == "bertdata: A bug: ZeroDivisionError: by zero (-v shows where)\n"
    assert run([*args, "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setattr("cli.main._STARTED", 0.0)
    assert run(args) == 1
    said = capsys.readouterr().err
    assert re.search(r"\.py was exchanged while this command ran, and then: ZeroDivisionError.* Run the same", said)


def test_interrupt_says_how_to_go_on_and_exits_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.building.corpus_options", interrupted)
    assert run(["extract", "--books", "x", "--output", str(tmp_path)]) == main.EXIT_INTERRUPTED == 130
    assert "run the same command again to go on" in capsys.readouterr().err

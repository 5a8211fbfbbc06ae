"""What a fine-tuning task is: its kind, the columns of its files, its metrics; and the options of a run."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from bertdata.errors import OptionError, require


@dataclass(frozen=True)
class Columns:
    """The columns of one text or a pair, and of the label; numbers count from 1."""

    texts: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class Task:
    """A task: `kind` is classification, regression, tokens or spans; the first of `metrics` chooses among seeds.

    `columns` are tried in order, the task's own names first; `numbered` serves files without a header.
    """

    name: str
    kind: str
    metrics: tuple[str, ...]
    columns: tuple[Columns, ...] = ()
    numbered: Columns | None = None
    header: bool = True


_SINGLE, _PAIR = Columns(("sentence",), "label"), Columns(("sentence1", "sentence2"), "label")
_QUESTIONS = Columns(("question1", "question2"), "label")
_ANY = (Columns(("text",), "label"), _SINGLE, _PAIR)

# Headers are those of the GLUE files (gluebenchmark.com), alternatives those of dataset libraries; the numbers are of
# MRPC and STS-B as their authors publish them, and of CoLA, which has no header. Metrics as GLUE reports them.
TASKS = {
    task.name: task
    for task in (
        Task("cola", "classification", ("matthews", "accuracy"), (_SINGLE,), Columns(("4",), "2"), header=False),
        Task("sst2", "classification", ("accuracy",), (_SINGLE,), Columns(("1",), "2")),
        Task(
            "mrpc",
            "classification",
            ("f1", "accuracy"),
            (Columns(("#1 String", "#2 String"), "Quality"), _PAIR),
            Columns(("4", "5"), "1"),
        ),
        Task(
            "stsb",
            "regression",
            ("spearman", "pearson"),
            (Columns(("sentence1", "sentence2"), "score"), _PAIR),
            Columns(("6", "7"), "5"),
        ),
        Task(
            "qqp",
            "classification",
            ("f1", "accuracy"),
            (Columns(("question1", "question2"), "is_duplicate"), _QUESTIONS),
            Columns(("4", "5"), "6"),
        ),
        Task(
            "mnli",
            "classification",
            ("accuracy",),
            (Columns(("sentence1", "sentence2"), "gold_label"), Columns(("premise", "hypothesis"), "label")),
        ),
        Task(
            "qnli",
            "classification",
            ("accuracy",),
            (Columns(("question", "sentence"), "label"),),
            Columns(("2", "3"), "4"),
        ),
        Task("rte", "classification", ("accuracy",), (_PAIR,), Columns(("2", "3"), "4")),
        Task("wnli", "classification", ("accuracy",), (_PAIR,), Columns(("2", "3"), "4")),
        Task("classification", "classification", ("accuracy",), _ANY),
        Task("regression", "regression", ("spearman", "pearson"), _ANY),
        Task("ner", "tokens", ("f1", "precision", "recall", "accuracy")),
        Task("pos", "tokens", ("accuracy",)),
        Task("squad", "spans", ("f1", "exact")),
    )
}


def find_task(name: str) -> Task:
    """Return the task of that name; raises OptionError with the names there are.

    >>> find_task("mrpc").columns[0].label
    'Quality'
    """
    if name in TASKS:
        return TASKS[name]
    close = difflib.get_close_matches(name.lower(), TASKS, n=1)
    guess = f" Did you mean {close[0]}?" if close else ""
    raise OptionError(f"--task {name!r} is unknown.{guess} Tasks are {', '.join(TASKS)}.")


@dataclass(frozen=True)
class FinetuneOptions:
    """What makes a fine-tuned model, beside its files; saved in its folder as `task.json`.

    `max_seq_length` in tokens, 0 for the task's default (128; 384 for spans, or what the model has);
    `warmup` as a share of the steps; `null_threshold` in logits; lengths of queries and answers in tokens.
    """

    task: str
    epochs: float = 3.0
    batch_size: int = 32
    learning_rate: float = 5e-5
    max_seq_length: int = 0
    seed: int = 12345
    warmup: float = 0.1
    weight_decay: float = 0.01
    header: bool | None = None
    text_columns: tuple[str, ...] = ()
    label_column: str | None = None
    on_error: str = "fail"
    null_threshold: float = 0.0
    doc_stride: int = 128
    max_query_length: int = 64
    max_answer_length: int = 30
    num_best: int = 20
    precision: str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        find_task(self.task)
        for name in ("batch_size", "doc_stride", "max_query_length", "max_answer_length", "num_best"):
            require(getattr(self, name) >= 1, f"--{_dashed(name)} {getattr(self, name)} must be at least 1.")
        require(self.epochs > 0, f"--epochs {self.epochs:g} must be above 0: zero steps train nothing.")
        require(self.learning_rate > 0, f"--lr {self.learning_rate:g} must be above 0.")
        require(0 <= self.warmup < 1, f"--warmup {self.warmup:g} is a share of the steps: at least 0, below 1.")
        require(self.weight_decay >= 0, f"--weight-decay {self.weight_decay:g} must not be negative.")
        require(
            self.max_seq_length == 0 or self.max_seq_length >= 8, f"--max-seq-length {self.max_seq_length} is below 8."
        )
        require(self.on_error in ("fail", "skip"), f"--on-error {self.on_error!r} must be fail or skip.")
        require(self.precision in ("auto", "fp32", "bf16"), f"--precision {self.precision!r}: auto, fp32 or bf16.")
        require(len(self.text_columns) <= 2, "--text-column may be given once or twice: one text or a pair.")

    @property
    def kind(self) -> str:
        """The task's kind."""
        return find_task(self.task).kind


def choose_length(options: FinetuneOptions, max_position_embeddings: int) -> int:
    """Return the length in tokens that examples are cut to.

    Raises OptionError where the model has fewer positions, or a question leaves no room for its passage.
    """
    default = 384 if options.kind == "spans" else 128
    length = options.max_seq_length or min(default, max_position_embeddings)
    require(
        length <= max_position_embeddings,
        f"--max-seq-length {length} is more than the model's {max_position_embeddings} positions: "
        f"give {max_position_embeddings} or less.",
    )
    if options.kind == "spans":
        require(
            length >= options.max_query_length + 3 + 16,
            f"--max-seq-length {length} leaves fewer than 16 tokens of passage beside a question of up to "
            f"{options.max_query_length}: lower --max-query-length.",
        )
    return length


def _dashed(name: str) -> str:
    return {"num_best": "n-best"}.get(name, name.replace("_", "-"))

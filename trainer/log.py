"""What a run leaves to read: `log.jsonl`, TensorBoard's files, and a picture of its losses."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertdata.files import publish

_SCALARS = ("loss", "mlm_loss", "nsp_loss", "mlm_accuracy", "nsp_accuracy", "lr", "grad_norm", "tokens_per_second")


class RunLog:
    """Appends records to `log.jsonl` and their numbers to TensorBoard; only the first rank has one that writes.

    A record has `kind` (start, train, validation, warning or end) and, but for the first, `step`. Records after
    `first_step`, of a run that went further than its last checkpoint, are removed: those steps are taken again.
    """

    def __init__(self, run: Path, first_step: int, tensorboard: bool) -> None:
        self.path = run / "log.jsonl"
        kept = [record for record in read_log(self.path) if first_step and record.get("step", 0) <= first_step]
        with publish(self.path) as temporary:
            temporary.write_text("".join(f"{json.dumps(record)}\n" for record in kept), encoding="utf-8")
        self._file = self.path.open("a", encoding="utf-8")
        self._board: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(run / "tensorboard"), purge_step=first_step + 1)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def write(self, kind: str, record: dict[str, Any]) -> None:
        """Append one record."""
        self._file.write(json.dumps({"kind": kind, **record}) + "\n")
        self._file.flush()
        if self._board is not None and kind in ("train", "validation"):
            for name in _SCALARS:
                if record.get(name) is not None:
                    self._board.add_scalar(f"{kind}/{name}", record[name], record["step"])


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the records of a `log.jsonl`; a last line that was cut off is left out."""
    records = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                continue
    return records


def draw_curves(run: Path) -> Path | None:
    """Draw losses and accuracies by step from the log into `curves.png`; None where there is too little to draw."""
    records = read_log(run / "log.jsonl")
    train = [record for record in records if record["kind"] == "train"]
    if len(train) < 2:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, 2)
    held_out = [record for record in records if record["kind"] == "validation"]
    for panel, what in zip(panels, ("loss", "accuracy"), strict=True):
        _draw_panel(panel, what, train, held_out)
    start = next((record for record in records if record["kind"] == "start"), {})
    if "unigram_entropy" in start:
        panels[0].axhline(start["unigram_entropy"], color="grey", linestyle=":", label="unigram entropy")
    for panel in panels:
        panel.legend()
    with publish(run / "curves.png") as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    return run / "curves.png"


def _draw_panel(panel: Any, what: str, train: list[dict[str, Any]], held_out: list[dict[str, Any]]) -> None:
    for task, color in (("mlm", "C0"), ("nsp", "C1")):
        name = f"{task}_{what}"
        for records, style, split in ((train, "-", "train"), (held_out, "o--", "validation")):
            points = [(record["step"], record[name]) for record in records if record.get(name) is not None]
            if points:
                panel.plot(*zip(*points, strict=True), style, color=color, markersize=4, label=f"{task} {split}")
    panel.set_xlabel("step")
    panel.set_ylabel(what)

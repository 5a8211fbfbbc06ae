"""The kinds of tasks: what reads, encodes, decodes and scores each, and the model with its head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trainer.heads import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    TaskModel,
)
from trainer.model import BertConfig
from trainer.spans import SpanKind
from trainer.tasks import FinetuneOptions
from trainer.texts import TextKind
from trainer.words import WordKind

Kind = TextKind | WordKind | SpanKind


def make_kind(options: FinetuneOptions, labels: Sequence[str] = ()) -> Kind:
    """Return what reads, encodes, decodes and scores the task of the options."""
    kinds: dict[str, Callable[[FinetuneOptions, Sequence[str]], Kind]] = {"tokens": WordKind, "spans": SpanKind}
    return kinds.get(options.kind, TextKind)(options, labels)


def make_model(kind: Kind, config: BertConfig) -> TaskModel:
    """Return a model with the head of the task."""
    if isinstance(kind, SpanKind):
        return BertForQuestionAnswering(config)
    if isinstance(kind, WordKind):
        return BertForTokenClassification(config, len(kind.labels))
    return BertForSequenceClassification(config, 1 if kind.regression else len(kind.labels), kind.regression)

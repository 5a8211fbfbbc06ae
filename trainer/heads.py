"""The heads of fine-tuning on BERT's encoder, and their losses; parameter names are those of Hugging Face.

Source: Devlin et al. 2018, section 4, and the code released with it: [CLS] through pooler and dropout for texts,
dropout for tokens, nothing between encoder and output for answer spans.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.dropout import Dropout
from trainer.features import TaskBatch
from trainer.model import BertConfig, BertModel

IGNORED = -100


class TaskModel(nn.Module):
    """An encoder with a head; `architecture` is transformers' class that loads it, `per_token` its outputs."""

    architecture = ""
    has_pooler = False
    per_token = True

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = BertModel(config)

    def encode(self, batch: TaskBatch) -> tuple[Tensor, Tensor]:
        """Return hidden states [T, H] and pooled [N, H]."""
        hidden, pooled = self.bert(
            batch.input_ids, batch.token_type_ids, position_ids=batch.position_ids, cu_seqlens=batch.cu_seqlens
        )
        return hidden, pooled

    def loss(self, logits: Tensor, batch: TaskBatch) -> Tensor:
        """Return the mean loss of a batch."""
        raise NotImplementedError


class BertForSequenceClassification(TaskModel):
    """One output row a text or pair, from [CLS]: classes by cross-entropy, or with `regression` one score by MSE."""

    architecture = "BertForSequenceClassification"
    has_pooler = True
    per_token = False

    def __init__(self, config: BertConfig, num_outputs: int, regression: bool = False) -> None:
        super().__init__(config)
        self.regression = regression
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, num_outputs)

    def forward(self, batch: TaskBatch) -> Tensor:
        logits: Tensor = self.classifier(self.dropout(self.encode(batch)[1]))  # [N, outputs]
        return logits

    def loss(self, logits: Tensor, batch: TaskBatch) -> Tensor:
        if self.regression:
            return F.mse_loss(logits.float().squeeze(-1), batch.targets.float())
        return F.cross_entropy(logits.float(), batch.targets)


class BertForTokenClassification(TaskModel):
    """One output row a token; the loss is the mean over tokens that carry a label."""

    architecture = "BertForTokenClassification"

    def __init__(self, config: BertConfig, num_outputs: int) -> None:
        super().__init__(config)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, num_outputs)

    def forward(self, batch: TaskBatch) -> Tensor:
        logits: Tensor = self.classifier(self.dropout(self.encode(batch)[0]))  # [T, outputs]
        return logits

    def loss(self, logits: Tensor, batch: TaskBatch) -> Tensor:
        # A batch in which no token carries a label has no loss, not 0 / 0.
        count = (batch.targets != IGNORED).sum().clamp(min=1)
        return F.cross_entropy(logits.float(), batch.targets, ignore_index=IGNORED, reduction="sum") / count


class BertForQuestionAnswering(TaskModel):
    """Two outputs a token, start and end; the loss is the mean of both cross-entropies over a window's tokens."""

    architecture = "BertForQuestionAnswering"

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)

    def forward(self, batch: TaskBatch) -> Tensor:
        logits: Tensor = self.qa_outputs(self.encode(batch)[0])  # [T, 2]
        return logits

    def loss(self, logits: Tensor, batch: TaskBatch) -> Tensor:
        padded = pad_rows(logits.float(), batch)  # [N, L, 2]
        starts = F.cross_entropy(padded[..., 0], batch.targets[:, 0])
        return (starts + F.cross_entropy(padded[..., 1], batch.targets[:, 1])) / 2


def pad_rows(logits: Tensor, batch: TaskBatch) -> Tensor:
    """Return packed rows [T, C] as [N, L, C], with minus infinity where a sequence has ended."""
    lengths = batch.cu_seqlens.diff().long()
    row = torch.repeat_interleave(torch.arange(len(lengths), device=logits.device), lengths)
    padded = logits.new_full((len(lengths), int(lengths.max()), logits.shape[-1]), float("-inf"))
    return padded.index_put((row, batch.position_ids), logits)

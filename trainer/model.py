"""BERT, as in the original: embeddings, post-LN encoder, pooler, masked-LM and next-sentence heads.

Parameter names are those of Hugging Face checkpoints, so state dicts map one to one; the decoder of the masked-LM head
is the word embedding itself and isn't stored. Every block works on flat tokens [T, H]; only attention knows where
sequences begin and end (`trainer/attention.py`), so a batch may come padded or packed.

Source: Devlin et al. 2018 and the code released with it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bertdata.errors import FormatError, require
from trainer import fused
from trainer.attention import PackedSequences, PaddedSequences, Sequences, Tokens, send
from trainer.batch import PreTrainingBatch, PreTrainingSums
from trainer.dropout import Dropout, RowNoise
from trainer.linear import Linear
from trainer.loss import linear_cross_entropy

# `gelu` is the erf form; the original computes the tanh form, which transformers knows under two names.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
}


def call(module: nn.Module, *inputs: object) -> Tensor:
    """Call a module whose output is one tensor; torch's own annotations say Any."""
    output: Tensor = module(*inputs)
    return output


def drop(dropout: Dropout, x: Tensor, tokens: Tokens) -> Tensor:
    """Drop numbers of [T, H] by the noise of the rows that they belong to."""
    return call(dropout, x, tokens.token_noise(x.shape[-1]))


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """The shape and the numerics of a BERT; field names and file form are those of Hugging Face's `config.json`."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu_pytorch_tanh"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        heads, hidden = self.num_attention_heads, self.hidden_size
        require(heads > 0 and hidden % heads == 0, f"hidden_size {hidden} isn't a multiple of {heads} attention heads")
        known = ", ".join(ACTIVATIONS)
        require(self.hidden_act in ACTIVATIONS, f"hidden_act {self.hidden_act!r} is unknown; known are {known}")
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            require(0 <= getattr(self, name) < 1, f"{name} {getattr(self, name)} must be at least 0 and below 1")

    @classmethod
    def from_json(cls, path: str | Path) -> BertConfig:
        """Read a `config.json`; keys that don't change a BERT are ignored.

        Raises FormatError where the file isn't the configuration of a BERT with absolute positions.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            model_type = values.get("model_type", "bert")
            positions = values.get("position_embedding_type", "absolute")
        except (OSError, ValueError, AttributeError) as error:
            raise FormatError(f"{path} can't be read as a model's config.json: {error}") from error
        require(model_type == "bert", f"{path} has model_type {model_type!r}; only bert is known", FormatError)
        require(positions == "absolute", f"{path} has {positions!r} positions; only absolute ones work", FormatError)
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names and value is not None})

    def to_json(self, architecture: str = "BertForPreTraining") -> str:
        """Return the text of a `config.json` that `transformers.AutoModel` loads."""
        head: dict[str, Any] = {"architectures": [architecture], "model_type": "bert"}
        values = head | dataclasses.asdict(self) | {"position_embedding_type": "absolute", "tie_word_embeddings": True}
        return json.dumps(values, indent=2, sort_keys=True) + "\n"


class BertEmbeddings(nn.Module):
    """Word + position + token type, LayerNorm, dropout. [PAD]'s row is an ordinary trained row, as in the original."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor, position_ids: Tensor, sequences: Sequences) -> Tensor:
        x = self.word_embeddings(input_ids) + self.position_embeddings(position_ids)  # [T, H]
        x = self.LayerNorm(x + self.token_type_embeddings(token_type_ids))
        return drop(self.dropout, x, sequences)


class BertSelfAttention(nn.Module):
    """Scaled dot-product attention of every sequence on itself, with dropout on the probabilities."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.query = Linear(config.hidden_size, config.hidden_size)
        self.key = Linear(config.hidden_size, config.hidden_size)
        self.value = Linear(config.hidden_size, config.hidden_size)
        self.dropout = Dropout(config.attention_probs_dropout_prob)

    def forward(self, x: Tensor, own: Tensor, sequences: Sequences, tokens: Tokens) -> Tensor:
        query, key, value = (
            call(layer, y).view(len(y), self.num_heads, -1)
            for layer, y in ((self.query, own), (self.key, x), (self.value, x))
        )  # [S, heads, D], twice [T, heads, D]
        return self.attend(query, key, value, sequences, tokens).flatten(-2)  # [S, H]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, sequences: Sequences, tokens: Tokens) -> Tensor:
        return sequences.attend(query, key, value, self.dropout, tokens)


class BertOutput(nn.Module):
    """Dense, dropout, residual, LayerNorm: what ends both halves of a post-LN block."""

    def __init__(self, in_features: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = Linear(in_features, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(self, x: Tensor, residual: Tensor, tokens: Tokens) -> Tensor:
        return call(self.LayerNorm, drop(self.dropout, self.dense(x), tokens) + residual)


class BertAttention(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = BertSelfAttention(config)
        self.output = BertOutput(config.hidden_size, config)

    def forward(self, x: Tensor, sequences: Sequences, tokens: Tokens) -> Tensor:
        own = x if tokens.index is None else x.index_select(0, tokens.index)
        return call(self.output, self.self(x, own, sequences, tokens), own, tokens)


class BertIntermediate(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.intermediate_size)
        self.kind, self.activation = config.hidden_act, ACTIVATIONS[config.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(call(self.dense, x))


class BertLayer(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = BertAttention(config)
        self.intermediate = BertIntermediate(config)
        self.output = BertOutput(config.intermediate_size, config)

    def forward(self, x: Tensor, sequences: Sequences, tokens: Tokens) -> Tensor:
        """Return the hidden states [S, H] of some tokens, which attend to all of [T, H]."""
        if fused.computes_layer(x, self.attention.self.num_heads, sequences):
            return fused.layer(self.parts(), x, sequences, tokens)
        x = self.attention(x, sequences, tokens)
        return call(self.output, self.intermediate(x), x, tokens)

    def parts(self) -> fused.Parts:
        """Return what a layer is made of, for a GPU to compute as a whole."""
        own, after = self.attention.self, self.attention.output
        products = (own.query, own.key, own.value, after.dense, self.intermediate.dense, self.output.dense)
        norms, kind = (after.LayerNorm, self.output.LayerNorm), self.intermediate.kind
        return fused.Parts(products, norms, own.num_heads, kind, after.dropout.rate, own.dropout.rate)


class BertEncoder(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(BertLayer(config) for _ in range(config.num_hidden_layers))

    def forward(self, x: Tensor, sequences: Sequences, last: Tokens) -> Tensor:
        """Return the last layer's hidden states of the tokens `last`; no other layer can leave any out."""
        for number, layer in enumerate(self.layer, 1):
            x = call(layer, x, sequences, sequences if number < len(self.layer) else last)
        return x


class BertPooler(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.hidden_size)

    def forward(self, first_tokens: Tensor) -> Tensor:
        return torch.tanh(call(self.dense, first_tokens))


class BertModel(nn.Module):
    """The encoder with its pooler.

    A padded batch: `input_ids` [N, L], optional `attention_mask` [N, L] (true at real tokens); gives hidden states
    [N, L, H] and pooled [N, H]. A packed batch: `input_ids` [T], `position_ids` [T], `cu_seqlens` [N + 1]; gives hidden
    states [T, H] and pooled [N, H]. With `wanted` [M], flat indices of tokens, only their hidden states are computed in
    the last layer, whose dense parts are most of its work, and [M, H] is given. Python reads `cu_seqlens` and `wanted`:
    on a CPU they don't make it wait for a GPU.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = BertEmbeddings(config)
        self.encoder = BertEncoder(config)
        self.pooler = BertPooler(config)

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        cu_seqlens: Tensor | None = None,
        noise: RowNoise | None = None,
        wanted: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        shape = input_ids.shape
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        if cu_seqlens is not None:
            sequences: Sequences = PackedSequences(cu_seqlens, noise)
        else:
            sequences = PaddedSequences(shape[0], shape[1], attention_mask, noise)
        if position_ids is None:
            position_ids = sequences.position_ids(input_ids.device)
        flat = (input_ids.reshape(-1), token_type_ids.reshape(-1), position_ids.reshape(-1))
        x = self.embeddings(*flat, sequences)
        first = np.array(sequences.starts)
        if wanted is None:
            hidden = self.encoder(x, sequences, sequences)  # [T, H]
            return hidden.view(*shape, -1), call(self.pooler, hidden.index_select(0, send(first, x.device)))
        chosen = wanted.numpy()
        index = np.sort(np.concatenate([first, chosen]))  # [CLS] is never masked: all are different
        hidden = self.encoder(x, sequences, sequences.select(index, x.device))  # [S, H]
        places, firsts = (send(np.searchsorted(index, some), x.device) for some in (chosen, first))
        return hidden.index_select(0, places), call(self.pooler, hidden.index_select(0, firsts))


class BertPredictionTransform(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        return call(self.LayerNorm, self.activation(self.dense(x)))


class BertPredictions(nn.Module):
    """The masked-LM head without its decoder, which is the word embedding."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.transform = BertPredictionTransform(config)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))


class BertPreTrainingHeads(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.predictions = BertPredictions(config)
        self.seq_relationship = Linear(config.hidden_size, 2)


class BertForPreTraining(nn.Module):
    """BERT with its masked-LM and next-sentence heads; the first is computed at masked positions only."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = BertModel(config)
        self.cls = BertPreTrainingHeads(config)

    def heads(self, batch: PreTrainingBatch) -> tuple[Tensor, Tensor]:
        """Return what the decoder reads at each masked position [M, H], and the next-sentence logits [N, 2]."""
        masked, pooled = self.bert(
            batch.input_ids,
            batch.token_type_ids,
            batch.attention_mask,
            batch.position_ids,
            batch.cu_seqlens,
            batch.noise,
            batch.masked_index,
        )
        return self.cls.predictions.transform(masked), self.cls.seq_relationship(pooled)

    def logits(self, batch: PreTrainingBatch) -> tuple[Tensor, Tensor]:
        """Return the masked-LM logits [M, V] and the next-sentence logits [N, 2]."""
        masked, next_sentence = self.heads(batch)
        decoder = self.bert.embeddings.word_embeddings.weight
        return F.linear(masked, decoder, self.cls.predictions.bias), next_sentence

    def forward(self, batch: PreTrainingBatch) -> PreTrainingSums:
        masked, next_sentence = self.heads(batch)
        decoder = self.bert.embeddings.word_embeddings.weight
        mlm_loss, mlm_correct = linear_cross_entropy(masked, decoder, self.cls.predictions.bias, batch.masked_labels)
        nsp_loss = F.cross_entropy(next_sentence.float(), batch.next_sentence_label, reduction="sum")
        nsp_correct = (next_sentence.argmax(-1) == batch.next_sentence_label).sum()
        return PreTrainingSums(mlm_loss, nsp_loss, mlm_correct, nsp_correct)


def compile_layers(model: BertForPreTraining, backend: str = "inductor") -> None:
    """Have torch compile what every layer does before and after attention, once for all layers and lengths.

    Attention itself reads lengths in Python, and each batch's would be compiled anew.
    """
    disable: Callable[[Any], Any] = torch.compiler.disable
    for layer in model.bert.encoder.layer:
        for attention in (module for module in layer.modules() if isinstance(module, BertSelfAttention)):
            attention.attend = disable(attention.attend)  # type: ignore[method-assign]
        layer.compile(dynamic=True, backend=backend)


def count_parameters(model: nn.Module) -> int:
    """Count trained numbers; the tied decoder counts once."""
    return sum(parameter.numel() for parameter in model.parameters())

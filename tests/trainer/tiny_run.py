"""A run's folder with a model of one layer and a vocabulary of letters and a few words."""

from __future__ import annotations

from pathlib import Path

from bertdata.vocab import SPECIAL_TOKENS, write_vocabulary
from trainer.hf import write_model
from trainer.initial import init_weights
from trainer.model import BertConfig, BertForPreTraining

_TEXT = "the a good bad boat river bridge anna bertil met lost saw in at who what where did key . , ? \" ' - !"
WORDS = _TEXT.split()
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
TOKENS = [*SPECIAL_TOKENS, *WORDS, *(c for c in LETTERS if c not in WORDS), *(f"##{c}" for c in LETTERS)]
CONFIG = BertConfig(len(TOKENS), 32, 1, 2, 64, max_position_embeddings=64)


def write_run(folder: Path, config: BertConfig = CONFIG) -> Path:
    """Write a run as `bertdata pretrain` leaves it, with drawn weights."""
    model = BertForPreTraining(config)
    init_weights(model, 3, 0.1)
    folder.mkdir(parents=True, exist_ok=True)
    write_model(model, folder, "BertForPreTraining")
    write_vocabulary(folder, TOKENS, lowercase=True)
    return folder

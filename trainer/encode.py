"""Text to token ids for fine-tuning, with the tokenizer of the model's own folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.errors import FormatError, require

Ids = npt.NDArray[np.int32]
_BATCH = 1000


class Encoder:
    """A model's tokenizer: ids without special tokens, so that the callers place [CLS] and [SEP] themselves.

    The words "[SEP]" or "[MASK]" in a text are text, as in the original.

    Raises FormatError where the folder has no tokenizer, or one whose ids the model doesn't have.
    """

    def __init__(self, folder: str | Path, vocab_size: int) -> None:
        self.tokenizer = load_tokenizer(folder)
        specials = ("[CLS]", "[SEP]", "[UNK]")
        self.cls_id, self.sep_id, self.unk_id = (_special_id(self.tokenizer, folder, token) for token in specials)
        size = self.tokenizer.get_vocab_size()
        require(
            size <= vocab_size,
            f"{folder}: the tokenizer has {size:,} tokens, the model {vocab_size:,}: they don't belong together.",
            FormatError,
        )

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Return each text's token ids."""
        return [np.array(e.ids, np.int32) for part in _parts(texts) for e in self._encode(part, "encode_batch_fast")]

    def ids_and_offsets(self, texts: Sequence[str]) -> list[tuple[Ids, npt.NDArray[np.int32]]]:
        """Return each text's token ids and their (start, end) characters in the original text, [n, 2]."""
        encodings = (e for part in _parts(texts) for e in self._encode(part, "encode_batch"))
        return [(np.array(e.ids, np.int32), np.array(e.offsets, np.int32).reshape(-1, 2)) for e in encodings]

    def _encode(self, texts: Sequence[str], method: str) -> Any:
        return getattr(self.tokenizer, method)(list(texts), add_special_tokens=False)


def load_tokenizer(folder: str | Path) -> Any:
    """Load `tokenizer.json`, or make a tokenizer from `vocab.txt` and `tokenizer_config.json`.

    Truncation and padding that the file may carry are switched off.
    """
    from tokenizers import Tokenizer

    folder = Path(folder)
    if (folder / "tokenizer.json").is_file():
        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:
            raise FormatError(f"{folder / 'tokenizer.json'} can't be read as a tokenizer: {error}") from error
    else:
        tokenizer = _from_vocabulary(folder)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def _from_vocabulary(folder: Path) -> Any:
    import json

    from tokenizers import BertWordPieceTokenizer

    path = folder / "vocab.txt"
    require(
        path.is_file(), f"{folder} has neither tokenizer.json nor vocab.txt: copy the model's own there.", FormatError
    )
    config_path = folder / "tokenizer_config.json"
    config = json.loads(config_path.read_text(encoding="utf-8")) if config_path.is_file() else {}
    try:
        return BertWordPieceTokenizer(
            str(path),
            lowercase=config.get("do_lower_case", True),
            strip_accents=config.get("strip_accents"),
            handle_chinese_chars=config.get("tokenize_chinese_chars", True),
        )._tokenizer
    except Exception as error:
        raise FormatError(f"{path} can't be read as a vocabulary: {error}") from error


def truncated_lengths(a: Ids, b: Ids, limit: int) -> tuple[Ids, Ids]:
    """Return the lengths that pairs keep when tokens are taken from the longer side, a tie from B, down to `limit`.

    >>> [int(x[0]) for x in truncated_lengths(np.array([9]), np.array([4]), 7)]
    [4, 3]
    """
    half_a, half_b = limit - limit // 2, limit // 2
    return np.minimum(a, np.maximum(half_a, limit - b)), np.minimum(b, np.maximum(half_b, limit - a))


def _special_id(tokenizer: Any, folder: str | Path, token: str) -> int:
    token_id = tokenizer.token_to_id(token)
    require(token_id is not None, f"{folder}: the tokenizer has no {token}, which BERT needs.", FormatError)
    return int(token_id)


def _parts(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[i : i + _BATCH] for i in range(0, len(texts), _BATCH)]

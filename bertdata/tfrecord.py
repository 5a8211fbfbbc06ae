"""TFRecord files of tf.train.Example, as google-research/bert's run_pretraining reads them, without TensorFlow.

Sources: the framing (length, masked CRC-32C, data, masked CRC-32C) is TensorFlow's `record_writer`; the messages are
tensorflow/core/example/{example,feature}.proto in Protocol Buffers' wire format; the features are those of BERT's
`create_pretraining_data`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from bertdata.batches import Examples

_MASK_DELTA = 0xA282EAD8
# Wire tags: field number * 8 + 2 (a length and that many bytes follow).
_FIELD_1, _FIELD_2, _FIELD_3 = b"\x0a", b"\x12", b"\x1a"


def bert_features(examples: Examples, max_seq_length: int, max_predictions: int) -> dict[str, npt.NDArray[Any]]:
    """Return the padded features of n examples: int64[n, …], `masked_lm_weights` float32.

    Rows have `max_seq_length` tokens and `max_predictions` predictions; the rest is 0, as the original pads.
    """
    real = np.arange(max_seq_length) < examples.lengths[:, None]
    ids = _padded(examples.input_ids, real)
    segments = (np.arange(max_seq_length) >= examples.segment_b_start[:, None]) & real
    predicted = np.arange(max_predictions) < np.diff(examples.masked_offsets)[:, None]
    return {
        "input_ids": ids,
        "input_mask": real.astype(np.int64),
        "segment_ids": segments.astype(np.int64),
        "masked_lm_positions": _padded(examples.masked_positions, predicted),
        "masked_lm_ids": _padded(examples.masked_labels, predicted),
        "masked_lm_weights": predicted.astype(np.float32),
        "next_sentence_labels": examples.next_sentence_label.astype(np.int64)[:, None],
    }


def encode_examples(features: Mapping[str, npt.NDArray[Any]]) -> Iterator[bytes]:
    """Give one serialised tf.train.Example a row; features are int64 (not negative, below 2^28) or float32, [n, k]."""
    columns = [
        [_map_entry(name, payload, values.dtype == np.float32) for payload in _payloads(values)]
        for name, values in features.items()
    ]
    for entries in zip(*columns, strict=True):
        yield _delimited(_FIELD_1, b"".join(entries))


def write_records(file: IO[bytes], records: Iterator[bytes]) -> int:
    """Write framed records; return their number."""
    from google_crc32c import value as crc32c

    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007
        length = struct.pack("<Q", len(record))
        file.write(b"".join((length, mask_crc(crc32c(length)), record, mask_crc(crc32c(record)))))
    return count


def mask_crc(crc: int) -> bytes:
    """Return the four bytes that stand for a CRC: rotated by 15 and shifted, so that a CRC of CRCs stays safe.

    >>> mask_crc(0).hex()
    'd8ea82a2'
    """
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF)


def _padded(values: npt.NDArray[Any], real: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    rows = np.zeros(real.shape, np.int64)
    rows[real] = values
    return rows


def _payloads(values: npt.NDArray[Any]) -> Iterator[bytes]:
    """Give each row's packed values: varints for integers, little-endian floats."""
    if values.dtype == np.float32:
        yield from (row.astype("<f4").tobytes() for row in values)
        return
    num_bytes = 1 + (values >= 1 << 7) + (values >= 1 << 14) + (values >= 1 << 21)
    ends = np.cumsum(num_bytes)
    flat, first = values.ravel(), ends - num_bytes.ravel()
    buffer = np.empty(int(ends[-1]), np.uint8)
    for place in range(int(num_bytes.max())):
        has = num_bytes.ravel() > place
        more = (num_bytes.ravel()[has] > place + 1).astype(np.uint8) << 7
        buffer[first[has] + place] = ((flat[has] >> 7 * place) & 0x7F).astype(np.uint8) | more
    data, start = buffer.tobytes(), 0
    for end in ends.reshape(values.shape)[:, -1].tolist():
        yield data[start:end]
        start = end


def _map_entry(name: str, payload: bytes, is_float: bool) -> bytes:
    values = _delimited(_FIELD_1, payload)  # Int64List.value or FloatList.value, packed
    feature = _delimited(_FIELD_2 if is_float else _FIELD_3, values)  # Feature.float_list or Feature.int64_list
    entry = _delimited(_FIELD_1, name.encode()) + _delimited(_FIELD_2, feature)  # map key and value
    return _delimited(_FIELD_1, entry)  # Features.feature


def _delimited(tag: bytes, data: bytes) -> bytes:
    return tag + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    """Return a number in seven-bit groups, the lowest first.

    >>> _varint(300).hex()
    'ac02'
    """
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])

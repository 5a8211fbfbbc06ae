"""Clean documents, WordPiece vocabularies and BERT pretraining examples: pure functions and formats.

Nothing here imports Apache Beam, torch or click, and nothing prints.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bertdata.reader import open_shards as open_shards

__all__ = ["__version__", "open_shards"]


def __getattr__(name: str) -> Any:
    # numpy and pyarrow cost 0.6 s to import; `bertdata --help` must not pay for them.
    if name == "open_shards":
        from bertdata.reader import open_shards

        return open_shards
    raise AttributeError(f"module 'bertdata' has no attribute {name!r}")

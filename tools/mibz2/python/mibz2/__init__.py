"""Decode bz2 by the crate mibz2: the part of its Python package that bertdata uses."""

from ._mibz2 import DecodeError, decompress

__all__ = ["DecodeError", "decompress"]

"""Wikitext to prose: paragraphs of running text, as BERT's recipe wants them."""

from bertdata.extract.wikitext.cleaner import Cleaned, Cleaner

__all__ = ["Cleaned", "Cleaner"]

"""Wikitext to prose: paragraphs of running text, as BERT's recipe wants them."""

from bertdata.extract.wikitext.cleaner import Cleaned, Cleaner
from bertdata.extract.wikitext.explain import Span, explain
from bertdata.extract.wikitext.marks import Hole
from bertdata.extract.wikitext.tidy import holes

__all__ = ["Cleaned", "Cleaner", "Hole", "Span", "explain", "holes"]

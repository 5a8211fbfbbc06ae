"""The authority: mwparserfromhell's tree, read by the same rules as the fast path.

It flattens what the fast path isn't sure of, and, in tests and benchmarks, whole pages. The bounds of a page hold
before it is called: mwparserfromhell alone has inputs of 80 KB that take minutes or gigabytes.
"""

from __future__ import annotations

from typing import Any

import mwparserfromhell
from mwparserfromhell import nodes

from bertdata.extract.wikitext import blocks, links, tags
from bertdata.extract.wikitext.fast import Reader, drop_pointers, flatten
from bertdata.extract.wikitext.marks import COMMENT, show_pipes
from bertdata.extract.wikitext.templates import is_silent, placed

_BLOCKS = frozenset([*blocks.DROPPED, "nowiki"])
# How much of the text before a template its rule may look at.
_CONTEXT_NODES, _CONTEXT_CHARS = 20, 120
_LISTS = frozenset(("ul", "ol", "dl", "table", "h1", "h2", "h3", "h4", "h5", "h6"))


class TreeReader:
    """Turn a tree of wikicode into flat text."""

    def __init__(self, title: str, reader: Reader) -> None:
        self.title, self.templates, self.wiki, self.tally = title, reader.templates, reader.wiki, reader.tally

    def text(self, code: Any, before: str = "|") -> str:
        """Return the flat text of a piece of wikicode; `before` is what stands before it."""
        parts: list[str] = []
        for node in code.nodes if code is not None else ():
            parts.append(self._node(node, "".join(parts[-_CONTEXT_NODES:])[-_CONTEXT_CHARS:] if parts else before))
        return "".join(parts)

    def _node(self, node: Any, before: str) -> str:
        match node:
            case nodes.Text():
                return str(node.value)
            case nodes.Comment():
                self.tally.add("comment")
                return COMMENT
            case nodes.Template():
                return self._template(node, before)
            case nodes.Wikilink():
                label = "" if node.text is None else "|" + self.text(node.text)
                return links.link_text(show_pipes(self.text(node.title) + label), self.wiki, self.tally)
            case nodes.ExternalLink():
                return self._external(node)
            case nodes.Heading():
                marks = "=" * node.level
                return f"{marks}{self.text(node.title)}{marks}"
            case nodes.Tag():
                return self._tag(node, before)
            case nodes.Argument():
                return self.text(node.default)
        return str(node)

    def _template(self, node: Any, before: str) -> str:
        parts = [self.text(node.name)]
        for parameter in node.params:
            value = self.text(parameter.value)
            parts.append(f"{self.text(parameter.name)}={value}" if parameter.showkey else value)
        printed, name = self.templates.render("|".join(parts), self.title, self.tally)
        self.tally.add("template kept" if printed else "template dropped")
        printed = placed(printed, name, before[-1:])
        if printed:
            return printed
        return "" if before[-1:] in ("", "\n") or is_silent(name) else self.tally.mark(name)

    def _external(self, node: Any) -> str:
        if not node.brackets:
            return str(node)
        self.tally.add("external link")
        return self.text(node.title).lstrip() if node.title is not None else ""

    def _tag(self, node: Any, before: str) -> str:
        name = str(node.tag).strip().lower()
        if name in _BLOCKS:
            body, attributes = "" if node.contents is None else str(node.contents), "".join(map(str, node.attributes))
            text = blocks.block_text(name, body, attributes, self.tally)
            return blocks.after_reference(before) if name == "ref" else text
        if node.wiki_markup and name in ("table", "tr", "td", "th"):
            self.tally.add("table")
            return "\n"
        if node.wiki_markup:
            return str(node.wiki_markup) + self.text(node.contents)
        if name in _LISTS:
            self.tally.add("tag:list")
            return "\n\n"
        if node.self_closing or node.contents is None:
            left = tags.tag_text(name, False)
            return str(node) if left is None else left
        return self._element(node, name)

    def _element(self, node: Any, name: str) -> str:
        style = str(node.get("style").value) if node.has("style") else ""
        if "none" in style and tags.is_hidden(style):
            return ""
        if name == "sup":  # What it holds may be a power: the patterns see to it.
            return f"<sup>{self.text(node.contents)}</sup>"
        opening, closing = tags.tag_text(name, False), tags.tag_text(name, True)
        if opening is None or closing is None:
            return str(node)
        return opening + self.text(node.contents) + closing


def flatten_tree(text: str, title: str, reader: Reader) -> str:
    """Return the flat text of wikitext by way of mwparserfromhell, then of what it couldn't read by the patterns."""
    text = drop_pointers(text, reader.tally)
    code = mwparserfromhell.parse(text, skip_style_tags=True)
    flat = blocks.drop_comment_marks(TreeReader(title, reader).text(code, "\n"))
    return flatten(show_pipes(flat), title, reader)

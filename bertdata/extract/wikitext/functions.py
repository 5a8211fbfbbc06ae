"""Parser functions and variables: what MediaWiki computes itself inside `{{…}}`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from bertdata.extract.wikitext.call import Call
from bertdata.extract.wikitext.marks import PIPE
from bertdata.extract.wikitext.numbers import format_number

Function = Callable[[Call], str]
_VARIABLES = {
    # Signs that must not part the values of a template around them: one is written for them, or a reference.
    "!": PIPE,
    "=": "&#61;",
    "(": "{",
    ")": "}",
    "((": "",
    "))": "",
    "!-": "",
    "-!": "",
    "!!": PIPE + PIPE,
    "'": "'",
    "*": "",
    "•": " • ",
    "·": " · ",
}
_TITLES = {
    "pagename",
    "fullpagename",
    "basepagename",
    "subjectpagename",
    "articlepagename",
    "rootpagename",
    "subpagename",
}
_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def is_variable(name: str) -> bool:
    """Tell whether a name may print something where it has no values."""
    return name in _TITLES or name in _VARIABLES


def variable(name: str, title: str, inside: str) -> str:
    """Return what a variable such as `{{PAGENAME}}` prints; anything else prints nothing here."""
    if "|" in inside:
        return ""
    return title if name in _TITLES else _VARIABLES.get(name, "")


def _compute(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_compute(node.left), _compute(node.right))
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_compute(node.operand))
    raise ValueError(node)


def expression(text: str) -> str:
    """Compute `#expr`'s sums, products and `round`; nothing where the expression holds more.

    >>> expression("1310 / 156.9 round 1"), expression("2 * (3 + 4)"), expression("now")
    ('8.3', '14', '')
    """
    body, _, digits = text.partition("round")
    body = body.replace("−", "-").replace(" div ", "/").strip()
    if not body or len(body) > 100 or set(body) - set("0123456789.+-*/() "):
        return ""
    try:
        value = _compute(ast.parse(body, mode="eval").body)
        value = round(value, int(digits)) if digits.strip() else value
    except (ValueError, SyntaxError, KeyError, ZeroDivisionError, OverflowError, RecursionError, MemoryError):
        return ""
    return f"{value:.12g}"


def _if(call: Call) -> str:
    return call.value(2) if call.value(1) else call.value(3)


def _ifeq(call: Call) -> str:
    return call.value(3) if call.value(1) == call.value(2) else call.value(4)


def _switch(call: Call) -> str:
    wanted, *cases = call.positional
    default, matched = "", False
    for case in cases:
        key, equals, value = case.partition("=")
        if equals and (matched or key.strip() == wanted.strip()):
            return value.strip()
        matched = matched or (not equals and key.strip() == wanted.strip())
        if key.strip() == "#default" or not equals:
            default = (value if equals else case).strip()
    return default


def _plural(call: Call) -> str:
    return call.value(2) if call.value(1) in ("1", "-1") else call.value(3) or call.value(2)


def _nothing(call: Call) -> str:
    return ""


FUNCTIONS: dict[str, Function] = {
    "formatnum": lambda call: format_number(call.value(1), call.language, raw="r" in call.value(2).lower()),
    "lc": lambda call: call.value(1).lower(),
    "uc": lambda call: call.value(1).upper(),
    "lcfirst": lambda call: call.value(1)[:1].lower() + call.value(1)[1:],
    "ucfirst": lambda call: call.value(1)[:1].upper() + call.value(1)[1:],
    "#if": _if,
    "#ifeq": _ifeq,
    "#ifexist": lambda call: call.value(2),
    "#iferror": lambda call: call.value(1),
    "#ifexpr": lambda call: call.value(2) if expression(call.value(1)) not in ("", "0") else call.value(3),
    "#switch": _switch,
    "#expr": lambda call: expression(call.value(1)),
    "plural": _plural,
    "padleft": lambda call: call.value(1),
    "grammar": lambda call: call.value(2),
    "gender": lambda call: call.value(2),
    "nowrap": lambda call: call.value(1),
    **dict.fromkeys(
        ["defaultsort", "defaultsortkey", "displaytitle", "int", "ns", "fullurl", "localurl", "#tag", "#invoke"],
        _nothing,
    ),
    **dict.fromkeys(
        ["standardsortierung", "sortierung", "anchorencode", "filepath", "#time", "#coordinates"], _nothing
    ),
}
for _local in ("форматирај", "formatera", "fn", "форматчисла", "zahlenformat", "μορφοποίησηαριθμού"):
    FUNCTIONS.setdefault(_local, FUNCTIONS["formatnum"])

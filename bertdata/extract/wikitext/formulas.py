"""Formulas inside sentences: TeX that can be written in one line becomes that line, everything else leaves a hole.

`<math>x_0</math>` in a sentence is a word of it: without it "the mean of and is" remains. A formula that stands by
itself is no prose; a later stage sees that, since each formula comes between two marks.
"""

from __future__ import annotations

import re

FORMULA = "\x06"
# What is longer is a display, whatever its page calls it.
_MAX_TEX, _MAX_DEPTH = 300, 8


class _Unwritable(Exception):
    """TeX that has no form in one line."""


def _table(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split())


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LETTERS = _table(
    "alpha=α beta=β gamma=γ delta=δ epsilon=ε varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ lambda=λ "
    "mu=μ nu=ν xi=ξ omicron=ο pi=π varpi=ϖ rho=ρ varrho=ϱ sigma=σ varsigma=ς tau=τ upsilon=υ phi=φ varphi=φ chi=χ "
    "psi=ψ omega=ω Alpha=Α Beta=Β Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω "
    "ell=ℓ hbar=ħ Re=ℜ Im=ℑ aleph=ℵ infty=∞ infin=∞ empty=∅ emptyset=∅ varnothing=∅ partial=∂ nabla=∇ bigstar=★ "
    "star=⋆ N=ℕ Z=ℤ Q=ℚ R=ℝ C=ℂ reals=ℝ natnums=ℕ prime=′ angle=∠ triangle=△ Box=□ square=□ dagger=† degree=° "
    "forall=∀ exists=∃ neg=¬ lnot=¬ top=⊤ bot=⊥ imath=ı jmath=ȷ"
)
# Signs that stand between blanks.
_RELATIONS = _table(
    "le=≤ leq=≤ ge=≥ geq=≥ ne=≠ neq=≠ approx=≈ equiv=≡ sim=∼ simeq=≃ cong=≅ propto=∝ ll=≪ gg=≫ in=∈ notin=∉ ni=∋ "
    "subset=⊂ supset=⊃ subseteq=⊆ supseteq=⊇ to=→ rightarrow=→ longrightarrow=→ leftarrow=← gets=← mapsto=↦ "
    "Rightarrow=⇒ implies=⇒ Leftarrow=⇐ Leftrightarrow=⇔ iff=⇔ leftrightarrow=↔ rightleftharpoons=⇌ pm=± mp=∓ "
    "times=× div=÷ cup=∪ cap=∩ wedge=∧ land=∧ vee=∨ lor=∨ oplus=⊕ otimes=⊗ setminus=∖ perp=⊥ parallel=∥ mid=∣ vdash=⊢ "
    "models=⊨ colon=:"
)
_SIGNS = _table(
    "cdot=· circ=∘ bullet=• ast=* ldots=… dots=… cdots=⋯ dotsb=⋯ dotsc=… langle=⟨ rangle=⟩ lfloor=⌊ rfloor=⌋ lceil=⌈ "
    "rceil=⌉ lbrace={ rbrace=} vert=| Vert=‖ lbrack=[ rbrack=] backslash=\\ sum=∑ prod=∏ int=∫ oint=∮ surd=√"
) | {"{": "{", "}": "}", "%": "%", "$": "$", "#": "#", "&": "&", "_": "_", "|": "‖"}
_FUNCTIONS = _words(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf det dim ker gcd "
    "deg arg mod Pr"
)
# Commands for the eye only.
_SILENT = _words(
    "textstyle displaystyle scriptstyle scriptscriptstyle left right big Big bigl bigr Bigl Bigr bigg Bigg rm bf it "
    "cal limits nolimits mathstrut nonumber"
) | {"!"}
_BLANKS = frozenset(("quad", "qquad", "thinspace", "enspace", "space", ",", ";", ":", " ", ">"))
_WRAPPERS = _words(
    "mathbf mathrm mathit mathsf mathtt mathcal mathfrak mathbb mathscr boldsymbol bold text textrm textit textbf "
    "textsf mbox hbox operatorname operatorname* mathop mathord overline underline mathrel mathbin pmb emph"
)
_ACCENTS = _table("bar=\u0304 hat=\u0302 vec=\u20d7 tilde=\u0303 dot=\u0307 ddot=\u0308 acute=\u0301 check=\u030c")
_ACCENTS |= {"widehat": "\u0302", "widetilde": "\u0303", "overrightarrow": "\u20d7"}
_BOARD = _table("N=ℕ Z=ℤ Q=ℚ R=ℝ C=ℂ P=ℙ H=ℍ")
_TOKEN = re.compile(r"\\([A-Za-z]+\*?|.)|([{}^_~&'])|(\s+)|(.)", re.DOTALL)
_RAISED = str.maketrans("0123456789+-−–n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ")
_POWER = re.compile(r"[+\-−–]?\d{1,6}[+\-−–]?|[+\-−–]|n")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ATOM = re.compile(r"[^\W_]+[\u0300-\u036f⁰¹²³⁴-⁹ⁿ₀-₉′]*|[^\W_]\([^()]*\)|√[^\W_]+")


def raised(text: str) -> str | None:
    """Return a superscript of digits and signs in Unicode's own, or None; zero alone may be an Indic degree sign.

    >>> raised("-18"), raised("2−"), raised("१०"), raised("०"), raised("th")
    ('⁻¹⁸', '²⁻', '¹⁰', '°', None)
    """
    if not _POWER.fullmatch(text):
        return None
    if text == "०":
        return "°"
    return "".join(str(int(c)) if c.isdecimal() else c for c in text).translate(_RAISED)


class _Writer:
    """One formula, read from left to right."""

    def __init__(self, tex: str) -> None:
        self.tokens = list(_TOKEN.finditer(tex))
        self.at = 0

    def group(self, depth: int, closing: bool) -> str:
        """Return the text up to the end, or to the brace that closes this group."""
        if depth > _MAX_DEPTH:
            raise _Unwritable
        parts: list[str] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token[2] == "}":
                self.at += 1
                if closing:
                    return "".join(parts)
                raise _Unwritable
            if token[1] == "over":
                self.at += 1
                below = self.group(depth + 1, closing)
                return _divide("".join(parts), below)
            parts.append(self.item(depth, parts))
        if closing:
            raise _Unwritable
        return "".join(parts)

    def item(self, depth: int, before: list[str]) -> str:
        """Return the text of the next token with what belongs to it."""
        token = self.tokens[self.at]
        self.at += 1
        command, mark, blank, char = token.groups()
        if command is not None:
            return self.command(command, depth, before)
        if blank is not None:
            return ""
        if mark is None:
            return self.sign(char, "".join(before)[-1:])
        match mark:
            case "{":
                return self.group(depth + 1, True)
            case "~":
                return " "
            case "'":
                return "′"
            case "^":
                return self.apart(_raise(self.argument(depth).strip()))
            case "_":
                return self.apart(_lower(self.argument(depth).strip()))
        raise _Unwritable

    def apart(self, index: str) -> str:
        """Return an index with a blank behind it, where what follows would read as a part of it."""
        if index[0] not in "^_" or not index[-1].isalnum():
            return index
        following = next((token for token in self.tokens[self.at :] if token[3] is None), None)
        if following is None or (not (following[4] or "").isalnum() and following[1] not in _LETTERS):
            return index
        return index + " "

    def sign(self, char: str, before: str) -> str:
        """Return a character, with blanks where it stands between two things."""
        following = self.tokens[self.at][0] if self.at < len(self.tokens) else ""
        if char in "=<>" or (char in "+-" and (before.isalnum() or before in (")", "]", "}", "′"))):
            return f" {char} " if following else char
        return ", " if char == "," and not (before.isdecimal() and following.isdecimal()) else char

    def argument(self, depth: int) -> str:
        """Return the next group or the next single token."""
        while self.at < len(self.tokens) and self.tokens[self.at][3] is not None:
            self.at += 1
        if self.at >= len(self.tokens) or self.tokens[self.at][2] in ("}", "^", "_", "&"):
            raise _Unwritable
        return self.item(depth + 1, [])

    def command(self, name: str, depth: int, before: list[str]) -> str:
        """Return what a command prints."""
        if name in _LETTERS:
            return _LETTERS[name]
        if name in _RELATIONS:
            return f" {_RELATIONS[name]} "
        if name in _SIGNS:
            return _SIGNS[name]
        if name in _SILENT:
            if name in ("left", "right") and self.at < len(self.tokens) and self.tokens[self.at][4] == ".":
                self.at += 1
            return ""
        if name in _BLANKS:
            return " " if name in ("quad", "qquad", "space", " ", "enspace") else ""
        if name in _FUNCTIONS:
            return (" " if "".join(before)[-1:].isalnum() else "") + name + self.gap()
        if name in _WRAPPERS:
            if name.startswith(("text", "mbox", "hbox")):
                return self.words()
            inside = self.argument(depth)
            return _BOARD.get(inside, inside) if name == "mathbb" else inside
        if name in _ACCENTS:
            inside = self.argument(depth)
            return inside + _ACCENTS[name] if len(inside) == 1 else inside
        if name in ("frac", "tfrac", "dfrac", "cfrac"):
            return _divide(self.argument(depth), self.argument(depth))
        if name == "sqrt" and not (self.at < len(self.tokens) and self.tokens[self.at][4] == "["):
            return "√" + _whole(self.argument(depth))
        raise _Unwritable

    def gap(self) -> str:
        """Return the blank between a function's name and a letter that follows."""
        following = self.tokens[self.at] if self.at < len(self.tokens) else None
        if following is None or following[2] in ("^", "_", "}") or following[4] in ("(", "[", ",", ")"):
            return ""
        return "" if following[1] == "left" else " "

    def words(self) -> str:
        """Return the words of `\\text{…}`, their blanks included."""
        if self.at >= len(self.tokens) or self.tokens[self.at][2] != "{":
            raise _Unwritable
        parts = []
        self.at += 1
        while self.at < len(self.tokens) and self.tokens[self.at][2] != "}":
            token = self.tokens[self.at]
            if token[1] is not None and token[1] not in _BLANKS:
                raise _Unwritable
            parts.append(" " if token[3] is not None or token[1] is not None else token[0])
            self.at += 1
        self.at += 1
        return "".join(parts)


def _whole(text: str) -> str:
    text = text.strip()
    return text if _ATOM.fullmatch(text) else f"({text})"


def _divide(above: str, below: str) -> str:
    return f"{_whole(above)}/{_whole(below)}"


def _raise(text: str) -> str:
    text = text.replace(" ", "")
    if set(text) <= {"′", "*", "∘"}:
        return text.replace("∘", "°")
    if text in ("st", "nd", "rd", "th"):  # the k-th
        return text
    return raised(text) or "^" + (text if len(text) == 1 or text.isdigit() else f"({text})")


def _lower(text: str) -> str:
    if text.isdecimal():
        return text.translate(_LOWERED)
    return "_" + (text if text.isalnum() else f"({text.replace(' ', '')})")


def write_formula(tex: str) -> str:
    """Return a formula in one line of text, or nothing where it has no such form.

    >>> write_formula(r"a_1,\\ldots,a_n"), write_formula(r"f(x) = \\frac{1}{x^2}"), write_formula(r"\\begin{matrix}")
    ('a₁, …, a_n', 'f(x) = 1/x²', '')
    """
    tex = tex.strip()
    if not tex or len(tex) > _MAX_TEX or "\n\n" in tex:  # TeX ends a formula at a blank line.
        return ""
    try:
        text = _Writer(tex).group(0, False)
    except _Unwritable:
        return ""
    return " ".join(text.split())


_REACTION = re.compile(r"[A-Za-z0-9()+\-=<>^_{}., ]{1,120}")


def write_reaction(body: str) -> str:
    """Return a chemical formula of `<chem>` or `<ce>`; nothing where it holds more than letters, digits and arrows.

    >>> write_reaction("2H2 + O2 -> 2H2O"), write_reaction("SO4^2-"), write_reaction(r"A \\overset{x}{->} B")
    ('2H2 + O2 → 2H2O', 'SO4²⁻', '')
    """
    body = body.strip()
    if not _REACTION.fullmatch(body):
        return ""
    body = re.sub(r"<?-+>", lambda arrow: "⇌" if arrow[0].startswith("<") else "→", body).replace("<=>", "⇌")
    charged = re.sub(r"\^\{?([0-9]*[+\-]?)\}?", lambda charge: charge[1].translate(_RAISED), body)
    return " ".join(re.sub(r"[{}_^]", "", charged).split())

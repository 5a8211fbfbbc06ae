"""Figures of a report: bars as inline SVG whose colours and fonts are the page's own, so that they follow its theme."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# Colours that matplotlib writes, and the page's variables that take their place.
_INK, _LINE, _BAR = "#010101", "#020202", "#030303"
_VARIABLES = {_INK: "var(--muted)", _LINE: "var(--line)", _BAR: "var(--bar)"}
# The size in points: two stand side by side on a wide screen, and the text is readable on a telephone.
_WIDTH, _HEIGHT = 440, 190
_MAX_BARS = 64
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def bars(
    edges: Sequence[float],
    heights: Sequence[float],
    *,
    x: str,
    y: str,
    label: str,
    log: bool = False,
    percent: bool = False,
) -> str:
    """Return a bar chart as SVG; bar n reaches from `edges[n]` to `edges[n + 1]`, `label` is what a screen reader says.

    The same values give the same bytes: no dates, ids from a fixed salt, metrics of the font that matplotlib brings.
    """
    # A first use builds a cache of fonts and says so; nobody who builds a corpus asked for that line.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bertdata", "font.size": 10})
        return _themed(_draw(np.asarray(edges, float), np.asarray(heights, float), x, y, log, percent), label)


def _draw(
    edges: npt.NDArray[np.float64], heights: npt.NDArray[np.float64], x: str, y: str, log: bool, percent: bool
) -> str:
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    figure = Figure(figsize=(_WIDTH / 72, _HEIGHT / 72))
    axes = figure.add_axes((0.105, 0.22, 0.885, 0.66))
    axes.set_axisbelow(True)
    # A count of 1 must be seen on a logarithmic axis, so it begins below.
    floor = 0.6 if log else 0.0
    shown = heights > 0
    gap = 0.12 * np.diff(edges) if len(heights) <= 40 else 0.04 * np.diff(edges)
    axes.bar(
        (edges[:-1] + gap / 2)[shown], (heights - floor)[shown], (np.diff(edges) - gap)[shown], floor,
        align="edge", color=_BAR, linewidth=0, clip_on=False,
    )  # fmt: skip
    axes.set_xlim(edges[0], edges[-1])
    if log:
        axes.set_yscale("log", nonpositive="clip")
        axes.minorticks_off()
    axes.set_ylim(floor, max(heights.max(initial=0) * (1.6 if log else 1.06), 2 * floor, 1e-9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}" if percent else short(value)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    _style(axes, x, y, log)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    return text.getvalue()


def _style(axes: Any, x: str, y: str, log: bool) -> None:
    axes.locator_params(axis="x", nbins=8, integer=True)
    if not log:
        axes.locator_params(axis="y", nbins=4)
    axes.grid(axis="y", color=_LINE, linewidth=0.8)
    axes.tick_params(length=0, labelcolor=_INK, pad=5)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(_LINE)
    axes.set_xlabel(x, color=_INK, loc="right", labelpad=4)
    # Above the axis, not turned: it is read without tilting the head.
    axes.text(-0.1, 1.09, y, color=_INK, transform=axes.transAxes)


def _themed(svg: str, label: str) -> str:
    """Return matplotlib's SVG as a part of a page: no ids but those in use, the page's fonts and colours."""
    from bertdata.report_page import escape

    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.S)
    svg = re.sub(r"<svg [^>]*>", f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">', svg)
    svg = re.sub(r'<(g|path) id="[a-zA-Z]+[._]?[a-z]*_\d+"', r"<\1", svg)
    svg = re.sub(r"\s*font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", svg)
    svg = re.sub(r"<defs>\s*</defs>", "", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return re.sub(r"\s*\n\s*", " ", svg).strip()


def binned(histogram: Sequence[int]) -> tuple[list[float], list[int]]:
    """Return edges and heights of at most 64 bars for counts of the whole numbers 0, 1, …; the last stands at the end.

    >>> binned([0, 3, 4])
    ([-0.5, 0.5, 1.5, 2.5], [0, 3, 4])
    """
    width = -(-len(histogram) // _MAX_BARS)
    # Full bins from the end, so that the last one, which holds the full examples, is as wide as the others.
    ends = list(range(len(histogram), 0, -width))[::-1]
    starts = [max(0, end - width) for end in ends]
    heights = [sum(histogram[low:high]) for low, high in zip(starts, ends, strict=True)]
    return [starts[0] - 0.5, *(end - 0.5 for end in ends)], heights


def short(value: float) -> str:
    """Return a number for an axis.

    >>> short(1500), short(2_000_000), short(7)
    ('1.5k', '2M', '7')
    """
    for size, unit in _UNITS:
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"

"""Plots of the evidence in a report, as SVG in the colors of the page, each with a text description.

Figures are drawn without pyplot, whose global state is not thread-safe.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import isqrt
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray

from grader.model import Curve, Evidence, Images, Matrix
from grader.render.text import one_line

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """One of the pictures of a plot. `name` is empty if the plot has only one picture."""

    name: str
    svg: Markup


@dataclass(frozen=True)
class Plot:
    """A plot with its title, description and pictures."""

    id: str
    title: str
    finding: str
    """A description of what the picture shows, with numbers."""
    panels: tuple[Panel, ...]
    is_wide: bool = False


@lru_cache(maxsize=32)
def plots(evidence: tuple[Evidence, ...]) -> tuple[Plot, ...]:
    """Return the plots of all runs: one for each title of curves, and one each for images and matrices. Data that
    cannot be drawn is left out. Drawing takes about half a second, so the latest plots are kept."""
    titles = dict.fromkeys(curve.title for run in evidence for curve in run.curves)
    drawn = []
    for number, title in enumerate(titles):
        drawn.append(_plot_curves(f"curves-{number}", title, evidence))
    drawn.append(_plot_images(evidence))
    drawn.append(_plot_matrices(evidence))
    return tuple(plot for plot in drawn if plot is not None)


# ── curves ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Run:
    """The curves of a run in one plot."""

    name: str
    curves: Sequence[Curve]


def _plot_curves(id: str, title: str, evidence: Sequence[Evidence]) -> Plot | None:
    """Return the plot of all curves with this title, such as "Loss", of all runs. Return None if no curve has a number
    that can be drawn."""
    runs = []
    for run in evidence:
        curves = [curve for curve in run.curves if curve.title == title and np.isfinite(_values(curve)).any()]
        if curves:
            runs.append(_Run(_run_name(run), curves))
    if not runs:
        return None
    finding = " ".join(_course_of_run(title, run) for run in runs)
    panel = Panel("", picture(id, partial(_draw_curves, runs)))
    return Plot(id, title, finding, (panel,))


def _course_of_run(title: str, run: _Run) -> str:
    """Return the course of a run's curves as a sentence, such as "Training loss of large over 2,000 iterations:
    falls from 2.3 to 0.31."."""
    courses = []
    length = 0
    for curve in run.curves:
        course = f"{curve.name} {_course(curve)}"
        courses.append(course.lstrip())
        length = max(length, len(curve.values) * curve.step)
    unit = run.curves[0].x_label
    return f"{title} of {run.name} over {length:,} {unit}s: {', '.join(courses)}."


def _course(curve: Curve) -> str:
    """Return "falls from 2.3 to 0.31", for example."""
    values = _values(curve)
    finite = values[np.isfinite(values)]
    first, last = float(finite[0]), float(finite[-1])
    verb = "falls" if last < first else "rises"
    if abs(last - first) <= 0.005 * max(abs(first), abs(last)):
        verb = "stays"
    course = f"{verb} from {_short(first)} to {_short(last)}"
    if curve.is_share:
        course = f"{verb} from {first:.1%} to {last:.1%}"
    lost = np.flatnonzero(~np.isfinite(values))
    if lost.size:
        x = lost[0] * curve.step
        course += f", and is not a number at {curve.x_label} {x:,}"
    return course


def _draw_curves(runs: Sequence[_Run], figure: Figure) -> None:
    """Draw the curves of all runs into a figure, with a legend.

    A run has a color and a marker. If runs have several curves, such as training and validation, dashes distinguish
    these; otherwise dashes distinguish the runs, which then differ without color too. A band around a curve shows the
    lowest and highest of the values that each point summarizes.
    """
    curves = [curve for run in runs for curve in run.curves]
    names = list(dict.fromkeys(curve.name for curve in curves))
    axes = plain_axes(figure, curves[0].x_label, curves[0].y_label)
    for i, run in enumerate(runs):
        style: dict[str, Any] = {"color": COLOURS[i % 4]}
        for curve in run.curves:
            points = _thin(curve)
            dashes = _LINES[names.index(curve.name) % 4 if len(names) > 1 else i % 4]
            marker = _MARKERS[i % 4] if len(points.x) <= MOST_MARKERS else None
            axes.fill_between(points.x, points.lowest, points.highest, alpha=0.18, linewidth=0, **style)
            axes.plot(points.x, points.mean, linestyle=dashes, marker=marker, markersize=2.8, **style)
        # a curve without points is an entry of the legend
        axes.plot([], [], linestyle="-" if len(names) > 1 else _LINES[i % 4], label=run.name, **style)
    if len(names) > 1:
        for i, name in enumerate(names):
            axes.plot([], [], color=MUTED, linestyle=_LINES[i % 4], label=name)
    _choose_scale(axes, curves)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 0.99), ncols=4, frameon=False, fontsize=7.5,
        handlelength=2.2, columnspacing=1.2, borderaxespad=0.2, handletextpad=0.5,
    )  # fmt: skip


def _choose_scale(axes: Axes, curves: Sequence[Curve]) -> None:
    """Show shares in percent, and values that differ by more than a factor of 30 on a logarithmic scale."""
    if curves[0].is_share:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        return
    values = np.concatenate([_values(curve) for curve in curves])
    lowest, highest = np.nanmin(values), np.nanmax(values)
    spread = highest / lowest if lowest > 0 else 1.0
    if spread > 30:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if spread > 3000 else (1.0, 3.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))
        axes.yaxis.set_minor_locator(NullLocator())


def _values(curve: Curve) -> Floats:
    """Return the values of a curve, with NaN for those that cannot be drawn."""
    values = np.asarray(curve.values, dtype=np.float64)
    is_drawable = np.abs(values) < 1e15  # larger values would overflow in the arithmetic of the axes
    return np.where(is_drawable, values, np.nan)


@dataclass(frozen=True)
class _Points:
    """The points of a curve, each of which summarizes several values if the curve is long."""

    x: Floats
    mean: Floats
    lowest: Floats
    highest: Floats


def _thin(curve: Curve, most: int = 240) -> _Points:
    """Reduce a curve to at most `most` points."""
    values = _values(curve)
    x = np.arange(len(values), dtype=np.float64) * curve.step
    if len(values) <= most:
        return _Points(x, values, values, values)
    stretches = np.array_split(values, most)
    starts = np.cumsum([0, *map(len, stretches[:-1])])
    finite = [stretch[np.isfinite(stretch)] for stretch in stretches]
    mean, lowest, highest = np.array([_summary(stretch) for stretch in finite]).T
    return _Points(x[starts], mean, lowest, highest)


def _summary(values: Floats) -> tuple[float, float, float]:
    """Return (mean, lowest, highest) of values; NaN if there are none."""
    if not values.size:
        return np.nan, np.nan, np.nan
    return float(values.mean()), float(values.min()), float(values.max())


# ── images ───────────────────────────────────────────────────────────────────────────────────────────


def _plot_images(evidence: Sequence[Evidence]) -> Plot | None:
    """Return the plot of the runs' images, a picture for each run; None if no run has images that can be drawn."""
    titles, phrases, panels = [], [], []
    for i, run in enumerate(evidence):
        images = _pixels(run.images)
        if run.images is not None and images.size:
            titles.append(run.images.title)
            phrases.append(_contrast(_run_name(run), images))
            panels.append(Panel(_run_name(run), _draw_tiles(f"images-{i}", images)))
    return Plot("images", titles[0], f"{'; '.join(phrases)}.", tuple(panels)) if panels else None


def _pixels(images: Images | None) -> Floats:
    """Return the images as an array (images, pixels). Return an empty array unless all are squares of one size."""
    rows = images.pixels if images else ()
    sizes = {len(pixels) for pixels in rows}
    size = sizes.pop() if len(sizes) == 1 else 0
    if not size or isqrt(size) ** 2 != size:
        rows = ()
    return np.asarray(rows, dtype=np.float64).clip(0, 255)


def _contrast(name: str, images: Floats) -> str:
    """Return the description of a run's images: their number, size and contrast, the standard deviation of the gray
    levels in an image."""
    side = isqrt(images.shape[1])
    spread = images.std(axis=1)
    flat = int((spread < 2).sum())
    uniform = f", {flat} of them nearly uniform" if flat else ""
    contrast = _short(float(np.median(spread)))
    return f"{len(images)} images of {name}, {side} by {side} pixels{uniform}, median contrast {contrast} gray levels"


def _draw_tiles(id: str, images: Floats) -> Markup:
    """Return a picture of square images in a grid."""
    side, columns = isqrt(images.shape[1]), isqrt(len(images) - 1) + 1
    rows = -(-len(images) // columns)  # rounded up
    # the gaps between the tiles are transparent, so that they have the page's colour
    sheet = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1, 4), (255, 255, 255, 0), dtype=np.uint8)
    for i, image in enumerate(images.astype(np.uint8)):
        top, left = (i // columns) * (side + 1), (i % columns) * (side + 1)
        tile = sheet[top : top + side, left : left + side]
        tile[:, :, :3] = image.reshape(side, side, 1)
        tile[:, :, 3] = 255

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.imshow(sheet, interpolation="none", aspect="auto")

    return picture(id, draw, 3.0, 3.0 * sheet.shape[0] / sheet.shape[1])


# ── matrices ─────────────────────────────────────────────────────────────────────────────────────────


def _plot_matrices(evidence: Sequence[Evidence]) -> Plot | None:
    """Return the plot of the runs' matrices, such as confusion matrices, a picture for each run; None if there are
    none."""
    titles, sentences, panels = [], [], []
    for i, run in enumerate(evidence):
        counts = _counts(run.matrix)
        if run.matrix is not None and counts.sum() > 0:
            titles.append(run.matrix.title)
            sentences.append(_diagonal_sentence(_run_name(run), run.matrix, counts))
            panels.append(Panel(_run_name(run), _draw_matrix(f"matrix-{i}", run.matrix, counts)))
    return Plot("matrix", titles[0], " ".join(sentences), tuple(panels), is_wide=True) if panels else None


def _counts(matrix: Matrix | None) -> Counts:
    """Return the counts as an array. Return an empty array unless the matrix is a square."""
    rows = matrix.counts if matrix else ()
    is_square = all(len(row) == len(rows) for row in rows)
    return np.asarray(rows if is_square else (), dtype=np.int64)


def _diagonal_sentence(name: str, matrix: Matrix, counts: Counts) -> str:
    """Return the description of a run's matrix: the share on the diagonal, and the largest count elsewhere."""
    diagonal, total = int(np.trace(counts)), int(counts.sum())
    share = f"{name}: {diagonal:,} of {total:,} on the diagonal ({diagonal / total:.1%})"
    elsewhere = counts - np.diag(np.diag(counts))  # the counts with zeros on the diagonal
    if not elsewhere.any():
        return f"{share}."
    row, column = divmod(int(elsewhere.argmax()), len(elsewhere))
    cell = f"{matrix.row_label} {row}, {matrix.column_label} {column}"
    return f"{share}; most often elsewhere: {cell} ({elsewhere.max():,} times)."


def _draw_matrix(id: str, matrix: Matrix, counts: Counts) -> Markup:
    """Return a picture of a matrix. The larger a cell's share of its row, the stronger its color."""
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)

    def draw(figure: Figure) -> None:
        """Draw a square for each count, with row 0 at the top."""
        axes = figure.add_axes((0.085, 0.1, 0.905, 0.895))
        for (row, column), count in np.ndenumerate(counts):
            if count > 0:
                _draw_cell(axes, row, column, int(count), float(shares[row, column]))
        size = len(counts)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel=matrix.column_label, ylabel=matrix.row_label)
        axes.set_xticks(range(size))
        axes.set_yticks(range(size))
        axes.tick_params(length=0)

    return picture(id, draw, 4.4, 4.4)


def _draw_cell(axes: Axes, row: int, column: int, count: int, share: float) -> None:
    """Draw one cell of a matrix: a colored square with the count. `share` is the cell's share of its row."""
    # counts off the diagonal are small: with the square root of the share, even 1 % is visible
    colour, strength = _ELSEWHERE, min(0.55, 0.9 * share**0.5)
    if row == column:
        colour, strength = _DIAGONAL, 0.5 * share
    corner = (column - 0.47, row - 0.47)
    axes.add_patch(Rectangle(corner, 0.94, 0.94, facecolor=colour, alpha=strength, linewidth=0))
    axes.text(column, row, f"{count}", ha="center", va="center_baseline", fontsize=7.5)


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────────

INK, MUTED, _RULE = "#000001", "#000002", "#000003"
COLOURS = ("#000011", "#000012", "#000013", "#000014")
_DIAGONAL, _ELSEWHERE = "#000021", "#000022"
_THEME = {
    INK: "--ink",
    MUTED: "--muted",
    _RULE: "--rule",
    _DIAGONAL: "--run-1",
    _ELSEWHERE: "--failed",
    **{colour: f"--run-{i}" for i, colour in enumerate(COLOURS, 1)},
}
"""Placeholder color in the drawing → CSS variable that replaces it on the page."""

_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D")
MOST_MARKERS = 40
"""Curves with more points than this have no markers."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # keeps text as text: small, selectable, in the reader's font
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.size": 8,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": _RULE,
    "axes.facecolor": "none",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": _RULE,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.4,
}
_DRAWING = threading.Lock()
"""Held while drawing, because matplotlib's settings are global to the process."""


def _run_name(run: Evidence) -> str:
    return one_line(run.name, 12)


def _short(number: float) -> str:
    """Return a number with three significant digits, or a large one without decimals."""
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def plain_axes(figure: Figure, x_label: str, y_label: str) -> Axes:
    """Return axes that fill the figure, with only horizontal grid lines and a bottom spine."""
    axes = figure.add_axes((0.125, 0.145, 0.855, 0.765))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(axis="y")
    axes.margins(x=0.01)
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return axes


def picture(id: str, draw: Callable[[Figure], None], width: float = 4.6, height: float = 2.8) -> Markup:
    """Draw a picture and return it as SVG in the page's colors.

    Args:
        id: A name that is unique on the page.
        draw: Function that draws into the figure.
        width: Width in inches.
        height: Height in inches.
    """
    with _DRAWING, matplotlib.rc_context():
        matplotlib.rcdefaults()  # ignore this machine's matplotlibrc
        # the salt gives clip paths the same ids in every run, and other ids in every picture
        matplotlib.rcParams.update(_STYLE | {"svg.hashsalt": id})
        figure = Figure(figsize=(width, height), dpi=72, facecolor="none")
        draw(figure)
        out = io.StringIO()
        no_facts = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(out, format="svg", metadata=no_facts)
    return Markup(_inline(out.getvalue()))  # noqa: S704  (matplotlib's own markup; it escapes every text)


def _inline(svg: str) -> str:
    """Convert an SVG file to markup for an HTML page. Remove its fonts and styles, and ids such as "axes_1" that occur
    in every picture."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r' width="[^"]*" height="[^"]*"', ' aria-hidden="true" focusable="false"', svg, count=1)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r' style="([^"]*)"', _as_attributes, svg)
    svg = re.sub("#0000[0-2][0-9]", lambda colour: f"var({_THEME[colour.group()]})", svg)
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)
    return re.sub(r"\n\s*", "\n", svg)


def _as_attributes(style: re.Match[str]) -> str:
    """Replace an inline style by SVG attributes, because the page's content security policy forbids inline styles."""
    declared = dict(re.findall(r"([\w-]+):\s*([^;]+)", style.group(1)))  # the last declaration wins, as in CSS
    attributes = ""
    for name, value in declared.items():
        attributes += f' {name}="{value.strip()}"'
    return attributes

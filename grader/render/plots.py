"""Plots of training runs in a report, as SVG in the colors of the page, each with a text description.

`Evidence` is the data of one training run, such as the loss per iteration. In this module, a `net` is one `Evidence`.
Figures are drawn without pyplot, whose global state is not thread-safe.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

from grader.model import Evidence, Series
from grader.render.text import one_line

Floats = NDArray[np.float64]


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


def plots(evidence: Sequence[Evidence]) -> tuple[Plot, ...]:
    """Return the plots of training runs: loss, accuracy, gradient, weights and confusion matrix. Plots without data are
    left out."""
    drawn = (draw(evidence) for draw in (_loss, _accuracy, _gradient, _weights, _confusion))
    return tuple(plot for plot in drawn if plot is not None)


# ── the five plots ───────────────────────────────────────────────────────────────────────────────────


def _loss(evidence: Sequence[Evidence]) -> Plot | None:
    nets = [net for net in evidence if _usable(net, "loss")]
    if not nets:
        return None
    finding = "Training loss of " + "; that of ".join(map(_loss_course, nets)) + "."
    return Plot("loss", "Training loss", finding, (_curves(nets, "loss", "loss"),))


def _gradient(evidence: Sequence[Evidence]) -> Plot | None:
    nets = [net for net in evidence if _usable(net, "gradient")]
    if not nets:
        return None
    middles = [(_net_name(net), float(np.nanmedian(_series_values(net.series["gradient"])))) for net in nets]
    finding = "Median gradient magnitude: " + ", ".join(f"{_short_number(m)} for {name}" for name, m in middles)
    weakest, strongest = min(middles, key=lambda m: m[1]), max(middles, key=lambda m: m[1])
    if weakest[1] > 0 and strongest[1] > weakest[1]:
        times = _short_number(strongest[1] / weakest[1])
        finding += f". The signal of {strongest[0]} is {times} times as strong as that of {weakest[0]}"
    return Plot("gradient", "Gradient magnitude", finding + ".", (_curves(nets, "gradient", "‖∇W1‖"),))


def _accuracy(evidence: Sequence[Evidence]) -> Plot | None:
    nets = [net for net in evidence if _usable(net, "train_accuracy") or _usable(net, "val_accuracy")]
    if not nets:
        return None
    finding = " ".join(_accuracy_course(net) for net in nets)

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure, "epoch", "accuracy")
        for i, net in enumerate(nets):
            axes.plot([], [], color=COLOURS[i % 4], label=_net_name(net), **_marker(i))
            for key in _SPLITS:
                if _usable(net, key):
                    x, y, _, _ = _thin(net.series[key])
                    marker = _marker(i) if len(x) <= 40 else {}
                    axes.plot(x, y, color=COLOURS[i % 4], linestyle=_SPLITS[key][1], **marker)
        for name, dashes in _SPLITS.values():
            axes.plot([], [], color=MUTED, linestyle=dashes, label=name)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        _legend(axes)

    return Plot("accuracy", "Accuracy per epoch", finding, (Panel("", picture("accuracy", draw)),))


def _weights(evidence: Sequence[Evidence]) -> Plot | None:
    nets = [net for net in evidence if _images(net).size]
    if not nets:
        return None
    panels = tuple(Panel(_net_name(net), _tiles(f"weights-{i}", _images(net))) for i, net in enumerate(nets))
    finding = "One image a hidden unit: " + "; ".join(_contrast(net) for net in nets) + "."
    return Plot("weights", "First-layer weights", finding, panels)


def _confusion(evidence: Sequence[Evidence]) -> Plot | None:
    nets = [net for net in evidence if _confusion_counts(net).sum() > 0]
    if not nets:
        return None
    panels = tuple(
        Panel(_net_name(net), _matrix(f"confusion-{i}", _confusion_counts(net))) for i, net in enumerate(nets)
    )
    finding = " ".join(_confusion_sentence(net) for net in nets)
    return Plot("confusion", "Confusion matrix", finding, panels)


# ── descriptions ─────────────────────────────────────────────────────────────────────────────────────


def _loss_course(net: Evidence) -> str:
    series = net.series["loss"]
    values = _series_values(series)
    first, last = _ends(values)
    over = f"over {len(values) * series.step:,} iterations"
    course = f"{_net_name(net)} {_verb(first, last)} from {_short_number(first)} to {_short_number(last)} {over}"
    lost = np.flatnonzero(~np.isfinite(values))
    return f"{course}, and is not a number at iteration {lost[0] * series.step:,}" if lost.size else course


def _accuracy_course(net: Evidence) -> str:
    phrases = []
    for key, (name, _) in _SPLITS.items():
        if _usable(net, key):
            first, last = _ends(_series_values(net.series[key]))
            phrases.append(f"{name} {_verb(first, last)} from {first:.1%} to {last:.1%}")
    epochs = max(len(net.series[key].values) for key in _SPLITS if key in net.series)
    held_out = "" if net.accuracy is None else f"; {net.accuracy:.1%} on held-out images"
    return f"Accuracy of {_net_name(net)} over {epochs} epochs: {', '.join(phrases)}{held_out}."


def _contrast(net: Evidence) -> str:
    images = _images(net)
    side = isqrt(images.shape[1])
    spread = images.std(axis=1)
    flat = int((spread < 2).sum())
    idle = f", {flat} of them nearly uniform" if flat else ""
    contrast = _short_number(float(np.median(spread)))
    size = f"{len(images)} units of {_net_name(net)}, {side} by {side} pixels{idle}"
    return f"{size}, median contrast {contrast} grey levels"


def _confusion_sentence(net: Evidence) -> str:
    counts = _confusion_counts(net)
    right, total = int(np.trace(counts)), int(counts.sum())
    share = f"{_net_name(net)} classifies {right:,} of {total:,} held-out images correctly ({right / total:.1%})"
    wrong = counts - np.diag(np.diag(counts))
    if not wrong.any():
        return f"{share}."
    true, predicted = divmod(int(wrong.argmax()), len(wrong))
    return f"{share}; most often it confuses {true} with {predicted} ({int(wrong.max()):,} times)."


def _verb(first: float, last: float) -> str:
    if abs(last - first) <= 0.005 * max(abs(first), abs(last)):
        return "stays"
    return "falls" if last < first else "rises"


def _short_number(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


# ── the evidence as arrays; it comes from students' code, so it may contain any values ────────────────


def _net_name(net: Evidence) -> str:
    return one_line(net.name, 12)


def _series_values(series: Series) -> Floats:
    values = np.asarray(series.values, dtype=np.float64)
    # larger values would overflow in the arithmetic of the axes
    return np.where(np.abs(values) < 1e15, values, np.nan)


def _usable(net: Evidence, key: str) -> bool:
    return key in net.series and bool(np.isfinite(_series_values(net.series[key])).any())


def _ends(values: Floats) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return float(finite[0]), float(finite[-1])


def _thin(series: Series, most: int = 240) -> tuple[Floats, Floats, Floats, Floats]:
    """Reduce a series to at most `most` points. Return the arrays (x, mean, lowest, highest) of the points, each of
    which summarizes several values."""
    values = _series_values(series)
    x = np.arange(len(values), dtype=np.float64) * series.step
    if len(values) <= most:
        return x, values, values, values
    stretches = np.array_split(np.arange(len(values)), most)
    rows = [_summary(values[s]) for s in stretches]
    mean, low, high = np.array(rows).T
    return x[[s[0] for s in stretches]], mean, low, high


def _summary(values: Floats) -> tuple[float, float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.nan, np.nan, np.nan
    return float(finite.mean()), float(finite.min()), float(finite.max())


def _images(net: Evidence) -> Floats:
    """Return the weights as an array (units, pixels). Return an empty array unless all images are squares of one
    size."""
    sizes = {len(image) for image in net.weights}
    size = sizes.pop() if len(sizes) == 1 else 0
    if size == 0 or isqrt(size) ** 2 != size:
        return np.zeros((0, 0))
    return np.asarray(net.weights, dtype=np.float64).clip(0, 255)


def _confusion_counts(net: Evidence) -> NDArray[np.int64]:
    if {len(row) for row in net.confusion} != {len(net.confusion)}:
        return np.zeros((0, 0), dtype=np.int64)
    return np.asarray(net.confusion, dtype=np.int64)


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────────

INK, MUTED, _RULE = "#000001", "#000002", "#000003"
COLOURS = ("#000011", "#000012", "#000013", "#000014")
_RIGHT, _WRONG = "#000021", "#000022"
_THEME = {
    INK: "--ink",
    MUTED: "--muted",
    _RULE: "--rule",
    _RIGHT: "--net-1",
    _WRONG: "--failed",
    **{colour: f"--net-{i}" for i, colour in enumerate(COLOURS, 1)},
}
"""Placeholder color in the drawing → CSS variable that replaces it on the page."""

_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D")
_SPLITS: dict[str, tuple[str, Any]] = {
    "val_accuracy": ("validation", "-"),
    "train_accuracy": ("training", (0, (2, 1.5))),
}
"""Key of an accuracy curve in `Evidence.series` → (name in the plot, line style)."""

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


def _curves(nets: Sequence[Evidence], key: str, label: str) -> Panel:
    def draw(figure: Figure) -> None:
        axes = plain_axes(figure, "iteration", label)
        for i, net in enumerate(nets):
            x, mean, low, high = _thin(net.series[key])
            axes.fill_between(x, low, high, color=COLOURS[i % 4], alpha=0.18, linewidth=0)
            axes.plot(x, mean, color=COLOURS[i % 4], linestyle=_LINES[i % 4], label=_net_name(net))
        _choose_scale(axes, np.concatenate([_series_values(net.series[key]) for net in nets]))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        _legend(axes)

    return Panel("", picture(key, draw))


def _choose_scale(axes: Axes, values: Floats) -> None:
    lowest, highest = np.nanmin(values), np.nanmax(values)
    spread = highest / lowest if lowest > 0 else 1.0
    if spread > 30:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if spread > 3000 else (1.0, 3.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))
        axes.yaxis.set_minor_locator(NullLocator())


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


def _marker(i: int) -> dict[str, Any]:
    """Return matplotlib's arguments for the marker of curve `i`."""
    return {"marker": _MARKERS[i % 4], "markersize": 2.8}


def _legend(axes: Axes) -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 0.99), ncols=4, frameon=False, fontsize=7.5,
        handlelength=2.2, columnspacing=1.2, borderaxespad=0.2, handletextpad=0.5,
    )  # fmt: skip


def _tiles(id: str, images: Floats) -> Markup:
    """Return a picture of all hidden units' weights: one square image for each unit, in a grid."""
    side, columns = isqrt(images.shape[1]), isqrt(len(images) - 1) + 1
    rows = -(-len(images) // columns)
    # the gaps between the tiles are transparent, so that they have the page's colour
    sheet = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1, 4), (255, 255, 255, 0), dtype=np.uint8)
    for i, image in enumerate(images.astype(np.uint8)):
        top, left = (i // columns) * (side + 1), (i % columns) * (side + 1)
        sheet[top : top + side, left : left + side, :3] = image.reshape(side, side, 1)
        sheet[top : top + side, left : left + side, 3] = 255

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.imshow(sheet, interpolation="none", aspect="auto")

    return picture(id, draw, 3.0, 3.0 * sheet.shape[0] / sheet.shape[1])


def _matrix(id: str, counts: NDArray[np.int64]) -> Markup:
    """Return a picture of a confusion matrix. The larger a cell's share of its true class, the stronger its color."""
    share = counts / counts.sum(axis=1, keepdims=True).clip(1)

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0.085, 0.1, 0.905, 0.895))
        for (true, predicted), count in np.ndenumerate(counts):
            if count > 0:
                _draw_cell(axes, true, predicted, int(count), float(share[true, predicted]))
        size = len(counts)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel="predicted", ylabel="true")
        axes.set_xticks(range(size))
        axes.set_yticks(range(size))
        axes.tick_params(length=0)

    return picture(id, draw, 4.4, 4.4)


def _draw_cell(axes: Axes, true: int, predicted: int, count: int, share: float) -> None:
    # errors are rare: with the square root of the share, even 1 % is visible
    colour, strength = (_RIGHT, 0.5 * share) if true == predicted else (_WRONG, min(0.55, 0.9 * share**0.5))
    place = (predicted - 0.47, true - 0.47)
    axes.add_patch(Rectangle(place, 0.94, 0.94, facecolor=colour, alpha=strength, linewidth=0))
    axes.text(predicted, true, f"{count}", ha="center", va="center_baseline", fontsize=7.5)


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
    return "".join(f' {name}="{value.strip()}"' for name, value in declared.items())

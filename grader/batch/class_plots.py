"""Plots for the class report, each with a text description."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import mean

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from grader.batch.summary import StudentValue, Summary
from grader.model import show_points
from grader.render.plots import COLOURS, MUTED, Panel, Plot, picture, plain_axes
from grader.render.text import one_line

BINS = 20


def histogram(summary: Summary) -> Plot | None:
    """Return a histogram of the points before the late penalty; None if there are no scores."""
    scores = sorted(result.points for result in summary.results if result.points is not None)
    if not scores:
        return None
    most = max(result.possible for result in summary.results if result.possible is not None)
    average = mean(scores)
    low, middle, high = (show_points(scores[len(scores) * quarter // 4]) for quarter in (1, 2, 3))
    full = scores.count(most)
    sentence = (
        f"{show_points(average)} of {show_points(most)} points on average (dashed). Half have {middle} or more, a "
        f"quarter {low} or less, a quarter {high} or more; {full} of {len(scores)} have all."
    )

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure, "points", "students")
        bins = min(BINS, max(5, round(most)))
        edges = np.linspace(0, float(most), bins + 1)
        axes.hist([float(score) for score in scores], bins=edges.tolist(), color=COLOURS[0], rwidth=0.9)
        axes.axvline(float(average), color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))

    return Plot("scores", "Scores", sentence, (Panel("", picture("scores", draw)),))


def accuracies(summary: Summary) -> Plot | None:
    """Return a plot of the accuracies of students' networks, with a picture for each training run of the assignment;
    None if there are no accuracies."""
    if not summary.accuracies:
        return None
    panels: list[Panel] = []
    phrases = []
    for name, networks in summary.accuracies.items():
        ranked = sorted(networks)
        title = one_line(name, 20)
        draw = partial(_draw_accuracies, ranked, title)
        panels.append(Panel(title, picture(f"accuracies{len(panels)}", draw)))
        median = ranked[len(ranked) // 2].value
        lowest = ", ".join(f"{one_line(student, 40)} {accuracy:.1%}" for accuracy, student in ranked[:3])
        phrases.append(f"{title}: median {median:.1%}; lowest {lowest}")
    sentence = f"A dot for each student, on held-out images. {'. '.join(phrases)}."
    return Plot("accuracy", "Accuracy", sentence, tuple(panels))


def _draw_accuracies(ranked: Sequence[StudentValue], title: str, figure: Figure) -> None:
    axes = plain_axes(figure, "students", title)
    heights = [accuracy for accuracy, _ in ranked]
    axes.scatter(range(len(ranked)), heights, color=COLOURS[0], s=14, alpha=0.6, linewidths=0)
    axes.margins(0.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))

"""Plots for the class report, each with a text description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from grader.batch.gradebooks import most_decided
from grader.batch.summary import Summary
from grader.model import show_points
from grader.render.plots import COLOURS, MUTED, Panel, Plot, picture, plain_axes
from grader.render.text import one_line

BINS = 20


def histogram(summary: Summary) -> Plot | None:
    """Return a histogram of the points before the late penalty; None if there are no scores."""
    scores = sorted(summary.scores)
    if not scores:
        return None
    reach = float(most_decided(summary.results)) or 1.0
    edges = np.linspace(0, reach, min(BINS, max(5, round(reach))) + 1)

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure, "points decided by machine", "students")
        axes.hist([float(score) for score in scores], bins=edges.tolist(), color=COLOURS[0], rwidth=0.9)
        axes.axvline(float(mean(scores)), color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))

    quartiles = [scores[int(part * len(scores))] for part in (0.25, 0.5, 0.75)]
    low, middle, high = map(show_points, quartiles)
    full = sum(float(score) == reach for score in scores)
    sentence = (
        f"{show_points(mean(scores))} of {reach:g} points on average (dashed). Half have {middle} or more, a quarter "
        f"{low} or less, a quarter {high} or more; {full} of {len(scores)} have all."
    )
    return Plot("scores", "Scores", sentence, (Panel("", picture("scores", draw)),))


def scatter(summary: Summary) -> Plot | None:
    """Return a plot of the accuracies of students' networks, a dot for each student; None if there are no accuracies.

    If students trained two networks, their accuracies are the two axes. For one network, students are sorted by
    accuracy.
    """
    all_names: dict[str, None] = {}
    for _, accuracies in summary.accuracies:
        all_names |= dict.fromkeys(accuracies)
    names = list(all_names)[:2]  # one or two networks
    rows = [(student, accuracies) for student, accuracies in summary.accuracies if accuracies.keys() >= set(names)]
    if not rows:
        return None
    rows.sort(key=lambda row: row[1][names[0]])  # by the accuracy of the first network
    has_two_networks = len(names) == 2
    x: list[float] = [accuracies[names[0]] for _, accuracies in rows] if has_two_networks else [*range(len(rows))]
    y = [accuracies[names[-1]] for _, accuracies in rows]

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure, _short(names[0]) if has_two_networks else "students", _short(names[-1]))
        axes.scatter(x, y, color=COLOURS[0], s=14, alpha=0.6, linewidths=0)
        axes.margins(0.05)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        if has_two_networks:
            axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))

    return Plot("accuracy", "Accuracy", _lowest(rows, names), (Panel("", picture("accuracy", draw)),))


def _lowest(rows: Sequence[tuple[str, Mapping[str, float]]], names: Sequence[str]) -> str:
    """Return the description of the plot: median and the three lowest accuracies of each network. `rows` has (student's
    name, name of a network → accuracy), `names` the networks in the plot."""
    phrases = []
    for name in names:
        ranked = sorted((accuracies[name], student) for student, accuracies in rows)
        median = ranked[len(ranked) // 2][0]
        lowest = ", ".join(f"{one_line(student, 40)} {accuracy:.1%}" for accuracy, student in ranked[:3])
        phrases.append(f"{_short(name)}: median {median:.1%}; lowest {lowest}")
    return f"A dot for each of {len(rows)} students, on held-out images. {'. '.join(phrases)}."


def _short(name: str) -> str:
    return one_line(name, 20)

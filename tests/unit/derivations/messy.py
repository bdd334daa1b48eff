"""Messy notebooks: the handout with answers in it, changed at random as students change it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grader.model import Notebook

Cell = tuple[str, str]
LABEL = re.compile(r"\*\*(Q\d\.\d) solution:\*\*")
QUOTED = "<quoted>"
PLACEHOLDER = "*Write your answer here.*"


@dataclass
class Messy:
    """A notebook, and the answers that a person would find in it."""

    notebook: Notebook
    answers: Mapping[str, str]
    made: tuple[str, ...]
    """The changes that were made."""


def answer(chance: random.Random, question: str) -> str:
    """An answer of several lines, with signs that the handout has too."""
    word = "".join(chance.choice("bcdfghjklmnp") for _ in range(6))
    parts = [
        f"$$\ng_{{{word}}} = {chance.randint(2, 99)} h\n$$",
        f"### {word} step {chance.randint(1, 9)}",
        f"So $\\nabla J = {chance.randint(2, 99)} {word}$.",
        f"$$\n\\begin{{aligned}}\n{word} &= 1 \\\\\n&= 2\n\\end{{aligned}}\n$$",
        f"- first {word}\n- then ${word}$",
        f"**Answer: ${word}_{{{question[1]}}} = 1$**",
        "$$",
        f"Como {word}, entonces es {chance.randint(2, 99)}",
    ]
    chosen = chance.sample(parts[:6] + parts[7:], chance.randint(2, 4))
    return "\n\n".join(chosen)


def messy(handout: Notebook, chance: random.Random) -> Messy:
    """Answer every question of the handout that has a place for it, and change the notebook in one to four ways."""
    cells = [list(cell) for cell in handout.cells]
    said: dict[str, str] = {}
    made: list[str] = []
    style = chance.choice(list(PLACES))
    for number in range(len(cells) - 1, -1, -1):
        found = LABEL.search(cells[number][1])
        if found and cells[number][0] == "markdown":
            question = found[1].lower()
            said[question] = answer(chance, question)
            how = chance.choice(list(PLACES)) if chance.random() < 0.3 else style
            made.append(f"{question} {how}")
            cells[number : number + 1] = PLACES[how](cells[number][1], said[question], chance)
    for change in chance.sample(list(CHANGES), chance.randint(0, 3)):
        made.append(change)
        cells = CHANGES[change](cells, chance)
    return Messy(_notebook(cells), said, tuple(made))


def _notebook(cells: list[list[str]]) -> Notebook:
    code = [(n, source) for n, (kind, source) in enumerate(cells, 1) if kind == "code"]
    return Notebook("ps4.ipynb", tuple(s for _, s in code), tuple(n for n, _ in code), tuple((k, s) for k, s in cells))


def _md(text: str) -> list[str]:
    return ["markdown", text]


PLACES: dict[str, Callable[[str, str, random.Random], list[list[str]]]] = {
    "replaced": lambda cell, text, _: [_md(cell.replace(PLACEHOLDER, text))],
    "below": lambda cell, text, _: [_md(f"{cell}\n\n{text}")],
    "own cell": lambda cell, text, _: [_md(cell), _md(text)],
    "own cells": lambda cell, text, _: [_md(cell.replace(PLACEHOLDER, ""))] + [_md(p) for p in text.split("\n\n")],
    "above": lambda cell, text, _: [_md(text), _md(cell)],
    "above the placeholder": lambda cell, text, _: [_md(cell.replace(PLACEHOLDER, f"{text}\n\n{PLACEHOLDER}"))],
    "without the label": lambda cell, text, _: [_md(text)],
    "other label": lambda cell, text, _: [_md(f"Solution:\n\n{text}".removeprefix("Solution:\n\n"))],
    "on the label's line": lambda cell, text, _: [_md(cell.replace(f"\n\n{PLACEHOLDER}", f" {text}"))],
    "raw": lambda cell, text, _: [_md(cell), ["raw", text]],
    "latex cell": lambda cell, text, _: [_md(cell), ["code", f"%%latex\n{text}"]],
}


def _insert(cells: list[list[str]], chance: random.Random) -> list[list[str]]:
    """Scratch cells among the cells of code, where no answer is expected."""
    place = next(n for n, (_, text) in enumerate(cells) if "## Q2 A two" in text) + chance.randint(1, 4)
    return [*cells[:place], ["code", "print(1)"], *cells[place:]]


def _merge(cells: list[list[str]], chance: random.Random) -> list[list[str]]:
    places = [n for n in range(len(cells) - 1) if cells[n][0] == cells[n + 1][0] == "markdown"]
    for place in sorted(chance.sample(places, min(3, len(places))), reverse=True):
        cells[place : place + 2] = [_md(f"{cells[place][1]}\n\n{cells[place + 1][1]}")]
    return cells


def _split(cells: list[list[str]], chance: random.Random) -> list[list[str]]:
    new: list[list[str]] = []
    for kind, text in cells:
        parts = text.split("\n\n") if kind == "markdown" and chance.random() < 0.3 and "```" not in text else [text]
        new += [[kind, part] for part in parts]
    return new


def _delete(cells: list[list[str]], chance: random.Random) -> list[list[str]]:
    """Delete cells of code and long explanations."""
    return [
        c
        for c in cells
        if not (chance.random() < 0.3 and ((c[0] == "code" and "%%" not in c[1]) or "### What the" in c[1]))
    ]


def _renumber(cells: list[list[str]], _: random.Random) -> list[list[str]]:
    """Another year's numbers: Q1.2 is Q5.2."""
    return [[k, re.sub(r"\bQ1\.", "Q5.", re.sub(r"\bQ3\.", "Q4.", t)) if k == "markdown" else t] for k, t in cells]


def _quote(cells: list[list[str]], chance: random.Random) -> list[list[str]]:
    """Questions are repeated above their answers."""
    new, question = [], ""
    for kind, text in cells:
        if found := re.search(r"Derive [^\n]*\.(?=[ ]*$)", text, re.MULTILINE):
            question = found[0]
        elif question and kind == "markdown" and LABEL.search(text):
            if chance.random() < 0.7:
                text = LABEL.sub(rf"\g<0>{QUOTED}", text, count=1).replace(QUOTED, f"\n\n> {question}\n\n")
            question = ""
        new.append([kind, text])
    return new


def _windows(cells: list[list[str]], _: random.Random) -> list[list[str]]:
    """White space at the ends of lines, as some editors leave it."""
    return [[kind, text.replace("\n", "  \n")] for kind, text in cells]


def _without_introduction(cells: list[list[str]], _: random.Random) -> list[list[str]]:
    place = next(n for n, (_, text) in enumerate(cells) if "Q1.1 (5" in text or "Q5.1 (5" in text)
    return cells[place:]


CHANGES: dict[str, Callable[[list[list[str]], random.Random], list[list[str]]]] = {
    "insert": _insert, "merge": _merge, "split": _split, "delete": _delete, "renumber": _renumber, "quote": _quote,
    "white space": _windows, "without the introduction": _without_introduction,
}  # fmt: skip

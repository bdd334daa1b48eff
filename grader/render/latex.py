"""Repair the LaTeX of students' formulas so that KaTeX can draw them, if only one repair is plausible.

The repaired LaTeX is only displayed, never graded.
"""

from __future__ import annotations

import re

MOST_MISSING = 3
"""A formula with more missing closing braces than this is not repaired."""


def mended(latex: str) -> str | None:
    """Return a formula's LaTeX in a form that KaTeX can draw, without dollar signs; None if that is impossible."""
    text: str | None = latex.strip()
    for repair in (_without_html, _stray_dollars, _environments, _scripts, _brackets, _braces, _lines):
        if text is None:
            return None
        text = repair(text)
    return text


# ── single repairs; each returns None if the formula cannot be repaired ──────────────────────────────


def _without_html(text: str) -> str:
    return re.sub(r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,300})?/?>", "", text)


def _stray_dollars(text: str) -> str:
    return re.sub(r"(?<!\\)\$", " ", text)


_EXCHANGED = {
    "align": "aligned", "flalign": "aligned", "alignat": "aligned", "eqnarray": "aligned", "split": "aligned",
    "multline": "gathered", "gather": "gathered", "equation": "", "displaymath": "", "math": "",
}  # fmt: skip
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([a-zA-Z]{1,20})\*?\}")


def _environments(text: str) -> str | None:
    """Replace environments that KaTeX cannot draw within dollar signs, such as align. Remove labels and tags.
    Return None if environments are not nested correctly."""
    text = re.sub(r"\\(?:label|tag)\*?\{[^{}]{0,80}\}|\\nonumber\b|\\notag\b", "", text)
    if not _is_nested(text):
        return None
    if "\\begin{eqnarray" in text:
        text = re.sub(r"&\s*(=|\\leftarrow|:=)\s*&", r"&\1", text)
    return _ENVIRONMENT.sub(_exchanged, text)


def _exchanged(environment: re.Match[str]) -> str:
    r"""Return a \begin{…} or \end{…} with the name of an environment that KaTeX can draw; "" if none is needed."""
    command, name = environment.groups()
    drawable = _EXCHANGED.get(name, name)
    return f"\\{command}{{{drawable}}}" if drawable else ""


def _is_nested(text: str) -> bool:
    r"""Return whether every \begin{…} has its \end{…}, in the right order."""
    open_environments: list[str] = []
    for command, name in _ENVIRONMENT.findall(text):
        if command == "begin":
            open_environments.append(name)
        elif not open_environments or open_environments.pop() != name:
            return False
    return not open_environments


_TWO_SCRIPTS = re.compile(r"(\^(?:\{[^{}]{0,60}\}|[^{}\\\s]))\s*(?=\^)")


def _scripts(text: str) -> str:
    """Separate double superscripts, which LaTeX rejects: `W^{(2)}^T` becomes `W^{(2)}{}^T`."""
    return _TWO_SCRIPTS.sub(r"\1{}", text)


def _brackets(text: str) -> str:
    r"""Remove all \left and \right if they are not in pairs. The brackets themselves stay."""
    lefts = len(re.findall(r"\\left(?![a-zA-Z])", text))
    rights = len(re.findall(r"\\right(?![a-zA-Z])", text))
    return text if lefts == rights else re.sub(r"\\(?:left|right)(?![a-zA-Z])\.?", "", text)


def _braces(text: str) -> str | None:
    """Add missing closing braces at the end. Return None if too many are missing, or if an opening brace is missing."""
    depth = 0
    for brace in re.findall(r"\\.|[{}]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return None
    return text + "}" * depth if depth <= MOST_MISSING else None


def _lines(text: str) -> str:
    r"""Wrap a formula in an environment such as aligned if it has `\\` or `&` outside of environments."""
    outside = _outside(text)
    if "\\\\" not in outside and not re.search(r"(?<!\\)&", outside):
        return text
    return f"\\begin{{aligned}}{text}\\end{{aligned}}"


def _outside(text: str) -> str:
    r"""Return the part of a formula that is outside of \begin{…} … \end{…}."""
    outside = ""
    depth = end = 0
    for command in _ENVIRONMENT.finditer(text):
        if depth == 0:
            outside += text[end : command.start()]
        depth += 1 if command[1] == "begin" else -1
        end = command.end()
    return outside + text[end:]

"""Write the folder of a new assignment, from a marked solution or from a small template."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from grader.authoring import solution as reading
from grader.authoring.record import record
from grader.authoring.solution import Solution
from grader.errors import BadCall
from grader.kit.calls import Episode
from grader.kit.examples import EXAMPLES, places, write
from grader.kit.reference_truth import used_functions

ANSWER, STATE = 2, 1
"""Points of the two checks of each function or method: one of the returned value (`ANSWER`), and one of the arguments
and attributes after the call (`STATE`)."""


def new(
    id: str,
    root: Path,
    *,
    source: Path | None,
    functions: Sequence[str],
    class_name: str,
    also: Sequence[Path] = (),
    tell: Callable[[str], None] = lambda _sentence: None,
) -> Path:
    """Write the folder of a new assignment, which passes `grader certify` unchanged.

    Args:
        id: The assignment's id, and its folder's name.
        root: The folder in which the new folder is created.
        source: A solution with marks ('### BEGIN SOLUTION'), as a notebook or Python file; None for a small template.
        functions: Names of the graded functions; by default all functions that contain a mark.
        class_name: Name of the graded class, if a class is graded.
        also: Other right solutions, with or without marks, which become variants.
        tell: Function that shows the author a sentence. The sentences are about what the checks judge.

    Returns:
        The folder.

    Raises:
        BadCall: If the folder exists, or the solution cannot be used. The message says what to change.
    """
    if not re.fullmatch(r"[a-z]\w*", id):
        raise BadCall(f"{id!r} is not a valid id: use lower-case letters, digits and underscores, as in 'softmax'")
    if functions and class_name:
        raise BadCall("give --functions or --class, not both: an assignment grades functions or one class")
    folder = root / id
    if folder.exists():
        raise BadCall(f"{folder} exists: choose another id, or remove the folder")
    solution = reading.read(source, id) if source else _template(id, functions, class_name)
    names = _entry_points(solution, functions, class_name, tell)
    of_class = bool(class_name) or names[0] in solution.classes
    recording = record(solution.name, solution.module, solution.calls, names, solution.attributes)
    checked = _checked(solution, names, of_class, recording.episodes)
    returns = {name: name in recording.returning for name in checked}
    manifest = _manifest(id, names, of_class, returns)
    variants = {"solution": solution.module}
    for path in also:
        if path.stem in variants:
            raise BadCall(f"there is another solution called {path.stem!r}: rename {path}")
        variants[path.stem] = reading.read(path, id).module
    _write_folder(folder, manifest, solution, variants, returns, recording.episodes)
    if of_class:
        for sentence in _judged_attributes(solution, returns, recording.episodes):
            tell(sentence)
    constant = list(dict.fromkeys(_constant_arguments(recording.episodes)))
    if constant:
        tell(
            f"always as in the examples: {', '.join(constant)}. Add examples with other values, and draw values in "
            "checks.py by each= of the check: `grader certify` refuses a check that a table of results passes"
        )
    return folder


def _constant_arguments(episodes: Sequence[Episode]) -> Iterator[str]:
    """Yield a phrase such as "argument 1 of f" for each argument that has strings or dicts: drawn inputs have the same
    strings and keys as an example."""
    for episode in episodes:
        for (function, position, *keys), value in places(episode):
            argument = f"argument {position + 1}" if isinstance(position, int) else position
            if isinstance(value, str):
                yield f"{argument} of {function}"
            elif any(isinstance(key, str) for key in keys):
                yield f"the keys in {argument} of {function}"


def _judged_attributes(solution: Solution, returns: Mapping[str, bool], episodes: Sequence[Episode]) -> Iterator[str]:
    """Yield a sentence with the attributes that the checks compare. Then yield a warning for each method for which they
    compare nothing."""
    judged = dict.fromkeys(name for episode in episodes for name in episode.attributes)
    yield f"attributes judged after each method: {', '.join(judged) or 'none'}"
    for method, returns_value in returns.items():
        attributes = solution.assigned.get(method)
        if attributes and not judged and not returns_value:
            yield (
                f"warning: {method} returns nothing, and no attribute is judged after it. Assign what it sets in the "
                f"starter code, outside of the solution, as in `self.{attributes[0]} = None`, and run this again"
            )


def record_again(folder: Path, names: Sequence[str]) -> int:
    """Record the example calls in the reference.py of an assignment's folder again, and return the number of recorded
    episodes.

    Raises:
        BadCall: If reference.py cannot be used. The message says what to change.
    """
    text = (folder / "reference.py").read_text("utf-8")
    solution = reading.of_text("reference.py", text, "")
    attributes: list[str] = []
    for path in sorted((folder / "handout").glob("*")):
        if path.suffix in (".py", ".ipynb"):
            attributes += reading.read(path, "").attributes
    recording = record("reference.py", solution.module, solution.calls, names, attributes)
    write(folder / EXAMPLES, recording.episodes)
    return len(recording.episodes)


def _entry_points(
    solution: Solution, functions: Sequence[str], class_name: str, tell: Callable[[str], None]
) -> list[str]:
    """Return the names of the graded functions, or of the graded class. What students write, but no check calls, is an
    error, or only a warning if the author has chosen what is graded."""
    marked = [*solution.classes, *solution.functions]
    chosen = [class_name] if class_name else list(functions)
    graded = chosen or marked[: 1 if solution.classes else None]
    unchecked = [name for name in (*marked, *solution.unchecked) if name not in graded]
    if unchecked:
        sentence = f"{', '.join(unchecked)}: students write this, but no check would call it"
        if not chosen:
            raise BadCall(
                f"{solution.name}: {sentence}. Checks call functions, or the public methods of one class, that the "
                "starter code defines: move the marks into these, or choose what is graded by --functions or --class"
            )
        tell(f"warning: {sentence}")
    if not graded:
        raise BadCall(
            f"{solution.name}: nothing is marked; put '### BEGIN SOLUTION' and '### END SOLUTION' around what students "
            "write, or name the graded functions or class with --functions or --class"
        )
    return graded


def _checked(solution: Solution, names: Sequence[str], of_class: bool, episodes: Sequence[Episode]) -> list[str]:
    """Return the functions or methods that get a check: all that the examples call, except methods that are complete in
    the handout."""
    methods = solution.classes.get(names[0], ())
    called = list(dict.fromkeys(call.name for episode in episodes for call in episode.calls))
    for name in methods if of_class else names:
        if name not in called:
            where = "in a cell" if solution.handout[0].endswith(".ipynb") else "under if __name__ == '__main__':"
            raise BadCall(f"{solution.name}: {name} is never called by an example; add a call of it {where}")
    if not called:
        raise BadCall(f"{solution.name}: no method of {names[0]} is called by an example; add a call of each")
    return [name for name in called if name in methods] or called


def _write_folder(
    folder: Path,
    manifest: str,
    solution: Solution,
    variants: Mapping[str, str],
    returns: Mapping[str, bool],
    episodes: Sequence[Episode],
) -> None:
    """Write the files of an assignment. `variants` maps names to sources, and `returns` is that of `_manifest`."""
    checks = _CHECKS
    for name, returns_value in returns.items():
        checks += _check_py(name, returns_value, used_functions(solution.reference, name, returns))
    files = {
        "assignment.toml": manifest,
        "reference.py": solution.reference,
        "checks.py": checks,
        "mistakes.py": _MISTAKES,
        **{f"variants/{name}.py": source for name, source in variants.items()},
    }
    for subfolder in ("variants", "handout"):
        (folder / subfolder).mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    handout_name, handout_content = solution.handout
    (folder / "handout" / handout_name).write_bytes(handout_content)
    write(folder / EXAMPLES, episodes)


def _manifest(id: str, names: Sequence[str], of_class: bool, returns: Mapping[str, bool]) -> str:
    """Return the text of assignment.toml. `returns` maps each function or method that gets a check to True if it
    returns a value; `of_class` is True if a class is graded."""
    title = id.replace("_", " ").capitalize()
    points = STATE * len(returns) + ANSWER * sum(returns.values())
    rows = [f'id = "{id}"', f'title = "{title}"', f"points = {points}", f'files = ["{id}.py"]']
    if of_class:
        rows += ["", "[class]", f'name = "{names[0]}"', f"methods = {json.dumps(list(returns))}"]
    else:
        rows.append(f"functions = {json.dumps(list(names))}")
    for number, (name, returns_value) in enumerate(returns.items(), start=1):
        rows += ["", "[[part]]", f'id = "q{number}"', f'title = "{name}"', f"[part.checks.{name}]"]
        if returns_value:
            rows.append(f"answer = {ANSWER}")
        rows.append(f"state = {STATE}")
    return "\n".join([*rows, ""])


def _check_py(name: str, returns: bool, used: Mapping[str, str]) -> str:
    """Return the source of the check of a function or method. `returns` is True if it returns a value. `used` are the
    other graded functions that the reference's function calls, as `builds_on` of the check."""
    builds_on = f", builds_on={json.dumps(used)}" if used else ""
    answer = '    expect("answer", got.answers, right.answers)\n' if returns else ""
    return f'''

@kit.check("{name}", each=kit.around(EXAMPLES, "{name}"){builds_on})
def {name}(ask, ref, expect, episode):
    """{name}: {{name}}"""
    got, right = ask.play(episode), ref.play(episode)
{answer}    expect("state", got.state, right.state)
'''


_CHECKS = '''"""Each function or method is compared with the reference, on fresh inputs around the examples."""

from grader import kit

EXAMPLES = kit.examples(__file__)
'''

_MISTAKES = '''"""Known mistakes: code, a sentence to the student, and the checks that it costs points.

A mistake is a function that replaces one of the reference's, or a class that overrides methods of its class:

    @kit.mistake("The loss is summed over the batch: divide it by N.", fails=["loss"], of="loss")
    def loss_summed(W, X, y): ...

`grader certify` grades each of them.
"""
'''


# ── the template ─────────────────────────────────────────────────────────────────────────────────────


def _template(id: str, functions: Sequence[str], class_name: str) -> Solution:
    """Return a small solution with the named functions or class, for an author who starts without a solution."""
    if class_name:
        text = _CLASS.format(class_name)
    elif functions:
        definitions = "".join(map(_FUNCTION.format, functions))
        calls = "".join(map(_CALL.format, functions))
        text = f'import numpy as np\n{definitions}\n\nif __name__ == "__main__":\n{calls}'
    else:
        raise BadCall("give a solution file, or --functions a,b, or --class NAME")
    return reading.of_text(f"the template of {id}", text, id)


_FUNCTION = '''

def {0}(X, w):
    """Return the weighted sum of each row of X (N, D), an array (N,)."""
    ### BEGIN SOLUTION
    return X @ w
    ### END SOLUTION
'''
_CALL = "    {0}(np.random.randn(5, 3), np.random.randn(3))\n"

_CLASS = '''import numpy as np


class {0}:
    """A straight line, fitted by least squares."""

    def fit(self, x, y):
        """Fit the line to points x (N,), y (N,)."""
        self.slope = self.intercept = 0.0
        ### BEGIN SOLUTION
        self.slope = np.mean((x - x.mean()) * (y - y.mean())) / np.var(x)
        self.intercept = y.mean() - self.slope * x.mean()
        ### END SOLUTION

    def predict(self, x):
        """Return the line's values at x (N,)."""
        ### BEGIN SOLUTION
        return self.slope * x + self.intercept
        ### END SOLUTION


if __name__ == "__main__":
    line = {0}()
    line.fit(np.random.randn(6), np.random.randn(6))
    line.predict(np.random.randn(4))
'''

"""Reports as real gradings make them, put together by hand: nothing here runs a student's code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.manifest import WrittenQuestion
from grader.model import (
    ZERO,
    AssignmentVersion,
    CheckResult,
    Comparison,
    Curve,
    Environment,
    Evidence,
    GradedSubmission,
    Images,
    Judgement,
    Loaded,
    Matrix,
    Opinion,
    Part,
    Place,
    Points,
    Report,
    ReportScope,
    SourceLine,
    Status,
    Usage,
    Written,
)
from grader.render.html import html
from tests.conftest import ROOT

ANSWER = r"""Since $\hat y = \sigma(a^{(2)})$ we have $\hat y' = \hat y (1 - \hat y)$, so

$$\nabla_{a^{(2)}} J = \frac{\hat y - y}{\hat y (1 - \hat y)} \odot \hat y (1 - \hat y) = \hat y - y$$"""


@dataclass(frozen=True)
class Loss:
    """What a wrong line cost at one check."""

    reason: str
    place: Place | None = None
    source: str = ""
    earned: Points = ZERO
    mistake: str = ""


MISSING_1_OVER_N = Loss(
    "The data term of dW1 is 5.000 times ours where N = 5 and 7.000 where N = 7: divide by N.",
    Place("mlp.py", 61),
    "grads['W1'] = X.T.dot(dhidden) + reg * W1",
    mistake="dW1_not_divided",
)
NO_DECAY = Loss(
    "After 3 epochs with decay the parameters are those of training without decay: multiply learning_rate by "
    "learning_rate_decay after every epoch.",
    Place("mlp.py", 118),
    "if it % iterations_per_epoch == 0:",
    mistake="no_decay",
)
ARGMIN = Loss(
    "predict() returns the class with the smallest score in 40 of 40 rows: use argmax.",
    Place("mlp.py", 142),
    "y_pred = np.argmin(scores, axis=1)",
    mistake="argmin",
)
HALF_ACCURACY = Loss(
    "Accuracy 0.821 on 10,000 held-out images; 0.85 earns all three points, 0.80 half of them.",
    earned=Fraction(3, 2),
)
WRONG = {
    "q2.2.W1": MISSING_1_OVER_N,
    "q2.3.decay": NO_DECAY,
    "q2.3.predict": ARGMIN,
    "q2.5.sigmoid.accuracy": HALF_ACCURACY,
}
REMARKS = {
    "q2.2.b1": (
        "The handout asks for less than 1e-8; a correct b1 shows 2e-7 to 2e-6 there, from rounding at "
        "saturated units. Yours shows 1.9e-7.",
    ),
    "q2.4.forward.published": (
        "Your ReLU is max(0, x): the loss is 1.303788. The 1.320973 that the handout once printed is "
        "softplus's; both are accepted.",
    ),
    "q2.4.backward.W1": ("Equals the reference with the mistake of q2.2.W1 (no 1/N in dW1), which is charged once.",),
}

ENVIRONMENT = Environment(
    grader="0.1.0",
    python="3.11.7",
    numpy="2.4.6",
    blas="OpenBLAS 0.3.31",
    kernel="Haswell",
    threads=1,
    isolation="bubblewrap",
    grader_kernel="Haswell",
)


def perfect() -> Report:
    return _report({})


def wrong() -> Report:
    """A typical one: four mistakes, 7.5 points."""
    return _report(WRONG)


def losing(losses: dict[str, Loss]) -> Report:
    return _report(losses)


def very_wrong() -> Report:
    """Every check lost, each for a reason of its own."""
    return _report(
        {
            c.id: Loss(
                f"Differs from the reference from row {i} on: shape (5, 3), dtype float64, ratio 1.{i}.",
                Place("mlp.py", 40 + i),
                f"grads['W{i}'] = np.dot(hidden.T, dscores) / N + reg * W{i}",
            )
            for i, c in enumerate(perfect().checks)
        }
    )


def weak() -> Report:
    """Ten mistakes, each for a reason of its own."""
    report = very_wrong()
    kept = {c.id for c in report.checks[:10]}
    right = {c.id: c for c in perfect().checks}
    parts = tuple(replace(p, checks=tuple(c if c.id in kept else right[c.id] for c in p.checks)) for p in report.parts)
    return replace(report, parts=parts)


def unreadable() -> Report:
    """One syntax error; no check could run."""
    reason = "mlp.py cannot be read: '(' was never closed at line 61, column 22."
    broken = Loss(reason, Place("mlp.py", 61), "grads['W1'] = X.T.dot(dhidden", mistake="syntax")
    report = _report({c.id: broken for c in perfect().checks})
    return replace(report, submission=replace(report.submission, graded=None), evidence=())


def code_only() -> Report:
    report = _report({"q2.2.W1": MISSING_1_OVER_N}, only="q2.2")
    return replace(report, scope=ReportScope(only="q2.2"), evidence=(), seed="public")


def quick() -> Report:
    return replace(
        _report(WRONG), scope=ReportScope(quick=True), seed="public", evidence=evidence(epochs=5, per_epoch=50)
    )


def precheck() -> Report:
    """A student's own machine: what needs the live reference is graded after you submit."""
    report = perfect()
    parts = tuple(replace(p, checks=tuple(_at_hand_in(c) for c in p.checks)) for p in report.parts)
    environment = replace(ENVIRONMENT, isolation="plain")
    return replace(report, parts=parts, evidence=(), seed="public", environment=environment)


SCRIPT = "<script>document.title = 'pwned'; console.error('pwned')</script>"
IMAGE = "<img src=x onerror=\"document.title='pwned'\">"
CLOSERS = "</pre></code></section></main></style></svg>]]>--><h1>100 of 100</h1>"
RIGHT_TO_LEFT = "\u202etxet desrever\u202c"
ANSI = "\x1b[2J\x1b]0;pwned\x07\x9b31m"
TEMPLATE = "{{ 7 * 191 }}{% raw %}"
HOSTILE = f"{SCRIPT}{IMAGE}{CLOSERS}{RIGHT_TO_LEFT}{ANSI}{TEMPLATE}\x00\ud800 & \"'"


def hostile() -> Report:
    """Every place where a student's words may stand holds an attack."""
    loss = Loss(HOSTILE, Place(HOSTILE, 61), HOSTILE, mistake=HOSTILE)
    report = _report({"q2.2.W1": loss, "q2.3.decay": replace(loss, reason="x" * 3000)})
    parts = tuple(
        replace(
            p,
            checks=tuple(replace(c, remarks=(HOSTILE,)) for c in p.checks),
            written=tuple(replace(w, answer=HOSTILE + "y" * 3000) for w in p.written),
        )
        for p in report.parts
    )
    return replace(
        report,
        submission=replace(
            report.submission,
            files=(HOSTILE, "a" * 300 + ".py"),
            graded=Loaded(HOSTILE, (HOSTILE, "n" * 300), (3,)),
        ),
        parts=parts,
        remarks=(HOSTILE, "z" * 3000),
        evidence=tuple(replace(e, name=HOSTILE) for e in evidence()),
    )


def evidence(epochs: int = 20, per_epoch: int = 500) -> tuple[Evidence, Evidence]:
    """Shaped like the measured trainings: sigmoid slow to 0.88, ReLU quick to 0.97."""
    return (
        _net("sigmoid", epochs, per_epoch, start=129.8, signal=2.7, low=0.22, high=0.881, right=0.879),
        _net("relu", epochs, per_epoch, start=292.6, signal=4.7, low=0.883, high=0.97, right=0.967),
    )


def _net(
    name: str,
    epochs: int,
    per_epoch: int,
    *,
    start: float,
    signal: float,
    low: float,
    high: float,
    right: float,
) -> Evidence:
    random = np.random.default_rng(len(name))
    t = np.linspace(0, 1, epochs * per_epoch)
    noise = random.lognormal(0, 0.15, t.size)
    rise = 1 - np.exp(-np.arange(epochs) / 5)
    accuracy = low + (high - low) * rise / rise[-1]
    return Evidence(
        name=name,
        curves=(
            _curve(Curve("Training loss", "loss"), (start * np.exp(-9 * t) + 1.9 - signal / 4) * noise),
            _curve(Curve("Gradient magnitude", "‖∇W1‖"), (signal + 4 * signal * np.exp(-12 * t)) * noise),
            _curve(replace(ACCURACY, name="validation"), accuracy),
            _curve(replace(ACCURACY, name="training"), (accuracy + random.normal(0, 0.012, epochs)).clip(0, 1)),
        ),
        images=Images("First-layer weights", _weights(random)),
        matrix=Matrix("Confusion matrix", _confusion(random, right), "true", "predicted"),
        accuracy=right,
    )


ACCURACY = Curve("Accuracy", "accuracy", x_label="epoch", is_share=True)


def _curve(empty: Curve, values: Iterable[float]) -> Curve:
    return replace(empty, values=tuple(round(float(v), 6) for v in values))


def _weights(random: np.random.Generator) -> tuple[tuple[int, ...], ...]:
    y, x = np.mgrid[-1:1:28j, -1:1:28j]
    images = []
    for _ in range(64):
        cx, cy, turn = random.uniform(-0.5, 0.5, 3)
        blob = np.exp(-4 * ((x - cx) ** 2 + (y - cy) ** 2))
        stroke = np.sin(6 * (x * np.cos(3 * turn) + y * np.sin(3 * turn)))
        grey = 127 + 110 * blob * stroke + random.normal(0, 6, x.shape)
        images.append(tuple(int(v) for v in grey.clip(0, 255).ravel()))
    return tuple(images)


def _confusion(random: np.random.Generator, right: float) -> tuple[tuple[int, ...], ...]:
    chances = random.dirichlet(np.full(9, 0.6), size=10)
    rows = []
    for true in range(10):
        share = np.insert((1 - right) * chances[true], true, right)
        rows.append(tuple(int(n) for n in random.multinomial(1000, share)))
    return tuple(rows)


@cache
def _ps4() -> Assignment:
    return catalogue.load(ROOT / "reference" / "ps4")


def _report(losses: dict[str, Loss], only: str = "") -> Report:
    ps4 = _ps4()
    titles = {check.section: check.title for check in reversed(ps4.checks)}  # the first one of each section
    parts = tuple(
        Part(
            part.id,
            part.title,
            checks=tuple(
                _check(id, _title(titles, id), possible, losses.get(id))
                for id, possible in part.points_of_checks.items()
            ),
            written=tuple(_written(part.id, question) for question in part.written),
        )
        for part in ps4.parts
        if part.id.startswith(only)
    )
    return Report(
        assignment=AssignmentVersion(
            "ps4",
            "Problem Set 4: a multi-layer perceptron",
            "7c71017cac1c91f5ab5f3d55707430c7912f82aab934833807c0c8343eb5d213",
        ),
        submission=GradedSubmission(
            "2b1b0a4fd2c8f9a7f1d8f4ea0b6dc1d0f0b2c96b4c8e4d0f5f3cf2a1d7e6b5a4",
            ("mlp.py", "ps4.ipynb"),
            Loaded("mlp.py", ("TwoLayerMLP",), ()),
        ),
        seed="3f9a1c07",
        scope=ReportScope(),
        environment=ENVIRONMENT,
        parts=parts,
        remarks=("layers.py is not used by mlp.py and was taken along.",),
        evidence=evidence(),
        usage={c.id: Usage(0.012, 0.019) for p in parts for c in p.checks}
        | {c.id: Usage(8.12, 8.53) for p in parts for c in p.checks if "accuracy" in c.id},
    )


def _title(titles: Mapping[str, str], id: str) -> str:
    section, _, name = id.rpartition(".")
    return titles[section].replace("{name}", name)


def _check(id: str, title: str, possible: Points, loss: Loss | None) -> CheckResult:
    if loss is None:
        return CheckResult(id, title, possible, possible, Status.PASSED, remarks=REMARKS.get(id, ()))
    return CheckResult(
        id=id,
        title=title,
        points=loss.earned,
        possible=possible,
        status=Status.PARTIAL if loss.earned else Status.FAILED,
        reason=loss.reason,
        mistake=loss.mistake,
        line=SourceLine(loss.place.file, loss.place.line, loss.source) if loss.place else None,
        remarks=REMARKS.get(id, ()),
    )


def _written(part: str, question: WrittenQuestion) -> Written:
    found = part != "q3.2"
    cells = (9, 10) if found else ()
    return Written(f"{part}.written", question.title, question.points, found, ANSWER if found else "", cells)


def judged(policy_gives_points: bool = False) -> Report:
    """Written answers that the machine has read: one proven, one proven in part, one that differs."""
    half = Points(5, 2)
    opinions = {
        "q1.1.written": Opinion((_judgement(Comparison.UNSIMPLIFIED, Points(5)),)),
        "q1.3.written": Opinion((_judgement(Comparison.DIFFERS, Points(5)),)),
        "q1.5.written": Opinion((_judgement(Comparison.EQUAL, half), _judgement(Comparison.UNREAD, half))),
    }
    parts = [
        replace(part, written=tuple(_with_opinion(w, opinions, policy_gives_points) for w in part.written))
        for part in perfect().parts
    ]
    report = perfect()
    assignment = replace(report.assignment, written_digest="5d8894fdf4bce20a58cb4d3aa7b30726")
    return replace(report, assignment=assignment, parts=tuple(parts))


def _with_opinion(written: Written, opinions: dict[str, Opinion], gives_points: bool) -> Written:
    opinion = opinions.get(written.id)
    return replace(written, opinion=opinion, decided=gives_points and opinion is not None and opinion.is_proven)


def _judgement(comparison: Comparison, possible: Points) -> Judgement:
    return Judgement(
        asked=r"\nabla_{W^{(1)}} J",
        comparison=comparison,
        points=None if comparison in (Comparison.DIFFERS, Comparison.UNREAD) else possible,
        possible=possible,
        words="It is 2 times the true one.",
        formula="<b>=HYPERLINK(1)</b>",
        evidence="With y = 1: the formula gives 2, the true value is 1" if comparison is Comparison.DIFFERS else "",
        remarks=("not simplified: a fraction is left that cancels",) if comparison is Comparison.UNSIMPLIFIED else (),
    )


def given() -> Report:
    return judged(policy_gives_points=True)


def without_code() -> Report:
    """Written answers alone."""
    missing = (
        "mlp.py was not submitted, and no notebook defines a class TwoLayerMLP: submit the file with your code too."
    )
    parts = tuple(
        replace(
            part,
            checks=tuple(
                CheckResult(c.id, "", ZERO, c.possible, Status.NOT_SUBMITTED, reason=missing) for c in part.checks
            ),
        )
        for part in perfect().parts
    )
    report = perfect()
    submission = replace(report.submission, graded=None, missing=missing)
    return replace(report, submission=submission, parts=parts, evidence=(), remarks=())


def _at_hand_in(check: CheckResult) -> CheckResult:
    if check.id.endswith(("published", "stable")):
        return check
    return replace(check, points=ZERO, status=Status.NOT_RUN, reason="Graded after you submit.")


_pages: dict[str, str] = {}


def drawn(report: Report) -> str:
    """As HTML. Its plots take half a second, and many tests look at the same report."""
    key = repr(report)
    if key not in _pages:
        _pages[key] = html(report)
    return _pages[key]

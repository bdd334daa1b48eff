from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Curve, Evidence, Points, Report, Status
from grader.render.html import context, environment, html, part_progress, total
from grader.render.phrases import fixes
from grader.render.plots import plots
from tests.unit.render import samples

EVERY_SAMPLE = [
    "perfect", "wrong", "weak", "very_wrong", "unreadable", "code_only", "quick", "precheck", "hostile", "without_code",
]  # fmt: skip


class Page(HTMLParser):
    """What a browser would see: elements, their attributes, and the words outside style sheets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._styled = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._styled = tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._styled:
            self.words += data

    def handle_endtag(self, tag: str) -> None:
        self._styled = False

    @property
    def said(self) -> str:
        return " ".join(self.words.split())

    def having(self, **wanted: str) -> list[dict[str, str | None]]:
        return [a for _, a in self.elements if wanted.items() <= a.items()]


def page(report: Report) -> Page:
    return Page(samples.drawn(report))


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────


def test_the_total_keeps_machine_and_person_apart() -> None:
    assert total(samples.wrong()) == "32.5 of 40 autograded · 36 points await marking · 4 points not submitted"
    assert total(samples.precheck()) == (
        "6 of 6 autograded · 34 points graded after you submit · 36 points await marking · 4 points not submitted"
    )
    assert total(samples.code_only()) == "7 of 10 autograded"
    assert total(samples.wrong()) in page(samples.wrong()).said


def test_a_root_is_fixed_before_what_builds_on_it_and_then_what_costs_most() -> None:
    assert [fix.checks[0].id for fix in fixes(samples.wrong())] == [
        "q2.2.W1",
        "q2.3.predict",
        "q2.3.decay",
        "q2.5.sigmoid.accuracy",
    ]


def test_every_lost_check_shows_reason_place_and_line() -> None:
    said = page(samples.wrong()).said
    for check in samples.wrong().lost:
        assert check.reason in said
        assert f"{check.place or ''}" in said
        assert check.line is None or check.line.source in said


def test_a_part_is_passed_only_when_nothing_of_it_is_lost() -> None:
    status = {p.id: part_progress(p).status for p in samples.wrong().parts}
    assert status["q2.1"] is Status.PASSED
    assert status["q2.2"] is Status.PARTIAL
    assert status["q1.1"] is Status.WAITING
    assert {part_progress(p).status for p in samples.unreadable().parts if p.checks} == {Status.FAILED}


def test_written_answers_are_shown_as_they_were_written_and_wait() -> None:
    text = samples.drawn(samples.wrong())
    assert text.count("awaits marking") == 9
    assert r"Since $\hat y = \sigma(a^{(2)})$ we have" in page(samples.wrong()).said
    assert "No answer was found under this label." in text


@dataclass(frozen=True)
class Mark:
    points: Points | None


def test_what_a_marker_has_taken_is_among_the_things_to_fix_and_full_marks_are_not() -> None:
    marks = {"q1.1.written": Mark(Points(7, 2)), "q1.2.written": Mark(Points(5)), "q1.3.written": Mark(None)}
    variables = context(samples.perfect(), []) | {"marks": marks}
    shown = Page(environment().get_template("report/fixes.html.j2").render(variables))
    assert [link["href"] for link in shown.having() if "href" in link] == ["#answer-q1.1.written"]
    assert "−1.5" in shown.said
    assert "Written answer: 3.5 of 5 points." in shown.said


def test_code_that_is_missing_is_told_beside_answers_that_lost_points() -> None:
    report = samples.without_code()
    variables = context(report, []) | {"marks": {"q1.1.written": Mark(Points(1))}}
    said = Page(environment().get_template("report/fixes.html.j2").render(variables)).said
    assert report.submission.missing in said
    assert "−4" in said


def test_that_there_are_no_written_answers_is_said_once() -> None:
    report = samples.precheck()
    unanswered = [
        replace(part, written=tuple(replace(answer, found=False, answer="") for answer in part.written))
        for part in report.parts
    ]
    said = page(replace(report, parts=tuple(unanswered))).said
    assert len(report.written) == 10
    assert said.count("No written answers were found.") == 1
    assert "o answer" not in said


def test_a_run_that_is_not_the_grade_says_so() -> None:
    for report in (samples.quick(), samples.code_only()):
        assert "This is not the grade." in page(report).said
        assert "(not the grade)</title>" in samples.drawn(report)
    assert "not the grade" not in page(samples.wrong()).said


# ── plots ────────────────────────────────────────────────────────────────────────────────────────────


def test_five_plots_state_what_they_show_in_numbers() -> None:
    labels = [a["aria-label"] or "" for a in page(samples.wrong()).having(role="img")]
    assert len(labels) == 5
    loss, gradient, accuracy, weights, confusion = labels
    first, last = (samples.evidence()[0].curves[0].values[i] for i in (0, -1))
    assert f"Training loss of sigmoid over 10,000 iterations: falls from {first:.3g} to {last:.3g}." in loss
    assert "Accuracy of relu over 20 epochs: validation rises from 88.3% to 97.0%" in accuracy
    assert "Gradient magnitude of relu over 10,000 iterations: falls from " in gradient
    assert "64 images of sigmoid, 28 by 28 pixels" in weights
    matrix = samples.evidence()[1].matrix
    assert matrix is not None
    right = sum(row[i] for i, row in enumerate(matrix.counts))
    assert f"relu: {right:,} of 10,000 on the diagonal" in confusion


@pytest.mark.parametrize(
    "values",
    [(), (nan,), (nan, inf, -inf), (1.0,), (0.0, 0.0), (1e308, -1e308), (-5.0, 3.0), (1.0, nan, 3.0)],
)
def test_any_history_can_be_drawn(values: tuple[float, ...]) -> None:
    curves = (Curve("Training loss", "loss", values), replace(samples.ACCURACY, values=values))
    for plot in plots((Evidence("sigmoid", curves),)):
        assert "nan" not in plot.finding
        assert "inf" not in plot.finding


def test_equal_plots_are_drawn_once() -> None:
    evidence = samples.perfect().evidence
    assert evidence
    assert plots(evidence) is plots((*evidence,))


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.long
def test_the_same_report_gives_the_same_bytes_also_from_several_threads() -> None:
    report = samples.wrong()
    once = html(report)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(html, [report] * 4)) == {once}


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_the_file_needs_and_runs_nothing_else(name: str) -> None:
    seen = page(getattr(samples, name)())
    tags = {tag for tag, _ in seen.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "base"}
    for _, attributes in seen.elements:
        assert not any(key.startswith("on") for key in attributes)
        for key in ("href", "src", "xlink:href"):
            assert (attributes.get(key) or "#").startswith(("#", "data:"))
    assert "@import" not in samples.drawn(getattr(samples, name)())


def test_the_policy_forbids_everything_but_inline_style_and_images_in_place() -> None:
    (policy,) = page(samples.wrong()).having(**{"http-equiv": "Content-Security-Policy"})
    assert policy["content"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_hostile_words_are_words() -> None:
    text = samples.drawn(samples.hostile())
    assert "&lt;script&gt;document.title" in text
    assert "1337" not in page(samples.hostile()).said
    assert "{{ 7 * 191 }}" in text
    assert not any(c in text for c in "\x1b\x9b\x00\x07\u202e\ud800")
    assert text.encode()
    assert text.count("<h1>") == 1


@pytest.mark.long
@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_answer_comes_back_out_of_the_page_as_text(answer: str) -> None:
    report = samples.code_only()
    remark = f"«{answer}»"
    elements = page(replace(report, remarks=("«»",))).elements
    assert page(replace(report, remarks=(remark,))).elements == elements

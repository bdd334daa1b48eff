"""Annotations and summary of a GitHub Action's run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from grader.model import CheckResult, Report, SourceLine
from grader.render.github import commands, summary
from tests.unit.render import samples


def _with_first_loss(report: Report, reason: str, file: str) -> Report:
    def changed(check: CheckResult) -> CheckResult:
        return replace(check, reason=reason, cause="", mistake="", line=SourceLine(file, 7, ""), failed_call=None)

    parts = tuple(
        replace(p, checks=tuple(changed(c) if c.status.loses_points else c for c in p.checks)) for p in report.parts
    )
    return replace(report, parts=parts)


def test_every_thing_to_fix_has_an_annotation_at_its_line() -> None:
    report = samples.wrong()
    lines = list(commands(report, lambda name: Path("homework") / name))
    assert lines
    assert all(re.match(r"::error (file=homework/\w+\.py,line=\d+,)?title=[^:,]+", line) for line in lines)
    assert any("file=homework/" in line for line in lines)


def test_a_place_that_is_no_file_of_the_repository_is_part_of_the_message() -> None:
    report = _with_first_loss(samples.wrong(), "the sum is wrong", "cell 3")
    (line,) = commands(report, lambda _name: None)
    assert line.startswith("::error title=")
    assert line.endswith("::the sum is wrong (cell 3:7)")


def test_text_of_a_student_is_no_command_and_no_markdown() -> None:
    reason = "100%\n::error ::forged <img src=x> | [link](https://example.org) **bold** `code`"
    report = _with_first_loss(samples.wrong(), reason, "a,line=1::b%0A.py")
    (line,) = commands(report, Path)
    assert "\n" not in line
    assert line.startswith("::error file=a%2Cline=1%3A%3Ab%250A.py,line=7,title=")
    assert "100%25 ::error" in line
    text = summary(report)
    assert r"\<img src=x\> \| \[link\]\(https\:" in text
    assert r"\*\*bold\*\* \`code\`" in text

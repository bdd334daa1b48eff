"""The line of an exception."""

from __future__ import annotations

from pathlib import Path

from grader.guest.describe import FOLDER, describe

SOURCE = """\
def total(values):
    for value in values:
        part = value
        count += part
"""


def test_a_variable_without_a_value_is_reported_at_its_line_however_often_the_code_has_run(tmp_path: Path) -> None:
    file = tmp_path / FOLDER / "mlp.py"
    file.parent.mkdir()
    file.write_text(SOURCE)
    found: dict[str, object] = {}
    exec(compile(SOURCE, str(file), "exec"), found)
    lines = set()
    for _ in range(50):
        try:
            found["total"]([1, 2])
        except UnboundLocalError as error:
            lines.add(tuple(describe(error)[2:5]))
    assert lines == {("mlp.py", 4, "count += part")}

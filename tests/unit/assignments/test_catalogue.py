"""An assignment is read from its one folder, and whatever is wrong with it is told to its author at load."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from grader.assignments import catalogue, recorded_truth
from grader.assignments.catalogue import Assignment
from grader.errors import BadAssignment, BadCall
from grader.model import Limits
from tests.conftest import ROOT, TOY_CHECKS, TOY_TOML, MakeAssignment


def complaint(folder: Path) -> str:
    with pytest.raises(BadAssignment) as bad:
        catalogue.load(folder)
    return str(bad.value)


def test_a_folder_becomes_an_assignment(make_assignment: MakeAssignment) -> None:
    toy = catalogue.load(make_assignment())
    assert (toy.id, toy.title, toy.entry_points.names, toy.points) == ("toy", "Sums", ("Sums",), Fraction(11, 2))
    assert [c.name for c in toy.checks] == ["q1.1:small", "q1.1:large", "q1.2:negative"]
    assert toy.limits == Limits(load_cpu_seconds=5, call_cpu_seconds=1)
    assert toy.section_points("q1.1") == {"small": Fraction(5, 4), "large": Fraction(3, 4)}


def test_points_are_exact(make_assignment: MakeAssignment) -> None:
    toml = TOY_TOML.replace("1.25", "0.1").replace("0.75", "0.2").replace("points = 5.5", "points = 3.8")
    assert catalogue.load(make_assignment(toml)).points == Fraction(19, 5)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("points = 5.5", "points = 5", "the parts add up to 11/2, not to points = 5"),
        ("small = 1.25", "small = 1.255", "points must be multiples of 1/100, not 1.255"),
        ("small = 1.25", "small = -1", "multiples of 1/100, not -1"),
        ("small = 1.25", "small = nan", "not a number of points"),
        ("small = 1.25", "small = true", "not a number of points"),
        ('id = "toy"\n', "", "'id' is missing"),
        ('class = { name = "Sums" }', 'class = { name = "Sums" }\nfunctions = ["add"]', "give either functions"),
        ('files = ["sums.py"]\n', "", "'files' is missing: add it"),
        ('files = ["sums.py"]', 'files = ["a/sums.py"]', "files 1: 'a/sums.py' must be the name of a Python file"),
        ('files = ["sums.py"]', 'file = "sums.py"\nfiles = ["sums.py"]', "unknown key 'file': remove it"),
        (", points = 1.5 }", " }", "'points' is missing"),
        ("load_cpu_seconds = 5", 'load_cpu_seconds = "5"', "load_cpu_seconds"),
        ('[part.checks."q1.2"]', '[part.checks."q1.3"]', "do not have the same sections: q1.2, q1.3"),
        ('[part.checks."q1.2"]\nnegative = 2', "", "add up to"),
        ('class = { name = "Sums" }', 'class = { name = "my sums" }', "class, name: 'my sums' is not a Python name"),
        ("[limits]", '[[long]]\nname = "L"\nsections = ["q9"]\ncpu_seconds = 1\n[limits]', "the section q9, which no"),
        ("points = 5.5", "points = = 5.5", "line 5"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_toml_is_told_to_its_author(
    make_assignment: MakeAssignment, old: str, new: str, says: str
) -> None:
    assert old in TOY_TOML
    assert says in complaint(make_assignment(TOY_TOML.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        (TOY_CHECKS.replace('@check("q1.2")', '@check("q1.4")'), "same sections: q1.2, q1.4"),
        ("", "same sections: q1.1, q1.2"),
        ("x = = 1", "toy/checks.py cannot be loaded: SyntaxError"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
    ],
)
def test_what_is_wrong_with_the_checks_is_told_to_their_author(
    make_assignment: MakeAssignment, checks: str, says: str
) -> None:
    assert says in complaint(make_assignment(checks=checks))


def test_a_truth_that_offers_nothing_is_its_authors_fault(make_assignment: MakeAssignment) -> None:
    folder = make_assignment()
    (folder / "truth.py").write_text("")
    assert "toy/truth.py must define truths(settings)" in complaint(folder)


def test_a_folder_without_checks_is_its_authors_fault(make_assignment: MakeAssignment) -> None:
    folder = make_assignment()
    (folder / "checks.py").unlink()
    assert "toy/checks.py cannot be loaded" in complaint(folder)


def test_a_toml_that_is_not_utf_8_is_its_authors_fault(make_assignment: MakeAssignment) -> None:
    folder = make_assignment()
    (folder / "assignment.toml").write_bytes(TOY_TOML.replace("Sums", "Summe für alle").encode("latin-1"))
    assert "UTF-8" in complaint(folder)


@pytest.mark.parametrize("name", ["toy-2025", "toy 2025", "toy.2025", "übung", "1", "class"])
def test_a_folder_may_have_any_name(make_assignment: MakeAssignment, name: str) -> None:
    assert catalogue.load(make_assignment(name=name)).id == "toy"


def test_two_versions_of_an_assignment_stand_side_by_side(make_assignment: MakeAssignment, tmp_path: Path) -> None:
    old = catalogue.load(make_assignment())
    (tmp_path / "toy" / "checks.py").write_text(TOY_CHECKS.replace("1e9", "2e9"))
    new = catalogue.load(tmp_path / "toy")
    assert old.digest != new.digest
    assert old.checks[1].run.__code__.co_consts != new.checks[1].run.__code__.co_consts


@pytest.mark.parametrize("file", ["assignment.toml", "checks.py", "runtime.lock", "data/numbers.csv", "handout/a.py"])
def test_the_digest_is_over_all_that_verdicts_depend_on(make_assignment: MakeAssignment, file: str) -> None:
    folder = make_assignment()
    before = catalogue.load(folder).digest
    (folder / file).parent.mkdir(exist_ok=True)
    with (folder / file).open("a") as out:
        out.write("# more\n")
    assert catalogue.load(folder).digest != before


@pytest.mark.parametrize(
    "file", ["handout/readme.md", "faults/one.py", "variants/two.py", "README.md", "__pycache__/x.py"]
)
def test_the_digest_is_over_nothing_else(make_assignment: MakeAssignment, file: str) -> None:
    folder = make_assignment()
    before = catalogue.load(folder).digest
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text("# more\n")
    assert catalogue.load(folder).digest == before


NO_QUESTIONS = "def questions():\n    return ()\n"


def test_what_opinions_depend_on_has_a_digest_of_its_own(make_assignment: MakeAssignment) -> None:
    """No check asks it: the certificate of the checks holds whatever becomes of it."""
    folder = make_assignment()
    before = catalogue.load(folder)
    (folder / "written.py").write_text(NO_QUESTIONS)
    first = catalogue.load(folder)
    (folder / "written.py").write_text(NO_QUESTIONS + "# more\n")
    second = catalogue.load(folder)
    assert before.digest == first.digest == second.digest
    assert before.written_digest == ""
    assert len({before.written_digest, first.written_digest, second.written_digest}) == 3


def test_the_machine_decides_nothing_about_answers_unless_it_is_told_to(make_assignment: MakeAssignment) -> None:
    assert catalogue.load(make_assignment()).manifest.written.policy == "suggest"


def test_a_question_that_the_table_does_not_have_is_refused(make_assignment: MakeAssignment) -> None:
    folder = make_assignment()
    questions = (ROOT / "reference" / "ps4" / "written.py").read_text("utf-8")
    (folder / "written.py").write_text(questions, "utf-8")
    with pytest.raises(BadAssignment, match=r"written\.py gives 5 points to q1\.1, but assignment\.toml gives none"):
        catalogue.load(folder)


def test_students_code_may_import_the_handouts_modules_but_not_the_skeleton(make_assignment: MakeAssignment) -> None:
    folder = make_assignment(toml=TOY_TOML)
    (folder / "handout").mkdir()
    for name in ("tools.py", "sums.py", "notes.txt"):
        (folder / "handout" / name).write_text("x = 1\n")
    assert catalogue.load(folder).modules == {"tools.py": b"x = 1\n"}


def test_in_a_students_pack_the_handout_lies_beside_the_assignment(ps4: Assignment, tmp_path: Path) -> None:
    folder = tmp_path / "pack" / "ps4"
    shutil.copytree(ps4.folder, folder, ignore=shutil.ignore_patterns("data", "faults", "variants", "truth.py"))
    (folder / "handout").rename(tmp_path / "pack" / "handout")
    (folder / recorded_truth.RECORDED).write_bytes(recorded_truth.dumps("digest", recorded_truth.Answers(), (), ()))
    assert catalogue.load(folder).modules.keys() == {"utils.py"}


def test_a_pack_of_another_version_says_what_to_do(make_assignment: MakeAssignment) -> None:
    folder = make_assignment(toml=TOY_TOML.replace('files = ["sums.py"]', 'file = "sums.py"'))
    (folder / recorded_truth.RECORDED).write_bytes(recorded_truth.dumps("digest", recorded_truth.Answers(), (), ()))
    assert "run the grader that came with it" in complaint(folder)


def test_an_assignment_is_found_by_id_or_by_path(make_assignment: MakeAssignment) -> None:
    folder = make_assignment()
    assert catalogue.find("toy", folder.parent).digest == catalogue.find(str(folder)).digest


def test_an_assignment_that_is_not_there_is_a_bad_call_that_names_the_others(make_assignment: MakeAssignment) -> None:
    root = make_assignment().parent
    with pytest.raises(BadCall, match=r"there is no assignment 'ps5' \(there are: toy; searched: .*GRADER_ASSIGNMENTS"):
        catalogue.find("ps5", root)


def test_without_a_name_the_only_assignment_is_taken_or_the_one_of_the_file(make_assignment: MakeAssignment) -> None:
    root = make_assignment(name="a").parent
    assert catalogue.default(root) == "a"
    make_assignment(name="b")
    with pytest.raises(BadCall, match=r"name an assignment with -a or GRADER_ASSIGNMENT \(there are: a, b; searched: "):
        catalogue.default(root)
    (root / "default").write_text("b\n")
    assert catalogue.default(root) == "b"
    assert catalogue.default(ROOT / "reference") == "ps4"


@pytest.mark.parametrize("module", ["gone", "gone.assignment"])
def test_an_installed_assignment_whose_package_is_gone_is_named_and_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    information = tmp_path / "lost-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: lost\nVersion: 1.0\n", "utf-8")
    (information / "entry_points.txt").write_text(f"[{catalogue.GROUP}]\nlost = {module}\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    broken: list[str] = []
    assert {"demo", "ps4"} <= {task.id for task in catalogue.load_all(None, broken.append)}
    assert broken == [f"lost cannot be loaded: {module}/assignment.toml cannot be read: No such file or directory"]

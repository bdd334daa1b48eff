"""What exports say, whatever their students are called."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from grader.batch import formats
from grader.batch.export import Export
from grader.batch.file_tree import opened, tree_of_folder, tree_of_zip
from grader.errors import BadCall
from tests import classes


def export(*names: str, **contents: str) -> Export:
    """Of a zip with files of these names."""
    packed = classes.zipped({name: contents.get(name, "x = 1\n").encode() for name in names})
    return formats.read(tree_of_zip(zipfile.ZipFile(io.BytesIO(packed))), "ps4", "mlp.py")


def test_canvas_files_of_one_student_are_one_submission_under_their_own_names() -> None:
    (ada,) = export("lovelaceada_11_901_mlp-2.py", "lovelaceada_11_902_layers.py").submissions
    assert dict(ada.files).keys() == {"mlp.py", "layers.py"}
    assert (ada.authors[0].first_id, ada.authors[0].name, ada.marked_late) == ("11", "lovelaceada", False)
    assert ada.notes == ("mlp-2.py is a resubmitted file, graded without the number in its name",)


def test_canvas_marks_what_is_late_and_keeps_underscores_of_the_files_own_name() -> None:
    (ada,) = export("lovelaceada_LATE_11_901_my_mlp_final.py").submissions
    assert (dict(ada.files).keys(), ada.marked_late) == ({"my_mlp_final.py"}, True)


def test_two_files_that_would_have_one_name_keep_their_own_and_it_is_said() -> None:
    (ada,) = export("lovelaceada_11_901_mlp-1.py", "lovelaceada_11_902_mlp-2.py").submissions
    assert len({name for name, _ in ada.files}) == 2
    assert "several files are called mlp.py" in ada.notes


@pytest.mark.parametrize(
    "folder", ["Ada Lovelace_11_assignsubmission_file_/mlp.py", "Ada Lovelace_11_assignsubmission_file_mlp.py"]
)
def test_moodle_has_folders_or_long_names(folder: str) -> None:
    (ada,) = export(folder, "Ada Lovelace_11_assignsubmission_onlinetext_/onlinetext.html").submissions
    author = ada.authors[0]
    assert (author.name, author.first_id, [name for name, _ in ada.files]) == ("Ada Lovelace", "11", ["mlp.py"])
    assert ada.notes == ("also has onlinetext, which is not read",)


def test_a_group_of_gradescopes_is_one_submission_of_several_people() -> None:
    metadata = """\
submission_1:
  :submitters:
  - :name: Ada Lovelace
    :sid: 11
    :email: ada@x.edu
  - :name: Grace Hopper
    :sid: '0012'
    :email: grace@x.edu
  :created_at: 2026-11-20 10:00:00.123456789 Z
"""
    (both,) = export(
        "submission_1/mlp.py", "submission_metadata.yml", **{"submission_metadata.yml": metadata}
    ).submissions
    assert [(w.name, w.first_id, w.email) for w in both.authors] == [
        ("Ada Lovelace", "11", "ada@x.edu"),
        ("Grace Hopper", "0012", "grace@x.edu"),
    ]
    assert both.submitted_at is not None
    assert both.submitted_at.isoformat() == "2026-11-20T10:00:00.123456+00:00"


def test_metadata_that_nobody_could_read_are_the_calls_mistake() -> None:
    with pytest.raises(BadCall, match="cannot be read"):
        export("s/mlp.py", "submission_metadata.yml", **{"submission_metadata.yml": "a: [1"})


def test_what_belongs_to_nobody_is_told() -> None:
    assert export("ada/mlp.py", "grace/mlp.py", "notes.txt").left_over == ("notes.txt",)


def test_names_that_lead_out_of_the_zip_are_told_and_not_read() -> None:
    read = export("ada/mlp.py", "grace/mlp.py", "../../etc/cron.d/x", "/abs.py")
    assert read.left_over == ("../../etc/cron.d/x", "/abs.py")
    assert {path for h in read.submissions for _, path in h.files} == {"ada/mlp.py", "grace/mlp.py"}


def test_links_in_a_folder_are_told_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "mlp.py").symlink_to("/etc/passwd")
    (tmp_path / "grace").symlink_to("/etc")
    tree = tree_of_folder(tmp_path)
    assert (tree.names, tree.unsafe) == ((), ("ada/mlp.py", "grace"))


def test_a_zip_that_does_not_say_that_its_names_are_utf_8_is_read_as_such() -> None:
    raw = classes.zipped({"zoe/mlp.py": b"x"}).replace(b"zoe/mlp.py", "zö/mlp.py".encode())
    assert tree_of_zip(zipfile.ZipFile(io.BytesIO(raw))).names == ("zö/mlp.py",)


@pytest.mark.parametrize("content", [b"", b"no zip"])
def test_an_unknown_export_is_an_error_of_the_call(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(BadCall, match="neither a folder nor a zip"), opened(tmp_path / "x.zip"):
        pass
    with pytest.raises(BadCall, match="no submissions were found"):
        export("readme.txt")

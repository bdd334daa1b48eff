"""Every bad hand-in is refused with one sentence that says what to do, and nothing in it is trusted."""

from __future__ import annotations

import io
import os
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.bounds import MAX_CELLS, MAX_FILES, MAX_LINES, MAX_NOTEBOOKS, MIB
from grader.errors import Refused
from grader.intake.receive import receive, receive_files, receive_path
from grader.model import Submission
from tests.classes import zipped
from tests.conftest import MakeNotebook

CODE = b"class TwoLayerMLP:\n    pass\n"


def zipped_as(name: str, attributes: int, content: bytes = CODE) -> bytes:
    """A zip with mlp.py and an entry of this Unix mode."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system = 3
        entry.external_attr = attributes << 16
        archive.writestr(entry, content)
        archive.writestr("mlp.py", CODE)
    return held.getvalue()


def with_flag(archive: bytes, bit: int) -> bytes:
    """The same zip with a bit set in the flags of every entry, in both of its headers."""
    changed = bytearray(archive)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(mark)
        while place >= 0:
            changed[place + offset] |= bit
            place = changed.find(mark, place + 1)
    return bytes(changed)


def with_sizes(archive: bytes, size: int) -> bytes:
    """The same zip with a lie about how long its entries are once unpacked."""
    changed = bytearray(archive)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = changed.find(mark)
        changed[place + offset : place + offset + 4] = size.to_bytes(4, "little")
    return bytes(changed)


def refusal(name: str, content: bytes) -> str:
    with pytest.raises(Refused) as refused:
        receive(name, content, "mlp.py")
    return str(refused.value)


# ── one file ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("mlp.py", b"", "mlp.py is empty: save your work in the editor"),
        ("mlp.py", b"\x89PNG\r\n\x1a\n\0\0\0", "is not Python source but binary data: submit the .py file itself"),
        ("mlp.py", CODE.decode().encode("utf-16"), "is saved as UTF-16: save it as UTF-8"),
        ("mlp.py", b"#" * (50 * MIB), "mlp.py has 50 MiB; at most 20 MiB are allowed"),
        ("notebook.ipynb", b"#" * (50 * MIB), "clear the outputs"),
        ("mlp.pdf", CODE, "mlp.pdf has an unsupported file type: submit mlp.py, a notebook (.ipynb)"),
        ("", CODE, "has an unsupported file type"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(name: str, content: bytes, says: str) -> None:
    assert says in refusal(name, content)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + CODE,
        "# -*- coding: latin-1 -*-\n# café\n".encode("latin-1") + CODE,
        "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n# café\n".encode("cp1252") + CODE,
        "# naïve · 中文\n".encode() + CODE,
        CODE.replace(b"\n", b"\r\n"),
        CODE.replace(b"\n", b"\r"),
    ],
    ids=["byte order mark", "latin-1 declared", "cp1252 declared", "UTF-8", "Windows", "old Mac"],
)
def test_python_files_as_editors_write_them_are_received_as_they_are(content: bytes) -> None:
    assert receive("mlp.py", content, "mlp.py").files == {"mlp.py": content}


def test_an_old_editor_s_windows_1252_is_read_as_such_and_said() -> None:
    received = receive("mlp.py", CODE + b"# caf\xe9 \x96 \x81\n", "mlp.py")
    assert received.files == {"mlp.py": CODE + "# café – �\n".encode()}
    assert received.remarks == ("mlp.py is not UTF-8 (line 3) and was read as Windows-1252: save it as UTF-8",)


@pytest.mark.parametrize("name", ["Doe_Jane_123_mlp.py", "mlp (1).py", "MLP.PY", "../../mlp.py", "x\x1b[2J.py"])
def test_a_file_that_comes_alone_loses_its_name(name: str) -> None:
    assert list(receive(name, CODE, "mlp.py").files) == ["mlp.py"]


def test_its_own_name_is_kept_for_messages_and_changes_no_digest() -> None:
    renamed, plain = receive("Doe/Doe_Jane_123.py", CODE, "mlp.py"), receive("mlp.py", CODE, "mlp.py")
    assert (renamed.names, plain.names) == ({"mlp.py": "Doe_Jane_123.py"}, {})
    assert renamed.digest == plain.digest


def test_what_is_wrong_with_it_is_told_by_its_own_name(make_notebook: MakeNotebook) -> None:
    assert refusal("Doe.ipynb", b"{").startswith("Doe.ipynb is not a notebook")
    assert refusal("Doe.py", b"").startswith("Doe.py is empty")
    assert receive("Doe.py", CODE + b"# \xe9", "mlp.py").remarks[0].startswith("Doe.py is not UTF-8")


# ── zips ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_operating_systems_and_tools_leave_is_dropped_silently() -> None:
    noise = (
        "__MACOSX/ps4/._mlp.py", "ps4/.DS_Store", "ps4/__pycache__/mlp.cpython-311.py", "ps4/Thumbs.db",
        "ps4/.ipynb_checkpoints/mlp-checkpoint.py", "ps4/venv/lib/site.py", "ps4/.git/hooks/x.py",
    )  # fmt: skip
    handed_in = receive("all.zip", zipped({"ps4/mlp.py": CODE} | {name: b"\0" for name in noise}), "mlp.py")
    assert (list(handed_in.files), handed_in.remarks) == (["mlp.py"], ())


def test_a_zip_in_a_zip_is_opened_once() -> None:
    inner = zipped({"ps4/mlp.py": CODE, "ps4/deeper.zip": zipped({"x.py": CODE}), "__MACOSX/x.py": CODE})
    handed_in = receive("all.zip", zipped({"doe/ps4.zip": inner}), "mlp.py")
    assert (list(handed_in.files), handed_in.remarks) == (
        ["mlp.py"],
        ("left out of the submission: doe/ps4/deeper.zip",),
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: b"no zip", "the zip cannot be opened"),
        (lambda: zipped({"../mlp.py": CODE}), "points outside the folder"),
        (lambda: zipped({f"{i}.py": bytes(15 << 20) for i in range(4)}), "more than 50 MiB or 500 files"),
    ],
    ids=["broken", "slip", "bomb"],
)
def test_a_zip_in_a_zip_is_no_more_trusted(make: Callable[[], bytes], says: str) -> None:
    assert says in refusal("all.zip", zipped({"ps4.zip": make()}))


@pytest.mark.parametrize("names", [["a.zip", "b.zip", "c.zip"], ["a.zip"]])
def test_names_in_nested_zips_are_bounded_together_though_none_is_kept(names: list[str]) -> None:
    inner = zipped({f"__MACOSX/{number}": b"" for number in range(6_000 // len(names))})
    assert "more than 200 MiB or 5000 files" in refusal("all.zip", zipped(dict.fromkeys(names, inner)))


def test_a_zip_beside_code_is_left_out_unopened() -> None:
    handed_in = receive("all.zip", zipped({"mlp.py": CODE, "data.zip": b"no zip"}), "mlp.py")
    assert (list(handed_in.files), handed_in.remarks) == (["mlp.py"], ("left out of the submission: data.zip",))


@pytest.mark.parametrize(
    "name",
    ["../mlp.py", "a/../../mlp.py", "/etc/mlp.py", "..\\mlp.py", "C:\\mlp.py", "C:/mlp.py", "\\\\host\\mlp.py", ".."],
)
def test_a_name_that_leads_out_of_its_folder_is_refused(name: str) -> None:
    assert "which points outside the folder: rename the file" in refusal(
        "all.zip", zipped({"mlp.py": CODE, name: CODE})
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a\nb.py", "which contains a control character: rename the file"),
        ("x\x1b[2J.py", "which contains a control character: rename the file"),
        ("x" * 400 + ".py", "which is longer than 300 characters: rename the file"),
    ],
    ids=["newline", "escape", "long"],
)
def test_a_name_that_no_file_should_have_is_refused_for_what_is_wrong_with_it(name: str, why: str) -> None:
    says = refusal("all.zip", zipped({"mlp.py": CODE, name: CODE}))
    assert why in says
    assert "points outside" not in says
    assert "\x1b" not in says


def test_a_zip_entry_without_a_name_is_refused() -> None:
    nameless = zipped({"mlp.py": CODE, "odd.py": CODE}).replace(b"odd.py", b"\0dd.py")
    assert "points outside the folder" in refusal("all.zip", nameless)


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFLNK], ids=oct)
def test_a_link_in_a_zip_is_refused(mode: int) -> None:
    assert "is a link: put the file itself into the zip" in refusal(
        "all.zip", zipped_as("data.py", mode, b"/etc/passwd")
    )


@pytest.mark.parametrize("mode", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK], ids=oct)
def test_a_zip_entry_that_says_it_is_a_device_is_only_its_bytes(mode: int) -> None:
    assert receive("all.zip", zipped_as("odd.py", mode | 0o666), "mlp.py").files["odd.py"] == CODE


def test_a_zip_with_a_password_is_refused() -> None:
    assert "the zip has a password" in refusal("all.zip", with_flag(zipped({"mlp.py": CODE}), 1))


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"PK\x05\x06", b"not a zip", CODE, zipped({"mlp.py": CODE})[:60], zipped({"mlp.py": CODE})[:-30]],
    ids=["nothing", "two letters", "an end", "words", "Python", "cut early", "cut late"],
)
def test_what_is_no_zip_is_refused(content: bytes) -> None:
    assert "the zip cannot be opened" in refusal("all.zip", content)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_whose_contents_are_spoilt_is_refused(compression: int) -> None:
    good = zipped({"mlp.py": CODE * 100}, compression)
    spoilt = bytearray(good)
    spoilt[45:60] = bytes(255 - b for b in spoilt[45:60])
    assert "the zip cannot be opened" in refusal("all.zip", bytes(spoilt))


@pytest.mark.parametrize("files", [{}, {"readme.txt": b"x"}, {"photo.jpg": b"x"}, {"__MACOSX/mlp.py": CODE}], ids=str)
def test_a_zip_without_anything_to_grade_is_refused(files: dict[str, bytes]) -> None:
    assert "no Python file and no notebook in the submission: submit your Python file" in refusal(
        "all.zip", zipped(files)
    )


def test_too_many_files_are_refused() -> None:
    says = refusal("all.zip", zipped({f"helper{i}.py": CODE for i in range(MAX_FILES + 1)}))
    assert f"{MAX_FILES} files" in says


def test_a_crowd_of_files_is_refused_before_it_is_unpacked() -> None:
    says = refusal("all.zip", zipped({f"{i}.png": b"" for i in range(11 * MAX_FILES)}))
    assert f"{10 * MAX_FILES} files" in says


def bomb(entries: int, mib: int, name: str = "mlp{}.py") -> bytes:
    return zipped({name.format(i): bytes(mib * MIB) for i in range(entries)})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (partial(bomb, 1, 21), "mlp0.py has 21 MiB; at most 20 MiB are allowed"),
        (partial(bomb, 1, 190), "mlp0.py has 190 MiB; at most 20 MiB are allowed"),
        (partial(bomb, 4, 15), "more than 50 MiB or 500 files"),
        (partial(bomb, 1, 300), "unpacks to more than"),
        (lambda: with_sizes(bomb(1, 60), 100), "cannot be opened"),
        (lambda: with_sizes(bomb(1, 1), 0xFFFFFFF0), "unpacks to more than"),
    ],
    ids=["21", "190", "4 x 15", "300", "says 100 bytes", "says 4 GiB"],
)
def test_a_zip_bomb_is_refused_before_it_goes_off(make: Callable[[], bytes], says: str) -> None:
    archive = make()
    assert len(archive) < MIB
    tracemalloc.start()
    try:
        assert says in refusal("all.zip", archive)
        assert tracemalloc.get_traced_memory()[1] < 150 * MIB
    finally:
        tracemalloc.stop()


def test_large_files_that_nobody_needs_are_left_out_unopened() -> None:
    pictures = {f"{i}.png": bytes(15 * MIB) for i in range(4)}
    assert list(receive("all.zip", zipped({"mlp.py": CODE} | pictures), "mlp.py").files) == ["mlp.py"]


ANY_ZIP = zipped({"ps4/mlp.py": CODE, "ps4/data.npy": bytes(50), "ps4/layers/act.py": CODE * 3})


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, len(ANY_ZIP) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.booleans()
)
def test_a_damaged_zip_is_received_or_refused_and_nothing_else(changes: list[tuple[int, int]], cut: bool) -> None:
    damaged = bytearray(ANY_ZIP)
    for place, byte in changes:
        damaged[place] = byte
    try:
        handed_in = receive("all.zip", bytes(damaged[: changes[0][0]] if cut else damaged), "mlp.py")
    except Refused:
        return
    assert isinstance(handed_in, Submission)


# ── several files ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["../mlp.py", "/etc/mlp.py", "C:\\mlp.py", "", "."])
def test_an_uploaded_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="points outside the folder"):
        receive_files([(name, CODE)])


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    handed_in = tmp_path / "handed_in"
    handed_in.mkdir()
    (handed_in / "mlp.py").write_bytes(CODE)
    return handed_in


def test_links_in_a_folder_are_not_followed_and_a_fifo_is_not_opened(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "secret.py").write_text("secret = 1\n")
    (folder / "file.py").symlink_to(tmp_path / "secret" / "secret.py")
    (folder / "inner").symlink_to(tmp_path / "secret")
    (folder / "dangling.py").symlink_to(tmp_path / "nowhere")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "fifo.py")  # to open it would wait for ever
    assert list(receive_path(folder, "mlp.py").files) == ["mlp.py"]


def test_a_name_in_a_folder_that_is_no_text_does_not_matter(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.py")).write_bytes(CODE)
    for name in receive_path(folder, "mlp.py").files:
        name.encode()  # raises where a report could not show it


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.py", "there is no file or folder"),
        ("fifo", "is not a regular file"),
        ("empty", "there is no Python"),
    ],
)
def test_a_path_without_a_submission_is_refused(folder: Path, name: str, says: str) -> None:
    os.mkfifo(folder / "fifo")
    (folder / "empty").mkdir()
    with pytest.raises(Refused, match=says):
        receive_path(folder / name, "mlp.py")


def test_a_file_that_the_system_will_not_read_is_refused() -> None:
    with pytest.raises(Refused, match="cannot be read"):
        receive_path(Path("/proc/self/mem"), "mlp.py")


# ── digests ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_files_have_the_same_digest_at_every_entry_point(folder: Path) -> None:
    (folder / "act.py").write_bytes(b"a = 1\n")
    doors = [
        receive_path(folder, "mlp.py"),
        receive("all.zip", zipped({"act.py": b"a = 1\n", "mlp.py": CODE}), "mlp.py"),
        receive("all.zip", zipped({"ps4/mlp.py": CODE, "ps4/act.py": b"a = 1\n", "__MACOSX/._x": b"\0"}), "mlp.py"),
        receive_files([("mlp.py", CODE), ("act.py", b"a = 1\n")]),
    ]
    assert len({d.digest for d in doors}) == 1


@pytest.mark.parametrize("other", [{"mlp.py": CODE + b"\n"}, {"net.py": CODE}, {"mlp.py": CODE, "x.py": b""}], ids=str)
def test_other_files_have_another_digest(other: dict[str, bytes]) -> None:
    assert receive_files(other.items()).digest != receive("mlp.py", CODE, "mlp.py").digest


# ── notebooks of one submission count together ───────────────────────────────────────────────────────


def test_more_notebooks_than_anybody_needs_are_refused(make_notebook: MakeNotebook) -> None:
    notebook = make_notebook(("code", "class MLP: pass"))
    receive("all.zip", zipped({f"{n}.ipynb": notebook for n in range(MAX_NOTEBOOKS)}), "mlp.py")
    says = refusal("all.zip", zipped({f"{n}.ipynb": notebook for n in range(MAX_NOTEBOOKS + 1)}))
    assert f"more than {MAX_NOTEBOOKS} notebooks" in says


@pytest.mark.parametrize(
    ("source", "count", "said"),
    [("x", MAX_CELLS // 2 + 1, f"more than {MAX_CELLS} cells"), ("x\n" * 1000, MAX_LINES // 2000 + 1, "lines")],
)
def test_the_notebooks_of_a_submission_are_bounded_together(
    make_notebook: MakeNotebook, source: str, count: int, said: str
) -> None:
    half = make_notebook(*[("code", source)] * count)
    receive("all.zip", zipped({"a.ipynb": half}), "mlp.py")
    says = refusal("all.zip", zipped({"a.ipynb": half, "b.ipynb": half}))
    assert said in says
    assert "count together" in says

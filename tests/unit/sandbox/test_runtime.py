"""The environment of students' code: made at first use, at once or not at all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.errors import SandboxUnavailable
from grader.sandbox import runtime

pytestmark = pytest.mark.long


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """The lines of one small package."""
    found = re.search(r"^msgpack==.*?(?=^\S)", runtime.LOCK.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    file = tmp_path / "small.lock"
    file.write_text("\n".join(line for line in found[0].splitlines() if "#" not in line) + "\n", "utf-8")
    return file


def test_it_is_made_with_the_locked_packages_and_tells_which(lock: Path, tmp_path: Path) -> None:
    told: list[str] = []
    folder = tmp_path / "cache" / "sandbox"
    runtime.make(folder, lock, told.append)
    assert runtime.is_made(folder)
    assert told == ["msgpack", "numpy", "threadpoolctl"]  # the guest needs all three
    assert list(folder.glob("lib/python*/site-packages/msgpack/__init__.py"))
    assert [path.name for path in folder.parent.iterdir()] == ["sandbox"]
    runtime.make(folder, lock)  # as another process that began at the same time


def test_a_package_with_another_hash_leaves_nothing_behind(lock: Path, tmp_path: Path) -> None:
    lock.write_text(re.sub(r"sha256:\w+", f"sha256:{'0' * 64}", lock.read_text("utf-8")), "utf-8")
    folder = tmp_path / "cache" / "sandbox"
    with pytest.raises(SandboxUnavailable, match="cannot be installed"):
        runtime.make(folder, lock)
    assert list(folder.parent.iterdir()) == []


def test_its_place_in_the_cache_depends_on_the_requirements(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    before = runtime.default()
    assert runtime.can_be_made(before)
    monkeypatch.setattr(runtime, "LOCK", lock)
    assert runtime.default() != before
    (tmp_path / "sandbox").mkdir()
    assert runtime.default() == tmp_path / "sandbox"
    assert not runtime.can_be_made(runtime.default())

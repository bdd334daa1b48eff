"""Replace missing modules and data, so that an unused import or an unused variable costs no points.

If all files of a submission are in one folder, for example cs231n, the files are unpacked without the folder. `from
cs231n.layers import …` then still finds `layers.py`. Any other missing module is replaced by a placeholder (`StandIn`).
Its import succeeds, and its use raises an error.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import FrameType, ModuleType
from typing import Any, NoReturn

from .describe import own

PYTHON_2 = frozenset(
    {"cPickle", "cStringIO", "ConfigParser", "HTMLParser", "Queue", "StringIO", "Tkinter", "__builtin__", "commands",
     "copy_reg", "httplib", "urllib2", "urlparse"}
)  # fmt: skip
"""Modules of Python 2. A file that imports one of them has never run on Python 3, so the import itself must fail."""


class StandIn(ModuleType):
    """A placeholder for a missing module or variable. Annotations and default values may contain it; any other use,
    such as a call, raises the error of the failed import or statement."""

    def __init__(self, name: str, error: Callable[[], Exception]) -> None:
        super().__init__(name)
        self._error = error  # the underscore hides the attribute from `from … import *`

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        if self.__spec__ is not None and (own := _defined_by(sys._getframe(1), name)) is not None:
            return own
        return StandIn(f"{self.__name__}.{name}", self._error)

    def __getitem__(self, _item: Any) -> StandIn:
        return self  # as in the annotation Float[ndarray, "N D"], or in the default X_train.shape[1]

    def __or__(self, _other: Any) -> StandIn:
        return self

    __ror__ = __or__

    def error(self) -> Exception:
        return self._error()


def _defined_by(importer: FrameType, name: str) -> Any:
    """Return the object that the importing file itself has defined under a name; None if there is none.

    For example, a file that defines Net and then imports Net from a missing net.py keeps its own class.
    """
    own = importer.f_globals.get(name) if importer.f_code.co_name == "<module>" else None
    return None if isinstance(own, StandIn) else own


def _use(stand_in: StandIn, *_arguments: Any, **_options: Any) -> NoReturn:
    raise stand_in.error()


_USES = (
    "call", "mro_entries", "iter", "len", "bool", "enter", "array", "float", "int", "index", "neg",
    "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "matmul", "rmatmul", "pow", "rpow",
    "lt", "gt", "le", "ge",
)  # fmt: skip
for _name in _USES:
    setattr(StandIn, f"__{_name}__", _use)


def bind_stand_ins(names: Iterable[str], into: dict[str, Any], error: BaseException, why: str) -> None:
    """Set each name that is not yet in `into` to a placeholder (`StandIn`). Using a placeholder raises an ImportError
    if `error` is one, and otherwise a NameError. The message contains `why`."""
    for name in names:
        if name != "*":
            into.setdefault(name, StandIn(name, _error_of(name, error, why)))


def _error_of(name: str, error: BaseException, why: str) -> Callable[[], Exception]:
    match error:
        case ModuleNotFoundError():
            return lambda: ModuleNotFoundError(why)
        case ImportError():
            return lambda: ImportError(why)
    return lambda: NameError(f"name {name!r} is not defined, because the statement that defines it failed ({why})")


class Absent(MetaPathFinder, Loader):
    """An import finder and loader that replaces missing modules by placeholders (`StandIn`)."""

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}
        """Name of a missing module → where it was imported, such as "net.py, line 3"."""
        self._trees: dict[str, ast.Module] = {}

    def read(self, filename: str, tree: ast.Module) -> None:
        """Register the syntax tree of a notebook cell under the cell's file name, such as "homework.ipynb cell 3"."""
        self._trees[filename] = tree

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: Any = None) -> ModuleSpec | None:
        frame = _importer()
        file = own(frame.f_code.co_filename) if frame is not None else None
        if frame is None or file is None:
            return None
        tree = self._tree(frame.f_code.co_filename)
        if "." not in name and (folders := _folders_with(_submodules(tree, name))):
            return package(name, folders)
        top, _, rest = name.partition(".")
        is_old = top in PYTHON_2 or (rest and top == "numpy")
        if is_old or frame.f_code.co_name != "<module>" or frame.f_lineno not in _unguarded(tree.body):
            return None
        if not isinstance(sys.modules.get(top), StandIn):
            self.missing[name] = f"{file}, line {frame.f_lineno}"
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        top = spec.name.partition(".")[0]
        shown = top if top in self.missing else spec.name
        message = f"No module named {shown!r} (imported in {self.missing[shown]})"
        return StandIn(spec.name, lambda: ModuleNotFoundError(message))

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a placeholder module has no code."""

    def _tree(self, filename: str) -> ast.Module:
        if filename not in self._trees:
            with open(filename, "rb") as file:
                self._trees[filename] = ast.parse(file.read())
        return self._trees[filename]


@contextmanager
def stand_ins() -> Iterator[Absent]:
    """Replace missing modules by placeholders (`StandIn`), for imports within the `with` block."""
    absent = Absent()
    sys.meta_path.append(absent)
    try:
        yield absent
    finally:
        sys.meta_path.remove(absent)


def _importer() -> FrameType | None:
    """Return the frame of the import statement: the innermost frame outside importlib."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame


def _unguarded(body: Sequence[ast.stmt]) -> set[int]:
    """Return the line numbers of top-level imports that are not inside a `try`."""
    lines: set[int] = set()
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            case ast.If():
                lines |= _unguarded(node.body) | _unguarded(node.orelse)
    return lines


def _submodules(tree: ast.Module, package: str) -> set[str]:
    """Return the submodules of a package that a file imports: {"layers"} for `from course.layers import dense`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                names |= {a.name for a in aliases}
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                names |= {f"{module}.{a.name}" for a in aliases}
    return {parts[1] for parts in (n.split(".") for n in names) if parts[0] == package and len(parts) > 1}


def _folders_with(modules: Iterable[str]) -> list[str]:
    """Return the folders of the submission that contain at least one of these modules."""
    here = os.getcwd()
    own_folders = dict.fromkeys(f for f in sys.path if f == here or f.startswith(here + os.sep))
    return [
        folder
        for folder in own_folders
        if any(
            os.path.isfile(os.path.join(folder, f"{m}.py")) or os.path.isdir(os.path.join(folder, m)) for m in modules
        )
    ]


def package(name: str, folders: list[str]) -> ModuleSpec:
    """Return the import spec of a package whose modules are in these folders."""
    initial = next((f for f in (os.path.join(d, "__init__.py") for d in folders) if os.path.isfile(f)), None)
    spec = spec_from_file_location(name, initial, submodule_search_locations=folders) if initial else None
    if spec is None:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = folders
    return spec

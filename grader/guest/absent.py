"""What students import, or load in a notebook, and is not here. What nothing uses must not cost anything.

Two cases are told apart. Where a hand-in's only folder was taken off, `from cs231n.layers import …` still finds
`layers.py`. Any other module that is not there becomes a stand-in, which raises where it is used and no earlier.
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
"""They are nowhere, so whoever imports them has never run the file on Python 3; that must be said at once."""


class StandIn(ModuleType):
    """Of a module or of data, or of whatever is taken out of them. Annotations and defaults may be made of it, values
    may not."""

    def __init__(self, name: str, error: Callable[[], Exception]) -> None:
        super().__init__(name)
        self._error = error  # `from … import *` takes no name that begins like this

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
    """Return what the importing file itself has defined under this name, None where it has defined nothing.

    A file that defines the class and then says `from net import Net` keeps its class where net.py is missing.
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
    """For the names that a statement of a notebook was to bind, had it not failed with this error."""
    for name in names:
        if name != "*":
            into.setdefault(name, StandIn(name, _error_of(name, error, why)))


def _error_of(name: str, error: BaseException, why: str) -> Callable[[], Exception]:
    match error:
        case ModuleNotFoundError():
            return lambda: ModuleNotFoundError(why)
        case ImportError():
            return lambda: ImportError(why)
    return lambda: NameError(f"name {name!r} is not defined, because its cell failed ({why})")


class Absent(MetaPathFinder, Loader):
    """The last finder, asked where no other has found the module; also the loader of stand-ins."""

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}
        """Name of the module → where it is imported first."""
        self._trees: dict[str, ast.Module] = {}

    def read(self, filename: str, tree: ast.Module) -> None:
        """The text of what is compiled under that name, where it stands in no file."""
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
        """Nothing is in it."""

    def _tree(self, filename: str) -> ast.Module:
        if filename not in self._trees:
            with open(filename, "rb") as file:
                self._trees[filename] = ast.parse(file.read())
        return self._trees[filename]


@contextmanager
def stand_ins() -> Iterator[Absent]:
    absent = Absent()
    sys.meta_path.append(absent)
    try:
        yield absent
    finally:
        sys.meta_path.remove(absent)


def _importer() -> FrameType | None:
    """Where the import statement stands; somebody who only asks for a spec is not importing."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame


def _unguarded(body: Sequence[ast.stmt]) -> set[int]:
    """Lines of the imports at top level that no `try` provides for."""
    lines: set[int] = set()
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            case ast.If():
                lines |= _unguarded(node.body) | _unguarded(node.orelse)
    return lines


def _submodules(tree: ast.Module, package: str) -> set[str]:
    """What the file imports from it: of `cs231n` it is `layers`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                names |= {a.name for a in aliases}
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                names |= {f"{module}.{a.name}" for a in aliases}
    return {parts[1] for parts in (n.split(".") for n in names) if parts[0] == package and len(parts) > 1}


def _folders_with(modules: Iterable[str]) -> list[str]:
    """The student's folders that hold one of these."""
    here = os.getcwd()
    mine = dict.fromkeys(f for f in sys.path if f == here or f.startswith(here + os.sep))
    return [
        folder
        for folder in mine
        if any(
            os.path.isfile(os.path.join(folder, f"{m}.py")) or os.path.isdir(os.path.join(folder, m)) for m in modules
        )
    ]


def package(name: str, folders: list[str]) -> ModuleSpec:
    initial = next((f for f in (os.path.join(d, "__init__.py") for d in folders) if os.path.isfile(f)), None)
    spec = spec_from_file_location(name, initial, submodule_search_locations=folders) if initial else None
    if spec is None:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = folders
    return spec

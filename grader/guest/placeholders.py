"""Placeholders for missing modules and values, so that an unused import or variable costs no points."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn


class StandIn:
    """A placeholder for a missing module or variable. Annotations and default values may contain it; any other use,
    such as a call, raises the error of the failed import or statement."""

    _error: Callable[[], Exception]

    def __init__(self, error: Callable[[], Exception]) -> None:
        self.__dict__["_error"] = error

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return self

    def __getitem__(self, _item: Any) -> StandIn:
        return self  # as in the annotation Float[ndarray, "N D"], or in the default X_train.shape[1]

    def __or__(self, _other: Any) -> StandIn:
        return self

    def __ror__(self, _other: Any) -> StandIn:
        return self

    def error(self) -> Exception:
        """Return the error to raise when the placeholder is used. Its attribute `noted` says that the cause is
        reported elsewhere."""
        error: Any = self._error()
        error.noted = True
        return error  # type: ignore[no-any-return]


def _use(stand_in: StandIn, *_arguments: Any, **_options: Any) -> NoReturn:
    """Raise the placeholder's error. This is the method for every operation in `_USES`."""
    raise stand_in.error()


_USES = (
    "call", "mro_entries", "iter", "len", "bool", "enter", "array", "float", "int", "index", "neg",
    "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "matmul", "rmatmul", "pow", "rpow",
    "lt", "gt", "le", "ge", "setattr", "setitem",
)  # fmt: skip
for _name in _USES:
    setattr(StandIn, f"__{_name}__", _use)


def bind_stand_ins(names: Iterable[str], into: dict[str, Any], error: BaseException, why: str) -> None:
    """Set each name that is not yet in `into` to a placeholder (`StandIn`). Using a placeholder raises an ImportError
    if `error` is one, and otherwise a NameError. The message contains `why`."""
    for name in names:
        into.setdefault(name, StandIn(_error_of(name, error, why)))


def _error_of(name: str, error: BaseException, why: str) -> Callable[[], Exception]:
    """Return a function that creates the error of a placeholder."""
    match error:
        case ModuleNotFoundError():
            return lambda: ModuleNotFoundError(why)
        case ImportError():
            return lambda: ImportError(why)
    return lambda: NameError(f"name {name!r} is not defined, because the statement that defines it failed ({why})")

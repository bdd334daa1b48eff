"""The language of pages: English, or German from the catalogue in grader/locale.

Templates, and functions that word what pages show, call `gettext` and `ngettext` with English texts. Texts are
translated only within `spoken`, so files and terminals stay English.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations, translation
from pathlib import Path

ENGLISH = "en"
_FOLDER = Path(__file__).parents[1] / "locale"
# a student's pack, which shows no page, has no catalogue
CATALOGUES = {ENGLISH: NullTranslations(), "de": translation("grader", _FOLDER, ["de"], fallback=True)}

current_language = ContextVar("current_language", default=ENGLISH)


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Translate texts into a language of CATALOGUES within this context."""
    token = current_language.set(language)
    try:
        yield
    finally:
        current_language.reset(token)


def gettext(text: str, /, **values: object) -> str:
    """Return a text in the current language, with values for its placeholders such as %(name)s."""
    return CATALOGUES[current_language.get()].gettext(text) % values


def ngettext(singular: str, plural: str, num: int, /, **values: object) -> str:
    """Return the singular or plural text in the current language. %(num)s is the number."""
    return CATALOGUES[current_language.get()].ngettext(singular, plural, num) % {"num": num, **values}

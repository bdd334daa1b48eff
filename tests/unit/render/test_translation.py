"""The texts of pages in German: complete, and no text of a template is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from grader.model import Points
from grader.render.html import environment
from grader.render.phrases import counted
from grader.render.translation import gettext, ngettext, spoken
from tests import texts

GERMAN = texts.catalogue()
MESSAGES = [message for message in GERMAN if message.id]


def test_the_german_catalogue_has_the_texts_of_the_pages_and_no_others() -> None:
    assert {message.id for message in MESSAGES} == {message.id for message in texts.extracted() if message.id}


def test_every_text_is_translated() -> None:
    assert not [message.id for message in MESSAGES if message.fuzzy or not texts.is_translated(message)]


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|<[^>]*>", re.sub(r'"[^"]*"', '""', text)))


def translations(message: Message) -> list[tuple[str, str]]:
    """The English and German texts of a message: the singular and the plural, if it has both."""
    if isinstance(message.id, str):
        return [(message.id, message.string)]
    return list(zip(message.id, message.string, strict=True))


def test_translations_have_the_placeholders_and_elements_of_the_english_text() -> None:
    pairs = [pair for message in MESSAGES for pair in translations(message)]
    assert [pair for pair in pairs if placeholders(pair[0]) != placeholders(pair[1])] == []


def test_translations_are_formal_and_use_one_term_for_one_thing() -> None:
    german = "\n".join(text for message in MESSAGES for _, text in translations(message))
    assert not re.findall(r"\b(?:du|dich|dir|dein\w*|Student(?:en|innen)?)\b", german)
    assert not re.findall(r"Abgabetermin|Deadline|Lösungsvorschlag|Dozent\w*|Nachsichtfrist", german)


def test_the_compiled_catalogue_is_up_to_date() -> None:
    assert texts.MO.read_bytes() == texts.compiled(GERMAN), "run `make texts`"


@pytest.mark.parametrize("template", texts.templates(), ids=lambda file: file.name)
def test_templates_have_no_text_outside_of_translations(template: Path) -> None:
    assert texts.texts_outside(template.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Score</p>",
        "<p>{% if late %}Late{% endif %}</p>",
        '<p>{{ "s" if count != 1 }}</p>',
        '<p>{{ name or "none" }}</p>',
        '<p>{{ {"open": "Open"}[state] }}</p>',
        '<p>{{ "Save" | upper }}</p>',
        '<nav aria-label="Main"></nav>',
        '<div data-say="{{ count }} waiting"></div>',
    ],
)
def test_a_text_outside_of_translations_is_noticed(source: str) -> None:
    assert len(texts.texts_outside(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        '<p>{{ _("Score") }}</p>',
        "<p class=\"{{ 'late' if late }}\"><code>grader check</code> {{ name | line(60) }}</p>",
        '<p>{{ _("Saved.") if saved else _("Save") }}: {{ "%.1f" | format(points) }} %</p>',
    ],
)
def test_names_code_and_translated_texts_are_not_noticed(source: str) -> None:
    assert texts.texts_outside(source) == []


def test_values_in_translated_texts_are_cleaned_and_escaped() -> None:
    template = environment().from_string('{{ _("by %(people)s", people=name) }} {{ _("100 %%") }}')
    with spoken("de"):
        assert template.render(name="<b>\x1b") == "von &lt;b&gt;\\x1b 100 %"


def test_a_value_may_be_named_as_any_other_argument() -> None:
    assert gettext("%(text)s of %(num)s", text="1", num=2) == "1 of 2"
    assert (
        environment().from_string('{{ _("%(text)s", text="a") }}{{ _("%(function)s", function="b") }}').render() == "ab"
    )


def test_texts_are_translated_only_within_spoken() -> None:
    with spoken("de"):
        german = counted(Points(1)), counted(Points(2)), gettext("Late"), ngettext("%(num)s group", "%(num)s groups", 2)
    assert german == ("1 Punkt", "2 Punkte", "Verspätung", "2 Gruppen")
    assert (counted(Points(1)), gettext("Late")) == ("1 point", "Late")

"""Reference: the plan language, looked up: a page of Markdown in each language.

The tables of keys come from the models, the meanings from the catalogue, and whatever is
said of a value is what its own reader, or the engine, makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files as package
from typing import Any

from language.catalogue import LANGUAGES, text
from plan_definitions.handbook import forms, value_tables
from plan_definitions.handbook.markdown import anchor, code, link, table
from plan_definitions.scenario import ALLOWED, NEEDED
from plan_definitions.schema import Form

FOLDER = "docs/reference"

SECTIONS = (
    *("ids", "dates", "deadlines", "periods", "rolls", "agencies", "recipients", "contacts"),
    *("appendices", "defaults", "gates", "events", "ladders", "quiet", "acts"),
)
"""The sections on values, in their order."""

LINKED = {
    "id": "ids",
    "date": "dates",
    "clock": "dates",
    "moment": "dates",
    "deadline": "deadlines",
    "gate-end": "gates",
    "quorum": "gates",
    "roll": "rolls",
    "level": "ladders",
    "working-days": "periods",
    "appendices": "appendices",
    "appendix-label": "appendices",
    "concerning": "agencies",
    "agency": "agencies",
    "agencies": "agencies",
    "agencies-or-none": "agencies",
    "recipient": "recipients",
    "role": "contacts",
    "ladder-name": "ladders",
    "event-name": "events",
}
"""Kinds of value, and the section that says more of each."""


def files() -> dict[str, str]:
    """Return the page of each language by its path from the root of the repository."""
    return {f"{FOLDER}/{language}.md": page(language) for language in LANGUAGES}


def page(language: str) -> str:
    """Return the reference in a language, as Markdown."""
    return "\n\n".join(_parts(language)) + "\n"


def _say(language: str, key: str, **values: Any) -> str:
    return text(language, f"reference.{key}", **values).strip()


def _parts(language: str) -> Iterator[str]:
    yield f"<!-- {_say(language, 'generated')} -->"
    yield f"# {_say(language, 'title')}"
    yield _say(language, "other")
    yield _say(language, "intro")
    yield f"## {_say(language, 'contents')}"
    yield "\n".join(_contents(language))
    for name, form in forms.FILES.items():
        yield from _file(language, name, form)
    yield f"## {_say(language, 'values')}"
    for section in SECTIONS:
        yield f"{anchor(section)}\n\n### {_say(language, f'section.{section}')}"
        yield from _section(language, section)


def _contents(language: str) -> Iterator[str]:
    for form in forms.FILES.values():
        first, *inner = forms.forms_within(form)
        yield f"- {_link(language, first)}"
        yield from (f"  - {_link(language, one)}" for one in inner)
    yield f"- {_say(language, 'values')}"
    for section in SECTIONS:
        yield f"  - {link(_say(language, f'section.{section}'), section)}"


def _link(language: str, form: type[Form]) -> str:
    return link(forms.title(language, form), _place(form))


def _place(form: type[Form]) -> str:
    """Return where a form stands on the page."""
    return f"form-{forms.name_of(form)}"


def _file(language: str, name: str, form: type[Form]) -> Iterator[str]:
    """Yield what a kind of file is, an example of it, and the keys of each form within it."""
    for one in forms.forms_within(form):
        level = "##" if one is form else "###"
        yield f"{anchor(_place(one))}\n\n{level} {forms.title(language, one)}"
        yield forms.about(language, one)
        if one is form:
            written = f"{language}/{name}.yaml"
            path = f"../../plan_definitions/examples/{written}"
            yield _say(language, "example", path=path)
            yield f"```yaml\n{example(written).strip()}\n```"
        yield _keys(language, one)


def example(name: str) -> str:
    """Return the text of an example, named from the folder of examples."""
    return (package("plan_definitions") / "examples" / name).read_text(encoding="utf-8")


def _keys(language: str, form: type[Form]) -> str:
    rows = (
        (
            code(key.name),
            _say(language, "yes" if key.required else "none"),
            _value(language, key.shape),
            _say(language, "none") if key.default is None else code(str(key.default)),
            key.meaning(language),
        )
        for key in forms.keys(form)
    )
    return _table(language, ("key", "required", "value", "default", "meaning"), rows)


def _table(language: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    return table((_say(language, f"head-{head}") for head in heads), rows)


def _value(language: str, shape: Mapping[str, Any]) -> str:
    """Say in words what a key holds."""
    match shape:
        case {"x-kind": kind}:
            numbers = {"least": shape.get("minimum"), "most": shape.get("maximum")}
            said = text(language, f"cell.{kind}", **numbers)
            return link(said, LINKED[kind]) if kind in LINKED else said
        case {"$ref": reference}:
            return _link(language, forms.named(reference))
        case {"anyOf": [{"enum": [word]}, form]}:
            return text(language, "cell.form-or", word=word, form=_value(language, form))
        case {"items": item}:
            return text(language, "cell.list", of=_value(language, item))
    (value,) = shape["patternProperties"].values()
    return text(language, "cell.mapping", of=_value(language, value))


def _section(language: str, section: str) -> Iterator[str]:
    """Yield the rules of a section and its tables."""

    def rules(key: str, **values: Any) -> str:
        return _say(language, f"text.{key}", **values)

    match section:
        case "dates":
            yield rules("dates", **value_tables.YEARS)
            yield _table(language, ("written", "read"), value_tables.dates(language))
            yield rules("clocks")
            yield _table(language, ("written", "read"), value_tables.clocks())
        case "deadlines":
            yield rules("deadlines", **value_tables.SAMPLE)
            heads = ("written", "last-day", "why")
            yield _table(language, heads, value_tables.deadlines(language))
            yield rules("twins")
            yield _table(language, ("twin", "read", "last-day"), value_tables.twins(language))
            yield rules("deadlines-more", **value_tables.LIMITS)
        case "periods" | "gates":
            rows = value_tables.periods if section == "periods" else value_tables.gate_ends
            yield rules(section)
            yield _table(language, ("written", "read"), rows(language))
        case "appendices":
            yield rules(section)
            heads = ("written", "twin", "read")
            yield _table(language, heads, value_tables.appendices(language))
        case "acts":
            yield rules(section)
            yield _table(language, ("act", "needed", "allowed"), _acts(language))
        case _:
            yield rules(section)


def _acts(language: str) -> Iterator[tuple[str, ...]]:
    for act, needed in NEEDED.items():
        keys = (needed, ALLOWED[act])
        said = (", ".join(map(code, sorted(names))) for names in keys)
        yield code(act), *(names or _say(language, "none") for names in said)

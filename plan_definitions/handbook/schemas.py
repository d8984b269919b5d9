"""Schemas: the JSON schemas with which editors complete, explain and check the files.

Draft-07, the newest that every YAML editor understands. Made of the models, of the cells'
shapes and of the catalogue; Vietnamese first, English after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from language.catalogue import LANGUAGES, text
from plan_definitions import shapes
from plan_definitions.handbook import forms
from plan_definitions.scenario import NEEDED
from plan_definitions.schema import EntryForm, Form, NoteForm, OverlayForm
from plan_definitions.shapes import Shape

DRAFT = "http://json-schema.org/draft-07/schema#"

BEYOND: Mapping[type[Form], Shape] = {
    NoteForm: {"anyOf": [{"required": ["why"]}, {"required": ["doubt"]}]},
    OverlayForm: {
        "oneOf": [{"required": ["base", "notices_until"]}, {"required": ["extends"]}],
    },
    EntryForm: {
        "oneOf": [{"required": [act]} for act in NEEDED],
        "dependencies": {act: sorted(needed) for act, needed in NEEDED.items() if needed},
    },
}
"""What forms ask for besides their keys, of which the models say nothing."""

KEYS: Mapping[str, str] = {
    cell["pattern"]: cell["x-kind"] for cell in (shapes.ID, shapes.APPENDIX_LABEL)
}
"""The kinds of key that mappings have, by their pattern."""


FOLDER = "plan_definitions/schemas"


def files() -> dict[str, str]:
    """Return the text of each schema by its path from the root of the repository."""
    return {
        f"{FOLDER}/{name}.schema.json": json.dumps(schema(form), ensure_ascii=False, indent=2)
        + "\n"
        for name, form in forms.FILES.items()
    }


def schema(form: type[Form]) -> Shape:
    """Return the schema of the files that fill in a form."""
    definitions: dict[str, Shape] = {}
    first, *inner = (_form(one, definitions) for one in forms.forms_within(form))
    names = (one.__name__ for one in forms.forms_within(form)[1:])
    within = dict(zip(names, inner, strict=True)) | dict(sorted(definitions.items()))
    return {"$schema": DRAFT, **first, "definitions": within}


def _form(form: type[Form], definitions: dict[str, Shape]) -> Shape:
    found = forms.keys(form)
    return {
        "title": " – ".join(forms.title(language, form) for language in LANGUAGES),
        **_said(forms.about(language, form) for language in LANGUAGES),
        "type": "object",
        "properties": {key.name: _key(key, definitions) for key in found},
        "required": [key.name for key in found if key.required],
        "additionalProperties": False,
        **BEYOND.get(form, {}),
    }


def _key(key: forms.Key, definitions: dict[str, Shape]) -> Shape:
    default = {} if key.default is None else {"default": key.default}
    shape = {name: part for name, part in key.shape.items() if name not in ("default", "title")}
    said = _said(key.meaning(language) for language in LANGUAGES)
    return {**said, **_shape(shape, definitions), **default}


def _said(sentences: Iterable[str]) -> Shape:
    """Return the description of a key: plain, and for editors that show Markdown."""
    said = "\n\n".join(sentences)
    plain = said.replace("`", "")
    return {"description": plain} | ({"markdownDescription": said} if said != plain else {})


def _shape(shape: Any, definitions: dict[str, Shape]) -> Any:
    """Return a part of a schema as editors get it, its cells put among the definitions."""
    if isinstance(shape, list):
        return [_shape(part, definitions) for part in shape]
    if not isinstance(shape, dict):
        return shape
    if "x-kind" in shape:
        kind = shape["x-kind"]
        plain = {name: part for name, part in shape.items() if name != "x-kind"}
        definitions[kind] = _explained(_shape(plain, definitions), kind)
        return {"$ref": forms.DEFINITIONS + kind}
    if "patternProperties" in shape:
        shape = _with_named_keys(shape)
    parts = {name: _shape(part, definitions) for name, part in shape.items()}
    if "properties" in parts:
        parts["properties"] = {
            name: {**_said(text(language, f"twin.{name}") for language in LANGUAGES), **part}
            for name, part in parts["properties"].items()
        }
    return parts


def _with_named_keys(shape: Shape) -> Shape:
    """Return the schema of a mapping whose keys are refused unless they fit the pattern."""
    ((pattern, value),) = shape["patternProperties"].items()
    rest = {k: v for k, v in shape.items() if k not in ("patternProperties", "propertyNames")}
    kind = KEYS.get(pattern)
    named = {} if kind is None else {"propertyNames": _explained({"pattern": pattern}, kind)}
    return {**rest, "additionalProperties": value, **named}


def _explained(shape: Any, kind: str) -> Any:
    """Return the schema of a kind of value with what an editor says where one is at fault."""
    if isinstance(shape, list):
        return [_explained(part, kind) for part in shape]
    if not isinstance(shape, dict):
        return shape
    parts = {name: _explained(part, kind) for name, part in shape.items()}
    if "pattern" not in shape or "patternErrorMessage" in shape:
        return parts
    values = {"least": shape.get("minimum"), "most": shape.get("maximum")}
    said = " – ".join(
        text(language, "cell.expected", what=text(language, f"cell.{kind}", **values))
        for language in LANGUAGES
    )
    return {**parts, "patternErrorMessage": said.replace("`", "")}

"""Forms: what each key of a form is, for whoever explains the plan language to people.

The models say which keys there are, which are needed and what they hold; the catalogue
says what they mean (`form.<form>.keys.<key>`). Editor schemas, the reference and the
skeleton of a new plan are made of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from fractions import Fraction
from functools import cache
from typing import Any, Final, cast

from pydantic.fields import FieldInfo

from language.catalogue import text
from plan_definitions.phrases import Due
from plan_definitions.schema import (
    DefaultsForm,
    Form,
    GateForm,
    OverlayForm,
    PlanForm,
    RegisterForm,
    ScenarioForm,
)

FILES: Final[Mapping[str, type[Form]]] = {
    "plan": PlanForm,
    "agencies": RegisterForm,
    "calendar": OverlayForm,
    "scenario": ScenarioForm,
}
"""The kinds of file, and the form that each fills in."""

DEFINITIONS = "#/definitions/"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a form: `shape` is the JSON schema of its value; `default` as it is written."""

    form: str
    name: str
    required: bool
    default: str | int | None
    shape: Mapping[str, Any]

    def meaning(self, language: str) -> str:
        """Say what to write there."""
        return text(language, f"form.{self.form}.keys.{self.name}")


def name_of(form: type[Form]) -> str:
    """Return how the catalogue calls a form: `TaskForm` is `task`."""
    return form.__name__.removesuffix("Form").lower()


def title(language: str, form: type[Form]) -> str:
    """Return a form's name for people."""
    return text(language, f"form.{name_of(form)}.title")


def about(language: str, form: type[Form]) -> str:
    """Say what a form is for."""
    return text(language, f"form.{name_of(form)}.about")


@cache
def schema_of(form: type[Form]) -> Mapping[str, Any]:
    """Return the JSON schema that pydantic makes of a form; the forms within it by name."""
    return form.model_json_schema(ref_template=DEFINITIONS + "{model}")


@cache
def keys(form: type[Form]) -> tuple[Key, ...]:
    """Return the keys of a form, in the order of the model."""
    shapes = schema_of(form)["properties"]
    return tuple(
        Key(
            form=name_of(form),
            name=field.alias or name,
            required=field.is_required(),
            # What defaults do not say is not said.
            default=None if form is DefaultsForm else _written(_default(field)),
            shape=_present(shapes[field.alias or name]),
        )
        for name, field in form.model_fields.items()
    )


def forms_within(form: type[Form]) -> tuple[type[Form], ...]:
    """Return a form and all that can be filled in within it, each once, as they are met."""
    found: dict[type[Form], None] = {form: None}
    for reference in _references(schema_of(form)["properties"]):
        found.update(dict.fromkeys(forms_within(named(reference))))
    return tuple(found)


def named(reference: str) -> type[Form]:
    """Return the form that a JSON schema refers to."""
    by_name = {one.__name__: one for one in all_forms()}
    return by_name[reference.removeprefix(DEFINITIONS)]


def all_forms() -> tuple[type[Form], ...]:
    """Return every form that there is."""
    return tuple(_descendants(Form))


def _descendants(form: type[Form]) -> Iterator[type[Form]]:
    for inner in form.__subclasses__():
        yield inner
        yield from _descendants(inner)


def _references(schema: Any) -> Iterator[str]:
    """Yield each reference to a form within a schema."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _present(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a value that is there: a key without a value is not written."""
    null = {"type": "null"}
    if null not in shape.get("anyOf", ()):
        return shape
    (present,) = (part for part in shape["anyOf"] if part != null)
    return cast(Mapping[str, Any], present)


def _default(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True, validated_data={})


def _written(default: Any) -> str | int | None:
    """Return a default as an official would write it; None where nothing is the default."""
    match default:
        case GateForm():
            return "all"
        case Fraction():
            return f"{float(default):.0%}"
        case time():
            return f"{default:%H:%M}"
        case Due(said):
            return said
        case str() | int():
            return default or None
    return None

"""Forms: that they ask what the flows take, in words, and offer what is known."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from jsonschema import Draft202012Validator
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentUpdate

from flows import forms
from flows.forms import FORMS, Form
from flows.processes import PREFECT_FILE
from language.catalogue import LANGUAGES
from services.choices import Choices
from services.wiring import Parts
from storage import plans
from tests.services import written as w
from tests.services.office import office, start

OFFERED = Choices(
    runs=("1/KH-UBND – Kế hoạch nhỏ (nho)",),
    agencies=("Sở An (a)", "Sở Bình (b)"),
    tasks=("Báo cáo (reports/report)",),
    events=("Chính phủ ban hành (government.issued)",),
    plans=("1/KH-UBND – Kế hoạch nhỏ (nho.yaml)", "2/KH-UBND (hai.yaml)"),
)
INTERNAL = {"now", "show", "obligation"}
by_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.deployment)


def parameters(form: Form) -> dict[str, inspect.Parameter]:
    """The parameters of the flow that the form's deployment runs."""
    deployments = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))["deployments"]
    (point,) = (d["entrypoint"] for d in deployments if d["name"] == form.deployment)
    module, _, name = point.rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    return dict(inspect.signature(flow.fn).parameters)


def schema(form: Form, offered: Choices = OFFERED, language: str = "vi") -> dict[str, Any]:
    """The schema of a form."""
    return forms.schema(form, offered, language)


@by_form
def test_a_form_asks_just_what_its_flow_takes_from_people(form: Form):
    """A field that the flow does not know would fail every run of the form."""
    takes = parameters(form)
    asked = {field.name for field in form.fields}

    assert asked <= set(takes)
    assert not asked & INTERNAL
    demanded = {name for name, one in takes.items() if one.default is inspect.Parameter.empty}
    assert demanded <= {field.name for field in form.fields if field.required}


@by_form
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_title_and_help_in_both_languages(form: Form, language: str):
    """Nobody should have to guess what `nil` means."""
    properties = schema(form, language=language)["properties"]

    assert [one["position"] for one in properties.values()] == list(range(len(properties)))
    assert len({one["title"] for one in properties.values()}) == len(properties)
    assert all(len(one["description"]) > 10 for one in properties.values())
    assert len(forms.tags(form, language)[0]) <= 15, "the list of deployments cuts it off"


@by_form
def test_a_schema_is_one_that_prefect_can_hold_people_to(form: Form):
    """An invalid schema would turn every entry away."""
    found = schema(form)

    Draft202012Validator.check_schema(found)
    offers = {field.name: field.offers for field in form.fields if field.offers}
    assert all(found["properties"][name]["enum"] for name in offers)


def test_the_only_value_of_a_field_that_must_be_filled_in_is_chosen_already():
    """With one plan running nobody should have to say which; a task may be left open."""
    properties = schema(next(form for form in FORMS if form.deployment == "return-report"))[
        "properties"
    ]

    assert properties["run"]["default"] == OFFERED.runs[0]
    assert "default" not in properties["agency"]
    assert "default" not in properties["task"]
    assert (properties["days"]["minimum"], properties["days"]["maximum"]) == (1, 250)


def test_too_many_values_are_typed_and_none_leave_a_plain_field():
    """A list that nobody can scroll through helps nobody; an empty one takes no entry at all."""
    form = next(form for form in FORMS if form.deployment == "accept-report")
    many = Choices(agencies=tuple(f"Xã {n} (xa-{n})" for n in range(forms.MOST_CHOICES + 1)))

    properties = schema(form, many)["properties"]

    assert "enum" not in properties["agency"]
    assert "1001" in properties["agency"]["description"]
    assert "enum" not in properties["run"]


class FakeServer:
    """Keeps deployments as Prefect does, and counts what it is asked."""

    api_url = "http://server.example/api"

    def __init__(self) -> None:
        self.deployments = {
            form.deployment: SimpleNamespace(
                id=form.deployment,
                name=form.deployment,
                description="",
                parameter_openapi_schema={},
                enforce_parameter_schema=True,
                tags=["dondoc"],
            )
            for form in FORMS
        }
        self.asked = 0

    async def read_deployments(self, **_filters: object) -> list[SimpleNamespace]:
        """Return every deployment."""
        self.asked += 1
        return list(self.deployments.values())

    async def update_deployment(self, key: str, update: DeploymentUpdate) -> None:
        """Keep what is sent, and only that."""
        vars(self.deployments[key]).update(update.model_dump(exclude_unset=True))


def refresh(parts: Parts, server: FakeServer, *, force: bool = False) -> int:
    """Bring the server's forms up."""
    return asyncio.run(forms.refresh(parts, cast(PrefectClient, server), force=force))


def test_nothing_is_asked_of_prefect_while_nothing_has_changed(tmp_path: Path):
    """The clock looks every second or so, for fifteen months."""
    with office(tmp_path) as parts:
        server = FakeServer()
        assert refresh(parts, server, force=True) == len(FORMS)
        asked = server.asked

        assert refresh(parts, server) == 0
        assert server.asked == asked
        assert refresh(parts, server, force=True) == 0, "made anew, and found as they should be"


def test_a_run_that_starts_is_offered_and_one_that_is_completed_no_more(tmp_path: Path):
    """A form that offers what is over would turn every entry away."""
    with office(tmp_path) as parts:
        server = FakeServer()
        refresh(parts, server, force=True)
        shown = server.deployments["accept-report"]
        assert "enum" not in shown.parameter_openapi_schema["properties"]["run"]

        start(parts)
        assert refresh(parts, server) > 0
        offered = shown.parameter_openapi_schema["properties"]
        assert offered["run"]["enum"] == ["1/KH-UBND – Kế hoạch nhỏ (nho)"]
        assert "board-nho" in shown.description

        with parts.database.writing() as connection:
            plans.set_turn(connection, "nho", next_turn_at=None, completed_at=w.START)
        assert refresh(parts, server) > 0
        assert "enum" not in shown.parameter_openapi_schema["properties"]["run"]

"""Forms: what an operator fills in on Prefect's pages, with pickers where the values are known.

Prefect draws a deployment's form from the JSON schema that is stored with it. Ours is built
from the database: the plan runs, agencies, tasks and events of this very moment. Only what
an operator should fill in is in a form; the flows take more.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

from language.catalogue import has, text
from plan_definitions import shelf
from services import choices
from services.choices import Choices
from services.recording import LONGEST_RETURN
from services.tables.markdown import link
from services.wiring import Parts

log = logging.getLogger(__name__)

MOST_CHOICES = 1_000
"""Values that a picker bears: it opens in half a second. Where there are more, the id is typed."""

MOST_LINKS = 100
"""Boards that a form's page links to, the latest started first."""

TEXT: Mapping[str, Any] = {"type": "string"}
DAY: Mapping[str, Any] = {"type": "string", "format": "date"}
MOMENT: Mapping[str, Any] = {"type": "string", "format": "date-time"}
SWITCH: Mapping[str, Any] = {"type": "boolean", "default": False}
DAYS: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": LONGEST_RETURN}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: the flow's parameter, and which of the choices it offers, if any."""

    name: str
    kind: Mapping[str, Any]
    required: bool = False
    offers: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A deployment's form, in the order of its fields.

    Where it is `loose`, Prefect takes a run whose values do not fit the form, for programs;
    the flow says what is wrong with them.
    """

    deployment: str
    fields: tuple[Field, ...]
    loose: bool = False
    points_to_boards: bool = True


RUN = Field("run", TEXT, required=True, offers="runs")
AGENCY = Field("agency", TEXT, required=True, offers="agencies")
TASK = Field("task", TEXT, offers="tasks")
BY = Field("by", TEXT, required=True)
DATED = Field("dated", DAY)
DOCUMENT = Field("document", TEXT)
WHY = Field("why", TEXT, required=True)
NEEDED_DOCUMENT = Field("document", TEXT, required=True)
SOME_AGENCY = Field("agency", TEXT, offers="agencies")


def _about_a_report(deployment: str, *fields: Field) -> Form:
    return Form(deployment, (RUN, AGENCY, TASK, *fields, BY))


FORMS = (
    Form(
        "start-plan",
        (
            Field("plan", TEXT, required=True, offers="plans"),
            Field("started_at", MOMENT),
            Field("run", TEXT),
            BY,
        ),
        points_to_boards=False,
    ),
    _about_a_report(
        "record-submission", DATED, DOCUMENT, Field("part", SWITCH), Field("nil", SWITCH)
    ),
    _about_a_report("return-report", WHY, Field("days", DAYS), DATED, DOCUMENT),
    _about_a_report("accept-report"),
    _about_a_report("withdraw-submission", WHY),
    _about_a_report(
        "extend-deadline",
        Field("until", DAY, required=True),
        NEEDED_DOCUMENT,
        Field("why", TEXT),
    ),
    _about_a_report("waive-obligation", WHY, DOCUMENT),
    _about_a_report("report-difficulty", Field("what", TEXT, required=True), DATED, DOCUMENT),
    _about_a_report("answer-difficulty", Field("answer", TEXT, required=True), DATED, DOCUMENT),
    Form("pause-chasing", (RUN, SOME_AGENCY, WHY, Field("until", DAY), DOCUMENT, BY)),
    Form("resume-chasing", (RUN, SOME_AGENCY, Field("why", TEXT), DOCUMENT, BY)),
    Form(
        "announce-event",
        (Field("event", TEXT, required=True, offers="events"), NEEDED_DOCUMENT, DATED, BY),
        loose=True,
    ),
    Form("daily-brief", (RUN, BY)),
)


def schema(form: Form, offered: Choices, language: str) -> dict[str, Any]:
    """Return the JSON schema that Prefect draws the form from."""
    fields = enumerate(form.fields)
    return {
        "title": "Parameters",
        "type": "object",
        "properties": {
            field.name: _property(form, field, offered, language) | {"position": position}
            for position, field in fields
        },
        "required": [field.name for field in form.fields if field.required],
    }


def _property(form: Form, field: Field, offered: Choices, language: str) -> dict[str, Any]:
    said = {part: text(language, _key(form, field, part, language)) for part in ("title", "help")}
    drawn = {"title": said["title"], "description": said["help"], **field.kind}
    values: tuple[str, ...] = getattr(offered, field.offers) if field.offers else ()
    if len(values) > MOST_CHOICES:
        drawn["description"] = text(
            language, "operator.too-many", help=said["help"], count=len(values)
        )
    elif values:
        drawn["enum"] = list(values)
        if len(values) == 1 and field.required:
            drawn["default"] = values[0]
    return drawn


def _key(form: Form, field: Field, part: str, language: str) -> str:
    own = f"operator.{form.deployment}.{field.name}.{part}"
    return own if has(language, own) else f"operator.field.{field.name}.{part}"


def about(form: Form, parts: Parts) -> str:
    """Return what the form's page says of it, in Markdown, with links to what it changes."""
    language = parts.settings.language
    said = text(language, f"operator.{form.deployment}.about").strip()
    if not form.points_to_boards:
        return said
    links = [
        link(text(language, "operator.see-board", number=run.number, run=run.id), "board", run.id)
        for run in choices.active_runs(parts)[:MOST_LINKS]
    ]
    see = text(language, "operator.see", links=", ".join(links))
    return f"{said}\n\n{see if links else text(language, 'operator.see-none')}"


def tags(form: Form, language: str) -> list[str]:
    """Return the form's tags: what it is, in words, first, for the lists show no more of them."""
    title = text(language, f"operator.{form.deployment}.title")
    return [title, text(language, "operator.tag"), "dondoc"]


_brought: dict[str, str] = {}  # by server: the state of affairs that its forms show


async def show(parts: Parts) -> None:
    """Bring the forms up to the database, whatever was brought before.

    Where Prefect does not let it, the work that it belongs to goes on: a sweep makes up for it.
    """
    try:
        async with get_client() as client:
            await refresh(parts, client, force=True)
    except Exception:
        log.exception("the forms were not refreshed", extra={"action": "forms-failed"})


async def refresh(parts: Parts, client: PrefectClient, *, force: bool = False) -> int:
    """Bring the forms up to the database; return how many were changed.

    Nothing is asked of the server while neither the active runs nor the folder of plans
    have changed since this process last looked; `force` looks all the same, as after the
    deployments were made anew.
    """
    server, affairs = str(client.api_url), _fingerprint(parts)
    if not force and _brought.get(server) == affairs:
        return 0
    forms = {form.deployment: form for form in FORMS}
    found = await client.read_deployments(
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=list(forms)))
    )
    offered = choices.read(parts)
    changed = 0
    for deployment in found:
        wanted = _wanted(forms[deployment.name], offered, parts)
        if any(getattr(deployment, key) != value for key, value in wanted.items()):
            await client.update_deployment(deployment.id, DeploymentUpdate(**wanted))
            changed += 1
    _brought[server] = affairs
    if changed:
        log.info("%s forms brought up to date", changed, extra={"action": "forms-refreshed"})
    return changed


def _wanted(form: Form, offered: Choices, parts: Parts) -> dict[str, Any]:
    language = parts.settings.language
    return {
        "description": about(form, parts),
        "parameter_openapi_schema": schema(form, offered, language),
        "enforce_parameter_schema": not form.loose,
        "tags": tags(form, language),
    }


def _fingerprint(parts: Parts) -> str:
    """Return what changes when the forms should: the active runs and the plans to start."""
    affairs = [
        parts.settings.language,
        [(run.id, run.plan_version) for run in choices.active_runs(parts)],
        str(parts.settings.plans_folder),
        shelf.stamp(parts.settings.plans_folder),
    ]
    return hashlib.sha256(json.dumps(affairs).encode()).hexdigest()

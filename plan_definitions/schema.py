"""Schema: the forms that coordinators fill in: plan, register, calendar overlay, scenario.

What each key means is said by the catalogue (`language/*/forms.toml`), a table per form.
"""

from __future__ import annotations

from datetime import time
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from plan_definitions import cells
from plan_definitions.phrases import UNDATED


class Form(BaseModel):
    """A form: no key that it does not name, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class EventForm(Form):
    """An outside event that the plan waits for."""

    title: cells.Text
    document: cells.Text = ""
    correlate: cells.Values = Field(default_factory=dict)


class WhenForm(Form):
    """What opens a stage besides its needs."""

    event: cells.EventName


class TaskForm(Form):
    """Something owed within a stage."""

    title: cells.Text
    by: cells.Agencies = ()
    to: cells.Recipient = ""
    copies: cells.AgenciesOrNone = Field((), alias="copy")
    partners: cells.AgenciesOrNone = Field((), alias="with")
    concerning: cells.Concerning = ""
    collects: cells.TaskName = ""
    due: cells.Deadline = UNDATED
    roll: cells.RollWord = None
    ladder: cells.LadderName = ""
    appendix: cells.Appendices = ()
    ref: cells.Text = ""
    row: cells.Rows = ()
    note: cells.Text = ""


class DefaultsForm(Form):
    """What holds for every task that does not say otherwise, of a plan or of a stage."""

    by: cells.Agencies = ()
    to: cells.Recipient = ""
    copies: cells.AgenciesOrNone = Field((), alias="copy")
    partners: cells.AgenciesOrNone = Field((), alias="with")
    due: cells.Deadline = UNDATED
    roll: cells.RollWord = None
    ladder: cells.LadderName = ""


class GateForm(Form):
    """When a stage counts as done."""

    tasks: cells.Tasks = ()
    quorum: cells.Quorum = Fraction(1)
    otherwise: cells.GateEnd = Field(None, alias="or")


def _no_defaults() -> DefaultsForm:
    return DefaultsForm.model_validate({})


def _everything() -> GateForm:
    return GateForm.model_validate({})


class StageForm(Form):
    """A stage."""

    title: cells.Text
    tasks: Annotated[dict[cells.Id, TaskForm], cells.FILLED_MAPPING]
    defaults: DefaultsForm = Field(default_factory=_no_defaults)
    needs: cells.Stages = ()
    when: WhenForm | None = None
    gate: Annotated[GateForm, cells.OrWord("all")] = Field(default_factory=_everything)
    ref: cells.Text = ""


class OverdueForm(Form):
    """Overdue notices."""

    first: cells.Count = 1
    every: cells.Count = 1
    at_most: cells.CountOrNone
    head_from: cells.Count | None = None
    letter_from: cells.Count | None = None


class EscalationForm(Form):
    """One escalation."""

    after: cells.WorkingDays
    to: cells.Level
    letter: cells.Flag = False


class LadderForm(Form):
    """The policy of reminders and escalations."""

    extends: cells.LadderName = ""
    send_at: cells.Clock = time(8)
    office_ends: cells.Clock = time(17)
    tell_partners: cells.Flag = False
    remind: cells.Counts = ()
    overdue: OverdueForm | None = None
    escalate: Annotated[list[EscalationForm], cells.LIST] = Field(default_factory=list)


class QuietForm(Form):
    """Days on which a plan mails nothing."""

    first: cells.Day = Field(alias="from")
    last: cells.Day = Field(alias="until")
    why: cells.Text = ""


class NoteForm(Form):
    """A sentence of the document that is no task."""

    ref: cells.Text
    text: cells.Text
    why: cells.Text = ""
    doubt: cells.Text = ""
    row: cells.Rows = ()


class AppendixForm(Form):
    """An appendix of the document."""

    title: cells.Text = ""
    items: cells.Items = None


class PlanForm(Form):
    """A plan file."""

    plan: cells.Id
    number: cells.Text
    title: cells.Text
    issued: cells.Day
    issuer: cells.Agency
    coordinator: cells.Agency
    superior: cells.Agency = ""
    time_zone: cells.Text = "Asia/Ho_Chi_Minh"
    language: cells.Language = "vi"
    agencies: cells.Paths
    calendar: cells.Path
    ladder: cells.LadderName = "standard"
    groups: Annotated[dict[cells.Id, cells.AgenciesOrNone], cells.MAPPING] = Field(
        default_factory=dict
    )
    defaults: DefaultsForm = Field(default_factory=_no_defaults)
    appendices: Annotated[dict[cells.AppendixLabel, AppendixForm], cells.MAPPING] = Field(
        default_factory=dict
    )
    events: Annotated[dict[cells.Id, EventForm], cells.MAPPING] = Field(default_factory=dict)
    stages: Annotated[dict[cells.Id, StageForm], cells.FILLED_MAPPING]
    ladders: Annotated[dict[cells.Id, LadderForm], cells.FILLED_MAPPING]
    quiet: Annotated[list[QuietForm], cells.LIST] = Field(default_factory=list)
    notes: Annotated[list[NoteForm], cells.LIST] = Field(default_factory=list)


class AbsenceForm(Form):
    """Days on which a contact is away."""

    first: cells.Day = Field(alias="from")
    last: cells.Day = Field(alias="until")
    why: cells.Text = ""


class SubstituteForm(Form):
    """Who gets the mail of a contact that is away."""

    name: cells.Text
    email: cells.Address


class ContactForm(Form):
    """A person or desk of an agency that gets its mail."""

    name: cells.Text
    role: cells.RoleWord
    email: cells.Address
    away: Annotated[list[AbsenceForm], cells.LIST] = Field(default_factory=list)
    substitute: SubstituteForm | None = None


class AgencyForm(Form):
    """An agency of the register."""

    name: cells.Text
    kind: cells.Text
    email: cells.Address = None
    contacts: Annotated[list[ContactForm], cells.LIST] = Field(default_factory=list)
    parent: cells.Agency = ""
    note: cells.Text = ""


class CommuneForm(Form):
    """A commune, ward or township."""

    name: cells.Text
    code: cells.Text = ""
    email: cells.Address = None
    contacts: Annotated[list[ContactForm], cells.LIST] = Field(default_factory=list)
    note: cells.Text = ""


class RegisterForm(Form):
    """A register of agencies."""

    register_id: cells.Id = Field(alias="register")
    as_of: cells.Day
    agencies: Annotated[dict[cells.Id, AgencyForm], cells.FILLED_MAPPING]
    groups: Annotated[dict[cells.Id, cells.AgenciesOrNone], cells.MAPPING] = Field(
        default_factory=dict
    )
    communes: Annotated[
        dict[cells.Agency, Annotated[dict[cells.Id, CommuneForm], cells.MAPPING]], cells.MAPPING
    ] = Field(default_factory=dict)


class DayForm(Form):
    """A day off, or a day worked instead."""

    date: cells.Day
    name: cells.Text
    source: cells.Text


class UncertainForm(DayForm):
    """A day announced but not enacted."""

    off: cells.Flag
    note: cells.Text = ""


class OverlayForm(Form):
    """A calendar overlay: on a country's holidays, or on another overlay."""

    calendar: cells.Id
    base: cells.Text = ""
    extends: cells.Path = ""
    notices_until: cells.Year | None = None
    days_off: Annotated[list[DayForm], cells.LIST] = Field(default_factory=list)
    worked: Annotated[list[DayForm], cells.LIST] = Field(default_factory=list)
    uncertain: Annotated[list[UncertainForm], cells.LIST] = Field(default_factory=list)


class EntryForm(Form):
    """Something that happens in a scenario."""

    at: cells.Moment
    submit: cells.TaskName = ""
    returned: cells.TaskName = Field("", alias="return")
    accept: cells.TaskName = ""
    extend: cells.TaskName = ""
    waive: cells.TaskName = ""
    event: cells.EventName = ""
    values: cells.Values = Field(default_factory=dict)
    outage_until: cells.Moment | None = None
    by: cells.Agencies = ()
    agency: cells.Agencies = ()
    dated: cells.Day | None = None
    document: cells.Text = ""
    days: cells.Count | None = None
    until: cells.Day | None = None
    reason: cells.Text = ""
    note: cells.Text = ""


class ScenarioForm(Form):
    """A scenario."""

    scenario: cells.Id
    title: cells.Text
    note: cells.Text = ""
    start: cells.Moment | None = None
    until: cells.Moment | None = None
    entries: Annotated[list[EntryForm], cells.LIST]

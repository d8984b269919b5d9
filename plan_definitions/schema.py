"""Schema: the forms that coordinators fill in: plan, register, calendar overlay, scenario."""

from __future__ import annotations

from datetime import time
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from plan_definitions import cells
from plan_definitions.phrases import UNDATED


class Form(BaseModel):
    """A form: no key that it does not name, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class EventForm(Form):
    """An outside event that the plan waits for."""

    title: cells.Text = Field(description="Sự kiện là gì")
    document: cells.Text = Field("", description="Văn bản nào công bố sự kiện")
    correlate: cells.Values = Field(
        default_factory=dict, description="Giá trị phải có thì mới đúng là sự kiện này"
    )


class WhenForm(Form):
    """What opens a stage besides its needs."""

    event: cells.Text = Field(description="Mã sự kiện trong mục events")


class TaskForm(Form):
    """Something owed within a stage."""

    title: cells.Text = Field(description="Tên nhiệm vụ")
    by: cells.Names = Field((), description="Cơ quan chủ trì, hoặc từng cơ quan của nhóm")
    to: cells.Text = Field("", description="Nơi nhận; parent: cơ quan cấp trên trực tiếp")
    copies: cells.Texts = Field((), alias="copy", description="Nơi nhận bản sao")
    partners: cells.Texts = Field((), alias="with", description="Cơ quan phối hợp")
    concerning: cells.Concerning = Field("", description="communes: các xã của huyện phải làm")
    collects: cells.Text = Field("", description="bước/nhiệm vụ mà việc này tổng hợp lại")
    due: cells.Deadline = Field(UNDATED, description="Thời hạn, như 'trước ngày 10/5/2020'")
    roll: cells.RollWord = Field(None, description="Ngày cuối là ngày nghỉ thì dời đi đâu")
    ladder: cells.Text = Field("", description="Thang đôn đốc, nếu khác thang chung")
    appendix: cells.Appendices = Field((), description="Phụ lục, Mục, điểm phải làm")
    ref: cells.Text = Field("", description="Chỗ trong văn bản")
    row: cells.Rows = Field((), description="Số dòng trong bảng nghĩa vụ")
    note: cells.Text = Field("", description="Ghi chú")


class DefaultsForm(Form):
    """What holds for every task that does not say otherwise, of a plan or of a stage."""

    by: cells.Names = Field((), description="Cơ quan chủ trì, hoặc từng cơ quan của nhóm")
    to: cells.Text = Field("", description="Nơi nhận")
    copies: cells.Texts = Field((), alias="copy", description="Nơi nhận bản sao")
    partners: cells.Texts = Field((), alias="with", description="Cơ quan phối hợp")
    due: cells.Deadline = Field(UNDATED, description="Thời hạn")
    roll: cells.RollWord = Field(None, description="Ngày cuối là ngày nghỉ thì dời đi đâu")
    ladder: cells.Text = Field("", description="Thang đôn đốc")


class GateForm(Form):
    """When a stage counts as done."""

    tasks: cells.Names = Field((), description="Các nhiệm vụ được tính; bỏ trống là tất cả")
    quorum: cells.Quorum = Field(Fraction(1), description="Tỷ lệ (90%) hoặc số lượng")
    otherwise: cells.GateEnd = Field(None, alias="or", description="Hết ngày nào thì vẫn mở")


def _gate(value: Any) -> Any:
    """Let `gate: all` stand for the gate that counts everything."""
    return {} if value == "all" else value


def _no_defaults() -> DefaultsForm:
    return DefaultsForm.model_validate({})


def _everything() -> GateForm:
    return GateForm.model_validate({})


class StageForm(Form):
    """A stage."""

    title: cells.Text = Field(description="Tên bước")
    tasks: Annotated[dict[cells.Id, TaskForm], cells.FILLED_MAPPING] = Field(
        description="Các nhiệm vụ"
    )
    defaults: DefaultsForm = Field(
        default_factory=_no_defaults, description="Giá trị chung cho các nhiệm vụ của bước"
    )
    needs: cells.Texts = Field((), description="Các bước phải xong trước")
    when: WhenForm | None = Field(None, description="Sự kiện phải chờ")
    gate: Annotated[GateForm, BeforeValidator(_gate)] = Field(
        default_factory=_everything, description="Điều kiện hoàn thành"
    )
    ref: cells.Text = Field("", description="Chỗ trong văn bản")


class OverdueForm(Form):
    """Overdue notices."""

    first: cells.Count = Field(1, description="Ngày làm việc thứ mấy sau hạn")
    every: cells.Count = Field(1, description="Cách mấy ngày làm việc")
    at_most: cells.CountOrNone = Field(description="Tối đa mấy lần")


class EscalationForm(Form):
    """One escalation."""

    after: cells.WorkingDays = Field(description="Sau mấy ngày làm việc")
    to: cells.Level = Field(description="parent, coordinator hoặc superior")


class LadderForm(Form):
    """The policy of reminders and escalations."""

    extends: cells.Text = Field("", description="Thang đôn đốc mà thang này dựa theo")
    send_at: cells.Clock = Field(time(8), description="Giờ gửi thư")
    office_ends: cells.Clock = Field(time(17), description="Giờ hết làm việc")
    remind: cells.Counts = Field((), description="Nhắc trước mấy ngày làm việc")
    overdue: OverdueForm | None = Field(None, description="Đôn đốc quá hạn")
    escalate: Annotated[list[EscalationForm], cells.LIST] = Field(
        default_factory=list, description="Báo cáo cấp trên"
    )


class NoteForm(Form):
    """A sentence of the document that is no task."""

    ref: cells.Text = Field(description="Chỗ trong văn bản")
    text: cells.Text = Field(description="Câu trong văn bản")
    why: cells.Text = Field("", description="Vì sao không lập thành nhiệm vụ")
    doubt: cells.Text = Field("", description="Điều cần hỏi lại về câu này")
    row: cells.Rows = Field((), description="Số dòng trong bảng nghĩa vụ")


class AppendixForm(Form):
    """An appendix of the document."""

    title: cells.Text = Field("", description="Tên phụ lục")
    items: cells.Items = Field(None, description="Số Mục của phụ lục, nếu biết")


class PlanForm(Form):
    """A plan file."""

    plan: cells.Id = Field(description="Mã kế hoạch")
    number: cells.Text = Field(description="Số, ký hiệu")
    title: cells.Text = Field(description="Trích yếu")
    issued: cells.Day = Field(description="Ngày ban hành")
    issuer: cells.Text = Field(description="Cơ quan ban hành")
    coordinator: cells.Text = Field(description="Cơ quan đôn đốc, cấp báo cáo thứ nhất")
    superior: cells.Text = Field("", description="Cấp báo cáo thứ hai")
    time_zone: cells.Text = Field("Asia/Ho_Chi_Minh", description="Múi giờ")
    language: cells.Language = Field("vi", description="vi hoặc en")
    agencies: cells.Names = Field(description="Tệp danh bạ cơ quan; có thể nhiều tệp")
    calendar: cells.Text = Field(description="Tệp lịch làm việc")
    ladder: cells.Text = Field("standard", description="Thang đôn đốc chung")
    groups: Annotated[dict[cells.Id, cells.Texts], cells.MAPPING] = Field(
        default_factory=dict, description="Các nhóm cơ quan riêng của kế hoạch này"
    )
    defaults: DefaultsForm = Field(
        default_factory=_no_defaults, description="Giá trị chung cho mọi nhiệm vụ"
    )
    appendices: Annotated[dict[cells.AppendixLabel, AppendixForm], cells.MAPPING] = Field(
        default_factory=dict, description="Các phụ lục kèm theo văn bản"
    )
    events: Annotated[dict[cells.Id, EventForm], cells.MAPPING] = Field(
        default_factory=dict, description="Các sự kiện phải chờ"
    )
    stages: Annotated[dict[cells.Id, StageForm], cells.FILLED_MAPPING] = Field(
        description="Các bước"
    )
    ladders: Annotated[dict[cells.Id, LadderForm], cells.MAPPING] = Field(
        description="Các thang đôn đốc"
    )
    notes: Annotated[list[NoteForm], cells.LIST] = Field(
        default_factory=list, description="Những câu không lập thành nhiệm vụ"
    )


class AgencyForm(Form):
    """An agency of the register."""

    name: cells.Text = Field(description="Tên cơ quan")
    kind: cells.Text = Field(description="Loại cơ quan")
    email: cells.Address = Field(None, description="Địa chỉ thư điện tử")
    parent: cells.Text = Field("", description="Cơ quan cấp trên")
    note: cells.Text = Field("", description="Ghi chú")


class CommuneForm(Form):
    """A commune, ward or township."""

    name: cells.Text = Field(description="Tên")
    code: cells.Text = Field("", description="Mã đơn vị hành chính")
    email: cells.Address = Field(None, description="Địa chỉ thư điện tử")
    note: cells.Text = Field("", description="Ghi chú")


class RegisterForm(Form):
    """A register of agencies."""

    register_id: cells.Id = Field(alias="register", description="Mã danh bạ")
    as_of: cells.Day = Field(description="Theo tình hình ngày")
    agencies: Annotated[dict[cells.Id, AgencyForm], cells.FILLED_MAPPING] = Field(
        description="Các cơ quan"
    )
    groups: Annotated[dict[cells.Id, cells.Texts], cells.MAPPING] = Field(
        default_factory=dict, description="Các nhóm cơ quan"
    )
    communes: Annotated[
        dict[cells.Text, Annotated[dict[cells.Id, CommuneForm], cells.MAPPING]], cells.MAPPING
    ] = Field(default_factory=dict, description="Các xã, theo huyện")


class DayForm(Form):
    """A day off, or a day worked instead."""

    date: cells.Day = Field(description="Ngày")
    name: cells.Text = Field(description="Tên ngày nghỉ")
    source: cells.Text = Field(description="Văn bản quy định")


class UncertainForm(DayForm):
    """A day announced but not enacted."""

    off: cells.Flag = Field(description="true: tính là ngày nghỉ")
    note: cells.Text = Field("", description="Ghi chú")


class OverlayForm(Form):
    """A calendar overlay: on a country's holidays, or on another overlay."""

    calendar: cells.Id = Field(description="Mã lịch")
    base: cells.Text = Field("", description="Nước, theo gói holidays")
    extends: cells.Text = Field("", description="Tệp lịch mà tệp này bổ sung")
    notices_until: cells.Year | None = Field(
        None, description="Năm cuối cùng có thông báo chính thức; tệp có extends thì có thể bỏ"
    )
    days_off: Annotated[list[DayForm], cells.LIST] = Field(
        default_factory=list, description="Những ngày nghỉ thêm"
    )
    worked: Annotated[list[DayForm], cells.LIST] = Field(
        default_factory=list, description="Những ngày làm bù"
    )
    uncertain: Annotated[list[UncertainForm], cells.LIST] = Field(
        default_factory=list, description="Những ngày chưa chắc chắn"
    )


class EntryForm(Form):
    """Something that happens in a scenario."""

    at: cells.Moment = Field(description="Lúc ghi vào sổ")
    submit: cells.Text = Field("", description="bước/nhiệm vụ được nộp")
    returned: cells.Text = Field("", alias="return", description="bước/nhiệm vụ bị trả lại")
    accept: cells.Text = Field("", description="bước/nhiệm vụ được chấp nhận")
    extend: cells.Text = Field("", description="bước/nhiệm vụ được gia hạn")
    waive: cells.Text = Field("", description="bước/nhiệm vụ được miễn")
    event: cells.Text = Field("", description="Sự kiện xảy ra")
    values: cells.Values = Field(
        default_factory=dict, description="Giá trị mà sự kiện mang theo (correlate)"
    )
    outage_until: cells.Moment | None = Field(None, description="Máy ngừng đến lúc nào")
    by: cells.Names = Field((), description="Cơ quan nộp")
    agency: cells.Names = Field((), description="Báo cáo của cơ quan nào")
    dated: cells.Day | None = Field(None, description="Ngày ghi trên văn bản")
    document: cells.Text = Field("", description="Số, ký hiệu văn bản")
    days: cells.Count | None = Field(None, description="Số ngày làm việc để hoàn thiện")
    until: cells.Day | None = Field(None, description="Gia hạn đến hết ngày")
    reason: cells.Text = Field("", description="Lý do")
    note: cells.Text = Field("", description="Ghi chú")


class ScenarioForm(Form):
    """A scenario."""

    scenario: cells.Id = Field(description="Mã kịch bản")
    title: cells.Text = Field(description="Tên kịch bản")
    note: cells.Text = Field("", description="Ghi chú")
    start: cells.Moment | None = Field(None, description="Lúc bắt đầu")
    until: cells.Moment | None = Field(None, description="Lúc đồng hồ dừng")
    entries: Annotated[list[EntryForm], cells.LIST] = Field(description="Những việc xảy ra")

"""A comparison in words: what a coordinator reads before she lets an edit loose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.plan import Plan
from services.comparing import compare
from services.comparing.account import SIGNS, Account, Item, Mark
from services.comparing.changes import Change
from services.comparing.outline_wording import SHOWN_DAYS
from services.comparing.wording import account
from services.comparing.words import Words
from services.views.previewing import derivation, preview
from tests.engine.builders import STANDARD, plan, stage, task
from tests.services.edits import (
    LATER,
    NEW_DEPARTMENT,
    NO_HEALTH,
    edited_37,
    edited_sample,
    plan_37,
    sample_plan,
    shown_37,
)

ROOMS = Path(__file__).parents[2]
DUE = "due: trước ngày 12/5/2020"


def items(told: Account, part: str) -> list[Item]:
    """Return the items of a part."""
    return [
        item
        for one in told.parts
        if one.key == part
        for group in one.groups
        for item in group.items
    ]


def details(item: Item) -> dict[str, str]:
    """Return the details of an item by their label, from and to joined by an arrow."""
    return {one.label: one.said or f"{one.old} → {one.new}" for one in item.details}


def test_nothing_changed_is_one_sentence():
    """Whether the texts are the same, too, is another sentence."""
    same = account(compare(shown_37(), shown_37(), same_texts=True), "vi")
    reworded = account(compare(shown_37(), shown_37()), "vi")

    assert same.verdict == "Hai bản giống hệt nhau."
    assert reworded.verdict.endswith("mọi nghĩa vụ, thời hạn và thư vẫn như cũ.")
    assert same.parts == reworded.parts == ()


def test_the_summary_counts_what_matters_and_nothing_else():
    """One line tells whether to read on."""
    told = account(edited_37(LATER), "vi")

    assert [f"{one.count} {one.said}" for one in told.counts] == [
        "27 thời hạn thay đổi",
        "2 bước đổi lúc mở hoặc lúc xong",
    ]
    assert told.mails == "Thư: 455 → 455 (409 thư đổi lúc gửi, 27 thư đổi nội dung)"


def test_a_moved_deadline_is_told_once_for_all_whom_it_moves_for():
    """27 lines that say the same would hide the one that does not."""
    (item,) = items(account(edited_37(LATER), "vi"), "moved")

    assert (item.mark, item.who, len(item.names)) == (Mark.MOVED, "27 cơ quan", 27)
    assert item.old == "hết ngày 09/5/2020 (thứ Bảy)"
    assert item.new == "hết ngày 14/5/2020 (thứ Năm)"
    assert item.by == "muộn hơn 5 ngày (4 ngày làm việc)"
    (move, *_) = edited_37(LATER).duties.moved
    assert details(item) == {
        "Vì sao": "thời hạn ghi trong kế hoạch được sửa",
        "Cách tính cũ": derivation(move.old.due, "vi"),
        "Cách tính mới": derivation(move.new.due, "vi"),
    }


def test_the_task_whose_deadline_moved_is_not_told_again_as_edited():
    """The deadline says it with its reasons."""
    assert items(account(edited_37(LATER), "vi"), "tasks") == []


def test_a_deadline_said_otherwise_is_told_as_an_edit():
    """No day moves, so the task's words are the news."""
    (item,) = items(account(edited_sample((DUE, "due: chậm nhất ngày 11/5/2020")), "vi"), "tasks")

    assert details(item) == {"Thời hạn": "trước ngày 12/5/2020 → chậm nhất ngày 11/5/2020"}


def test_the_gravest_comes_first():
    """What is gone before what is edited, warnings before all."""
    compared = edited_37(
        LATER,
        ("      rewards:", "      khen-thuong:"),
        ("quorum: 90%", "quorum: 80%"),
        register=(*NEW_DEPARTMENT, NO_HEALTH),
    )

    assert [part.key for part in account(compared, "vi").parts] == [
        *("warnings", "gone", "added", "moved", "stages", "plan", "register", "mails")
    ]


def test_deadlines_that_vanish_come_before_those_that_move_and_earlier_before_later():
    """Less time is worse than more."""
    report, draft = "due: trước ngày 10/5/2020", "due: trước ngày 10/6/2020"
    undated = "due: không hạn                      # Kế hoạch không ấn định ngày, cũng"
    before = plan_37((undated, "due: trước ngày 02/6/2020  #"))
    after = plan_37(
        (undated, "due: trước ngày 25/5/2020  #"),
        (report, "due: trước ngày 20/5/2020"),
        (draft, "due: không hạn"),
    )

    told = account(compare(preview(before), preview(after)), "vi")

    said = [item.by.split()[:2] for item in items(told, "moved")]
    assert said == [["không", "còn"], ["sớm", "hơn"], ["muộn", "hơn"]]


def test_a_rename_is_a_warning_with_the_way_out():
    """A running plan would begin anew."""
    (item,) = items(account(edited_37(("agency-reports", "reports")), "vi"), "warnings")

    assert (item.mark, item.old, item.new) == (Mark.RENAMED, "agency-reports", "reports")
    assert "63 nghĩa vụ theo mã cũ bị bỏ" in details(item)["Lưu ý"]
    assert "hãy giữ nguyên mã" in details(item)["Lưu ý"]


def test_another_plan_id_is_a_warning():
    """The program would take it for another plan."""
    (item,) = items(account(edited_sample(("plan: mau", "plan: mau-2")), "vi"), "warnings")

    assert "“mau” thành “mau-2”" in item.what


def test_who_gets_mail_no_longer_or_newly_is_a_warning():
    """Somebody should tell them."""
    told = account(edited_sample(("by: [departments, huyen-chiem-hoa]", "by: departments")), "vi")

    (item,) = items(told, "warnings")
    assert (item.what, item.who) == ("Không còn nhận thư nào", "UBND huyện Chiêm Hóa")


def test_entries_of_the_scenario_that_were_left_out_are_told():
    """The two previews do not show quite the same story."""
    told = account(compare(shown_37(), preview(plan_37(LATER)), left_out=2), "vi")

    assert items(told, "warnings")[0].what.startswith("Kịch bản có 2 mục")


def test_what_is_gone_says_whether_others_still_do_it():
    """A task that nobody owes any more is another thing than one agency less."""
    less = items(account(edited_37(register=(NO_HEALTH,)), "vi"), "gone")
    extra = "      extra:\n        title: Việc thêm\n        by: so-tu-phap\n"
    with_task = sample_plan(("    gate: {tasks", f"{extra}    gate: {{tasks"))
    whole = items(account(compare(preview(with_task), preview(sample_plan())), "vi"), "gone")

    assert [details(item)[""] for item in less] == [
        "Nhiệm vụ vẫn còn, nay do 26 cơ quan thực hiện."
    ] * 2
    assert [(item.what, details(item)[""]) for item in whole] == [
        ("Việc thêm", "Cả nhiệm vụ bị bỏ.")
    ]


def test_a_task_that_goes_from_one_agency_to_another_stays():
    """Gone for one and new for the other, but not gone altogether."""
    told = account(edited_sample(("by: so-noi-vu", "by: so-tu-phap")), "vi")

    (gone,), (added,) = items(told, "gone"), items(told, "added")
    assert (gone.who, details(gone)[""]) == (
        "Sở Nội vụ",
        "Nhiệm vụ vẫn còn, nay do 1 cơ quan thực hiện.",
    )
    assert (added.who, details(added)[""]) == (
        "Sở Tư pháp",
        "Bản cũ đã giao nhiệm vụ này cho 1 cơ quan.",
    )


def test_an_agency_s_own_tasks_are_its_own_under_either_id():
    """Nobody is told of themselves as of somebody else."""
    told = account(
        edited_sample(
            (DUE, "due: không hạn"),
            ("or: 5 ngày làm việc sau hạn", "or: đến hết ngày 29/5/2020"),
            agencies=(("so-tu-phap:", "stp:"), ("so-tu-phap]", "stp]")),
        ),
        "vi",
    )

    groups = next(part for part in told.parts if part.key == "mails").groups
    mine = [group for group in groups if "Sở Tư pháp" in (group.who, *group.names)]
    assert mine
    assert not [item for group in mine for item in group.items if item.who]


def test_a_ladder_is_told_in_words():
    """A coordinator reads sentences, no YAML."""
    told = account(
        edited_sample(
            ('send_at: "08:00"', 'send_at: "07:30"'),
            ("remind: [5, 1, 0]", "remind: [3, 1]"),
            ("at_most: 3", "first: 2, at_most: 1"),
            ("{after: 1 ngày làm việc, to: coordinator}", "{after: 2, to: coordinator}"),
        ),
        "vi",
    )

    (item,) = items(told, "plan")
    assert item.what == "Thang đôn đốc “standard”"
    assert [(one.label, one.said or f"{one.old} → {one.new}") for one in item.details] == [
        ("Giờ gửi", "08:00 → 07:30"),
        (
            "Nhắc",
            "thêm nhắc trước 3 ngày làm việc"
            " · bỏ nhắc trước 5 ngày làm việc; nhắc vào ngày làm việc cuối",
        ),
        ("Đôn đốc quá hạn", "lần đầu sau 1 ngày làm việc → lần đầu sau 2 ngày làm việc"),
        ("Đôn đốc quá hạn", "tối đa 3 lần → tối đa 1 lần"),
        ("Báo cáo Sở Nội vụ", "sau 1 ngày làm việc → sau 2 ngày làm việc"),
    ]


def test_a_level_below_the_first_is_the_body_above():
    """A commune's district hears of it before the coordinator does."""
    coordinator = STANDARD.escalate[0]
    parent = replace(coordinator, to=type(coordinator.to)(-1))
    report = stage("first", task(by=["a"]))
    before = plan(report, ladder=replace(STANDARD, escalate=(coordinator,)))
    after = plan(report, ladder=replace(STANDARD, escalate=(coordinator, parent)))

    (item,) = items(account(compare(preview(before), preview(after)), "vi"), "plan")

    assert details(item) == {"Báo cáo cơ quan cấp trên trực tiếp": "không có → sau 1 ngày làm việc"}


def test_heads_and_letters_of_a_ladder_are_told_in_words():
    """Who gets it, and that somebody has a letter to sign."""
    told = account(
        edited_sample(
            ("at_most: 3", "at_most: 3, head_from: 2, letter_from: 3"),
            ("to: superior}", "to: superior, letter: true}"),
        ),
        "vi",
    )

    (item,) = items(told, "plan")
    assert [(one.label, f"{one.old} → {one.new}") for one in item.details] == [
        ("Đôn đốc quá hạn", "không gửi thủ trưởng → gửi cả thủ trưởng từ lần 2"),
        ("Đôn đốc quá hạn", "không kèm dự thảo công văn → kèm dự thảo công văn từ lần 3"),
        (
            "Báo cáo Ủy ban nhân dân tỉnh",
            "sau 5 ngày làm việc → sau 5 ngày làm việc, kèm dự thảo công văn",
        ),
    ]


def test_that_partners_are_told_is_a_yes_or_a_no():
    """Not “True”: a coordinator reads it."""
    telling = edited_sample(("    remind:", "    tell_partners: true\n    remind:"))

    (item,) = items(account(telling, "vi"), "plan")

    assert details(item) == {"Gửi cơ quan phối hợp": "không → có"}


def test_overdue_notices_that_cease_with_their_head_and_letter_are_told_whole():
    """All that there was."""
    with_head = "overdue: {at_most: 3, head_from: 2, letter_from: 3}"
    before = sample_plan(("overdue: {at_most: 3}", with_head))
    after = sample_plan(("    overdue: {at_most: 3}\n", ""))

    told = account(compare(preview(before), preview(after)), "vi")

    assert details(items(told, "plan")[0])["Đôn đốc quá hạn"].endswith(
        "tối đa 3 lần, gửi cả thủ trưởng từ lần 2, kèm dự thảo công văn từ lần 3 → không có"
    )


def test_quiet_days_are_told_by_what_came_and_went():
    """With the mails that move because of them."""
    before = sample_plan(("ladders:", "quiet: [{from: 04/5/2020, until: 04/5/2020}]\nladders:"))
    quiet = "quiet: [{from: 11/5/2020, until: 13/5/2020, why: bầu cử}]\nladders:"
    told = account(compare(preview(before), preview(sample_plan(("ladders:", quiet)))), "vi")

    (item,) = items(told, "plan")
    assert item.what == "Ngày không gửi thư"
    assert details(item) == {"": "thêm 11/5/2020 – 13/5/2020 (bầu cử) · bỏ 04/5/2020"}
    assert items(told, "mails")


def test_contacts_are_told_by_who_came_and_who_went():
    """As a list, with role and address, and who stands in for them."""
    line = "{name: Sở Tư pháp, kind: department, email: vanthu@sotuphap.example}"
    contact = "{name: Ông A, role: focal, email: a@x.example"
    away = ", away: [{from: 01/7/2020, until: 10/7/2020, why: nghỉ phép}]"
    instead = ", substitute: {name: Bà B, email: b@x.example}"
    with_one = line.replace("}", f", contacts: [{contact}}}]}}")
    with_more = line.replace("}", f", contacts: [{contact}{away}{instead}}}]}}")
    plans = [sample_plan(agencies=((line, one),)) for one in (line, with_one, with_more)]

    def told(old: Plan, new: Plan, language: str) -> dict[str, str]:
        compared = compare(preview(old), preview(new))
        (item,) = items(account(compared, language), "register")
        assert item.what == "Sở Tư pháp"
        return details(item)

    assert told(plans[0], plans[1], "vi") == {"Người nhận thư": "thêm Ông A (đầu mối, a@x.example)"}
    assert told(plans[1], plans[2], "vi") == {
        "Người nhận thư": "thêm Ông A (đầu mối, a@x.example, vắng 01/7/2020 – 10/7/2020"
        " (nghỉ phép), nhận thay: Bà B <b@x.example>) · bỏ Ông A (đầu mối, a@x.example)"
    }
    assert told(plans[1], plans[0], "en") == {
        "Contacts": "removed Ông A (focal point, a@x.example)"
    }


def test_overdue_notices_that_cease_are_told_whole():
    """None at all is not "at most 0"."""
    told = account(edited_sample(("    overdue: {at_most: 3}\n", "")), "vi")

    assert details(items(told, "plan")[0])["Đôn đốc quá hạn"].endswith("tối đa 3 lần → không có")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("coordinator: so-noi-vu", "coordinator: so-tu-phap", "Sở Nội vụ → Sở Tư pháp"),
        ("superior: ubnd-tinh\n", "", "Ủy ban nhân dân tỉnh → không có"),
        ("issued: 06/4/2020", "issued: 07/4/2020", "06/4/2020 → 07/4/2020"),
        ("issuer: ubnd-tinh", "issuer: ubnd-tinh\nlanguage: en", "tiếng Việt → tiếng Anh"),
        (
            "issuer: ubnd-tinh",
            "issuer: ubnd-tinh\ntime_zone: Asia/Bangkok",
            "Asia/Ho_Chi_Minh → Asia/Bangkok",
        ),
    ],
)
def test_the_head_is_told_with_names_and_dates_as_offices_write_them(old: str, new: str, said: str):
    """An id is for files."""
    edits = [(old, new)]
    if old.startswith("superior"):
        edits.append(("      - {after: 5 ngày làm việc, to: superior}\n", ""))

    found = items(account(edited_sample(*edits), "vi"), "plan")

    assert f"{found[0].old} → {found[0].new}" == said


def test_a_stage_s_edits_are_told_with_its_needs_its_event_and_its_gate():
    """Why it opens at another time."""
    told = account(
        edited_sample(
            ("    needs: [reports]\n", ""),
            ("    when: {event: government.programme-issued}\n", ""),
            ("quorum: 90%, or: 5 ngày làm việc sau hạn", "quorum: 2"),
        ),
        "vi",
    )

    by_stage = {item.ref: details(item) for item in items(told, "plan")}
    assert by_stage["reports"] == {
        "Điều kiện hoàn thành": (
            "đủ cả 3 nghĩa vụ, hoặc hết 5 ngày làm việc sau hạn → đủ 2/3 nghĩa vụ"
        )
    }
    assert by_stage["summary"] == {
        "Bước phải xong trước": "Bước 1 (reports) → không có",
        "Sự kiện phải chờ": "Chính phủ ban hành Chương trình → không có",
    }


def test_the_register_the_calendar_and_the_notes_are_told_in_words():
    """An edit outside of the plan file changes what the plan does, too."""
    worked = "worked:\n  - {date: 2020-05-30, name: Làm bù, source: x}\n"
    off = "days_off:\n  - {date: 2020-05-07, name: Nghỉ bù, source: x}\n"
    told = account(
        edited_37(
            ("    why: Là câu dẫn;", "    why: Chỉ là câu dẫn;"),
            register=(
                ("vanthu@soyte.", "vanthu2@soyte."),
                ("    xa-phuc-yen:", '    xa-moi: {name: Xã Mới, code: "09999"}\n    xa-phuc-yen:'),
            ),
            calendar=(
                ("worked:\n", worked),
                ("days_off:\n", off),
                ("notices_until: 2026", "notices_until: 2025"),
            ),
        ),
        "vi",
    )

    found = items(told, "register")
    assert [f"{item.mark}: {item.what}" for item in found] == [
        "added: Cơ quan thêm vào danh bạ",
        "changed: Sở Y tế",
        "changed: Lịch là dự kiến từ năm",
        "changed: 07/5/2020 (thứ Năm) nay là ngày nghỉ – Nghỉ bù",
        "changed: 30/5/2020 (thứ Bảy) nay là ngày làm việc",
        "gone: Ghi chú về câu không lập thành nhiệm vụ",
        "added: Ghi chú về câu không lập thành nhiệm vụ",
    ]
    assert details(found[1])["Địa chỉ thư"].endswith("→ vanthu2@soyte.tuyenquang.example")
    assert (found[2].old, found[2].new) == ("2027", "2026")


def test_another_calendar_altogether_lists_its_first_days_only():
    """Hundreds of lines would bury the rest."""
    told = account(edited_37(calendar=(("base: VN", "base: TH"),)), "vi")

    said = [item.what for item in items(told, "register")]
    assert len(said) == SHOWN_DAYS + 1
    assert said[-1].startswith("và ")


def test_a_task_s_edits_are_told_by_who_came_and_who_went():
    """The whole list again would hide the one name."""
    told = account(
        edited_37(
            ("copy: [so-tu-phap, so-tai-chinh, so-tttt, so-khcn, vp-ubnd]", "copy: [so-tu-phap]"),
            ("        appendix: [Phụ lục II]", "        appendix: [Phụ lục II, Phụ lục III]"),
            ("concerning: communes ", "# concerning: communes "),
        ),
        "vi",
    )

    by_task = {item.ref: details(item) for item in items(told, "tasks")}
    assert by_task["agency-reports/final-report"] == {
        "Đồng gửi": "bỏ Sở Tài chính; Sở Thông tin và Truyền thông; Sở Khoa học và Công nghệ;"
        " Văn phòng Ủy ban nhân dân tỉnh"
    }
    assert by_task["topic-reports/institutions-statistics"] == {
        "Phụ lục, số liệu": "Phụ lục II → Phụ lục II; Phụ lục III"
    }
    assert by_task["agency-reports/guide-communes"]["Đơn vị liên quan"].startswith("bỏ UBND")


def test_an_edited_event_is_told_by_its_title():
    """Mails call it by its title."""
    edit = ("title: Chính phủ ban hành Chương trình", "title: Chính phủ ban hành Nghị quyết")
    told = account(edited_sample(edit), "vi")

    (item,) = items(told, "plan")
    assert item.what == "Sự kiện bên ngoài: Chính phủ ban hành Nghị quyết"
    assert item.ref == "government.programme-issued"


def test_recipients_whose_mail_changes_alike_are_told_together():
    """Twelve departments and seven districts, and then the others."""
    told = account(edited_37(LATER), "vi")

    mails = next(part for part in told.parts if part.key == "mails")
    assert [group.who for group in mails.groups[:3]] == ["12 nơi nhận", "7 nơi nhận", "3 nơi nhận"]
    first = mails.groups[0]
    assert first.counts == "mỗi nơi: 15 thư đổi lúc gửi, 1 thư đổi nội dung"
    assert [f"{item.what}: {item.old} → {item.new}" for item in first.items[:-1]] == [
        "nhắc trước 10 ngày làm việc: 22/4/2020 → 28/4/2020",
        "nhắc trước 5 ngày làm việc: 29/4/2020 → 07/5/2020",
        "nhắc trước 2 ngày làm việc: 06/5/2020 → 12/5/2020",
        "nhắc trước 1 ngày làm việc: 07/5/2020 → 13/5/2020",
        "nhắc vào ngày làm việc cuối: 08/5/2020 → 14/5/2020",
        "đôn đốc lần 1 đến lần 10: 11/5 – 22/5/2020 → 15/5 – 28/5/2020",
    ]
    assert sum(max(len(group.names), 1) for group in mails.groups) == 30


def test_a_group_s_letters_name_no_single_recipient():
    """What is told of twelve must be true of each."""
    told = account(edited_37(("language: vi", "language: en")), "vi")

    groups = next(part for part in told.parts if part.key == "mails").groups
    group = next(one for one in groups if one.names)
    lines = [line for item in group.items for line in (*item.gone, *item.added)]
    assert any("[nơi nhận]" in line for line in lines)
    assert not any(f"Kính gửi: {name}" in line for line in lines for name in group.names)


def test_many_mails_that_only_read_otherwise_are_told_as_one():
    """A new number of the document changes every mail alike."""
    told = account(edited_37(("number: 37/KH-UBND", "number: 38/KH-UBND")), "vi")

    first = next(part for part in told.parts if part.key == "mails").groups[0]
    (item,) = first.items
    assert item.what == "16 thư chỉ đổi câu chữ"
    assert item.new == "06/4 – 22/5/2020"
    assert details(item)["Ví dụ"] == "08:00 ngày 06/4/2020, giao việc"
    assert any("38/KH-UBND" in line for line in item.added)


def test_the_same_lines_are_told_once():
    """The third time nobody reads them."""
    told = account(edited_37(LATER), "vi")

    groups = next(part for part in told.parts if part.key == "mails").groups
    seen = [(item.gone, item.added) for group in groups for item in group.items if item.gone]
    assert len(seen) == len(set(seen))


def test_a_mail_that_was_parted_says_where_it_was():
    """Split and merged mails are told as such."""
    second = (
        "    gate: {tasks: [report]",
        "      more: {title: Việc nữa, by: so-tu-phap, due: trước ngày 12/5/2020}\n"
        "    gate: {tasks: [report]",
    )
    parted = (second[0], second[1].replace("12/5/2020", "14/5/2020"))

    told = account(compare(preview(sample_plan(second)), preview(sample_plan(parted))), "vi")

    said = [details(item).get("", "") for item in items(told, "mails") if item.mark is Mark.ADDED]
    assert "nội dung này trước nằm trong thư lúc 08:00 ngày 04/5/2020" in said


def test_every_mark_has_a_sign_of_its_own():
    """Without colour the signs are all there is."""
    assert set(SIGNS) == set(Mark)
    assert len(set(SIGNS.values())) == len(Mark)


def test_a_field_that_the_catalogue_does_not_know_is_told_by_its_name():
    """The engine may get fields that this room has not heard of."""
    words = Words(compare(shown_37(), shown_37()), "vi")

    listed = words.detail(Change("new_field", ("a",), ("a", "b")))
    mapped = words.detail(Change("new_field", {"I": "a", "II": "b"}, {"I": "c", "II": "b"}))

    assert (listed.label, listed.old, listed.new) == ("new_field", "a", "a; b")
    assert mapped.said == "thêm I: c · bỏ I: a"


def test_a_list_in_the_head_is_told_by_what_came_and_went():
    """Also one that the head does not have yet."""
    compared = compare(shown_37(), shown_37())
    head = (Change("new_field", {"I": "a"}, {}),)
    outline = replace(compared.outline, head=head)

    (item,) = items(account(replace(compared, outline=outline), "vi"), "plan")

    assert (item.what, details(item)) == ("new_field", {"": "bỏ I: a"})

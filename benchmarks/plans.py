"""Plans: generated ones of any size, as an office would write them, without a fault."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
REGISTER = ROOT / "plan_definitions/agencies/tuyen-quang-2020.yaml"
OVERLAY = ROOT / "plan_definitions/calendars/viet-nam.yaml"

_PRODUCTS = (
    "Báo cáo",
    "Báo cáo chuyên đề",
    "Dự thảo kế hoạch",
    "Bảng tổng hợp",
    "Tờ trình",
    "Đề án",
)
_ABOUT = (
    "tổng kết việc thực hiện Chương trình tổng thể cải cách hành chính nhà nước",
    "đánh giá tác động của việc cắt giảm, đơn giản hóa thủ tục hành chính",
    "kết quả sắp xếp tổ chức bộ máy và tinh giản biên chế",
    "tình hình xây dựng chính quyền điện tử, chính quyền số",
    "công tác tiếp công dân, giải quyết khiếu nại, tố cáo",
    "việc quản lý, sử dụng tài sản công và tài chính công",
    "chất lượng đội ngũ cán bộ, công chức, viên chức",
    "mức độ hài lòng của người dân, tổ chức đối với sự phục vụ của cơ quan nhà nước",
    "việc thực hiện cơ chế một cửa, một cửa liên thông",
)
_WHERE = (
    "giai đoạn 2011-2020",
    "giai đoạn 2021-2030",
    "năm 2020",
    "trên địa bàn tỉnh",
    "quý II năm 2020",
)
_DOERS = (
    "media",
    "[departments, districts]",
    "departments",
    "districts",
    "thematic",
    "so-noi-vu",
    "[so-tu-phap, so-tai-chinh]",
    "[so-tttt, so-khcn, vp-ubnd]",
)
_COPIES = ("[bao-tuyen-quang, dai-ptth]", "dai-ptth")
_PARTNERS = ("thematic", "[so-khdt, so-tai-chinh]", "media")
_NOTES = (
    "Tự rà soát, đánh giá cả các kế hoạch đã ban hành thuộc phạm vi theo dõi.",
    "Thời gian thống kê số liệu báo cáo từ ngày 01/01/2011 đến ngày 31/3/2020.",
    "Kế hoạch không nêu nơi nhận; nơi nhận ở đây là suy ra từ Mục II.2.",
    "Bảo đảm phù hợp, tiết kiệm, hiệu quả; gửi kèm tệp điện tử để tổng hợp.",
)
_START = date(2020, 5, 6)  # a Wednesday
_TASKS_OF_A_STAGE = 20
_STAGES_OF_A_PROGRAMME = 4


def plan_text(tasks: int) -> str:
    """Return a plan of so many tasks, as an office would write it; the same each time."""
    drawn = random.Random(37)
    stages = [
        line
        for number, first in enumerate(range(0, tasks, _TASKS_OF_A_STAGE), start=1)
        for line in _stage(drawn, number, range(first, min(first + _TASKS_OF_A_STAGE, tasks)))
    ]
    return "\n".join([*_HEAD, *stages, *_TAIL])


def write_plan(folder: Path, tasks: int) -> Path:
    """Write such a plan with the shipped register and calendar beside it; return its path."""
    for file in (REGISTER, OVERLAY):
        (folder / file.name).write_bytes(file.read_bytes())
    plan = folder / f"plan-of-{tasks}.yaml"
    plan.write_text(plan_text(tasks), encoding="utf-8")
    return plan


_HEAD = f"""\
# Kế hoạch giả định để đo tốc độ: chữ nghĩa như thật, số liệu bịa ra.
plan: kh-gia-dinh
number: 99/KH-UBND
title: Kế hoạch tổng thể cải cách hành chính của tỉnh, gồm nhiệm vụ của các sở, ban, ngành
issued: 06/4/2020
issuer: ubnd-tinh
coordinator: so-noi-vu          # theo dõi, hướng dẫn, đôn đốc
superior: ubnd-tinh
time_zone: Asia/Ho_Chi_Minh
language: vi
agencies: {REGISTER.name}
calendar: {OVERLAY.name}
ladder: standard

events:
  government.programme-issued:
    title: Chính phủ ban hành Chương trình tổng thể cải cách hành chính nhà nước giai đoạn 2021-2030

stages:
""".splitlines()

_TAIL = """
ladders:
  standard:
    send_at: "08:00"
    office_ends: "17:00"
    remind: [10, 5, 2, 1, 0]                      # số ngày làm việc trước ngày làm việc cuối cùng
    overdue: {first: 1, every: 1, at_most: 10}    # quá hạn: mỗi ngày làm việc một lần
    escalate:
      - {after: 1 ngày làm việc, to: coordinator}
      - {after: 5 ngày làm việc, to: superior}

notes:
  - ref: Mục III.1
    text: Các sở, ban, ngành thuộc tỉnh có trách nhiệm tổ chức triển khai thực hiện Kế hoạch này.
    why: Là trách nhiệm chung, không có sản phẩm, ngày hoàn thành hay nơi nhận.
""".splitlines()


def _stage(drawn: random.Random, number: int, tasks: range) -> Iterator[str]:
    """Yield a step of a programme; each waits for the one before it, or for two."""
    step = (number - 1) % _STAGES_OF_A_PROGRAMME
    yield ""
    yield f"  # ───────────── Bước {number} ─────────────"
    yield f"  step-{number}:"
    yield f"    title: Bước {number}, {drawn.choice(_ABOUT)} {drawn.choice(_WHERE)}"
    yield f"    ref: Mục {number}"
    needs = range(max(number - 2, number - step), number)
    if needs:
        yield f"    needs: [{', '.join(f'step-{need}' for need in needs)}]"
    if step == _STAGES_OF_A_PROGRAMME - 1 and number % 5 == 0:
        yield "    when: {event: government.programme-issued}"
    yield "    tasks:"
    for place, task in enumerate(tasks, start=1):
        yield from _task(drawn, number, step, place, task)
    yield f"    gate: {{quorum: {drawn.choice((80, 90, 100))}%, or: 5 ngày làm việc sau hạn}}"


def _task(drawn: random.Random, stage: int, step: int, place: int, task: int) -> Iterator[str]:
    # What has no date nobody may wait for: the media's lot comes last.
    doers = drawn.choice(_DOERS if step == _STAGES_OF_A_PROGRAMME - 1 else _DOERS[1:])
    product, about, where = (drawn.choice(words) for words in (_PRODUCTS, _ABOUT, _WHERE))
    yield f"      task-{task + 1}:"
    yield f"        title: {product} {about} {where} (nội dung số {task + 1})"
    yield f"        ref: Mục {stage}.{place}"
    yield f"        row: {task + 1}"
    yield f"        by: {doers}"
    yield "        to: ubnd-tinh"
    if drawn.random() < 0.4 and doers != "media":
        yield f"        copy: {drawn.choice(_COPIES)}"
    if drawn.random() < 0.25:
        yield f"        with: {drawn.choice(_PARTNERS)}"
    if doers == "so-noi-vu":
        yield f'        appendix: [Phụ lục {place}A, "Mục 3, 4 Phụ lục {place}B"]'
    yield "        due: thường xuyên" if doers == "media" else _due(drawn, step)
    if doers == "districts":
        yield "        concerning: communes"
    if drawn.random() < 0.3:
        yield f"        note: {drawn.choice(_NOTES)}"
    elif drawn.random() < 0.3:
        yield f"        note: Theo Công văn số {task + 11}/UBND-NC ngày 06/4/2020."


def _due(drawn: random.Random, step: int) -> str:
    """Return a phrase for a Wednesday of the two months that a step of a programme has."""
    day = _START + timedelta(weeks=9 * step + drawn.randint(0, 5))
    written, next_day = (f"{d.day:02}/{d.month}/{d.year}" for d in (day, day + timedelta(days=1)))
    period = drawn.choice((5, 10))
    start = day - timedelta(weeks=period // 5)
    since = f"{start.day:02}/{start.month}/{start.year}"
    phrase = drawn.choice(
        (
            f"chậm nhất ngày {written}",
            f"trước ngày {next_day}",
            f"đến hết ngày {written}",
            f"trong thời hạn {period} ngày làm việc kể từ ngày {since}",
        )
    )
    return f"        due: {phrase}"

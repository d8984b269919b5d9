"""Written: small plans as coordinators write them, in YAML, without files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from plan_definitions import Bundle

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DEFINITIONS = Path(__file__).parents[2] / "plan_definitions"
REAL_PLAN = DEFINITIONS / "tuyen-quang" / "37-kh-ubnd-2020.yaml"
SCENARIOS = REAL_PLAN.parent / "scenarios"
SONG_LAM = DEFINITIONS / "song-lam" / "48-kh-ubnd-2024.yaml"

REGISTER = """\
register: nho
as_of: 2020-03-01
agencies:
  tinh: {name: Ủy ban nhân dân tỉnh, kind: issuer, email: tinh@nho.example}
  noi-vu: {name: Sở Nội vụ, kind: department, email: noivu@nho.example}
  a: {name: Sở An, kind: department, email: a@nho.example}
  b: {name: Sở Bình, kind: department, email: b@nho.example}
  c: {name: Sở Cường, kind: department, email: c@nho.example}
groups:
  all: [a, b, c]
"""
CALENDAR = """\
calendar: viet-nam
base: VN
notices_until: 2026
"""
HEAD = """\
plan: nho
number: 1/KH-UBND
title: Kế hoạch nhỏ
issued: 2020-04-06
issuer: tinh
coordinator: noi-vu
superior: tinh
agencies: register.yaml
calendar: calendar.yaml
"""
STAGES = """\
events:
  government.issued: {title: Chính phủ ban hành Chương trình}
stages:
  reports:
    title: Báo cáo của các sở
    tasks:
      report: {title: Báo cáo tổng kết, by: all, to: noi-vu, due: trước ngày 10/5/2020}
      praise: {title: Khen thưởng, by: [a, b], due: không hạn}
    gate: {tasks: [report], quorum: 2, or: 3 ngày làm việc sau hạn}
  summary:
    title: Báo cáo của tỉnh
    needs: [reports]
    tasks:
      draft:
        title: Dự thảo báo cáo
        by: noi-vu
        to: tinh
        due: trong thời hạn 5 ngày làm việc sau khi reports xong
  follow-up:
    title: Kế hoạch tiếp theo
    needs: [summary]
    when: {event: government.issued}
    tasks:
      plan:
        title: Dự thảo kế hoạch
        by: a
        to: noi-vu
        due: trong thời hạn 10 ngày làm việc kể từ khi government.issued
"""
LADDER = """\
ladders:
  standard:
    remind: [3, 0]
    overdue: {first: 1, every: 1, at_most: 3}
    escalate:
      - {after: 1 ngày làm việc, to: coordinator}
      - {after: 2 ngày làm việc, to: superior}
"""
AWAITED = """\
events:
  government.issued: {title: Chính phủ ban hành Chương trình}
stages:
  first:
    title: Việc đầu
    tasks:
      opening: {title: Báo cáo đầu, by: a, due: trước ngày 15/4/2020}
  second:
    title: Việc thứ hai, mở ngay, hạn tính từ việc khác
    tasks:
      after-event:
        title: Sau sự kiện
        by: [b, c]
        due: trong thời hạn 5 ngày làm việc kể từ khi government.issued
      after-stage: {title: Sau bước, by: c, due: trong thời hạn 4 ngày làm việc sau khi first xong}
    gate: {quorum: 100%, or: 2 ngày làm việc sau hạn}
"""
ONE = """\
stages:
  only:
    title: Một bước
    tasks:
      report: {title: Báo cáo, by: [a, b], to: noi-vu, due: trước ngày 10/5/2020}
"""

REPORT_A, REPORT_B, REPORT_C = (f"reports/report/{agency}" for agency in "abc")
PRAISE_A = "reports/praise/a"
DRAFT = "summary/draft/noi-vu"
FOLLOW_UP = "follow-up/plan/a"


def bundle(stages: str = STAGES, *, ladder: str = LADDER, plan: str = "nho") -> Bundle:
    """Return a small plan as a bundle of texts."""
    head = HEAD.replace("plan: nho", f"plan: {plan}")
    texts = {"plan.yaml": head + stages + ladder, "register.yaml": REGISTER}
    return Bundle("plan.yaml", texts | {"calendar.yaml": CALENDAR})


def real() -> Bundle:
    """Return Plan 37 as shipped."""
    return Bundle.read(REAL_PLAN)


def song_lam() -> Bundle:
    """Return Plan 48 of the tutorial: three levels, two events."""
    return Bundle.read(SONG_LAM)


def at(written: str) -> datetime:
    """Return an instant, written as `2020-05-11 08:00` in the plans' zone."""
    return datetime.fromisoformat(written).replace(tzinfo=ZONE)


START = at("2020-04-06 08:00")
EVE = at("2020-05-08 08:00")
"""The last working day before 10 May, at the send hour."""
LATE = at("2020-05-11 08:00")
"""The first working day after it."""

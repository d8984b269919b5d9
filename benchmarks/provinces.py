"""Provinces: registers of agencies and communes, and plans of several kinds, made up from a seed.

What is written is a pattern: the name of the province, its mail domain and the number of the
edition are signs that `edition` puts the real ones in for. So one plan that was lived through
once can stand for that of any province.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from plan_definitions import Bundle

ROOT = Path(__file__).parent.parent
OVERLAY = ROOT / "plan_definitions/calendars/viet-nam.yaml"

NAME = "Tỉnh Mẫu"
DOMAIN = "tinhmau"
EDITION = "lần 0000"
"""The signs of the pattern."""

# The provinces and cities since 01/7/2025 (Nghị quyết số 202/2025/QH15), and a mail domain each.
PROVINCES = (
    ("Hà Nội", "hanoi"),
    ("Huế", "hue"),
    ("Hải Phòng", "haiphong"),
    ("Đà Nẵng", "danang"),
    ("Thành phố Hồ Chí Minh", "tphcm"),
    ("Cần Thơ", "cantho"),
    ("Tuyên Quang", "tuyenquang"),
    ("Lào Cai", "laocai"),
    ("Thái Nguyên", "thainguyen"),
    ("Phú Thọ", "phutho"),
    ("Bắc Ninh", "bacninh"),
    ("Hưng Yên", "hungyen"),
    ("Ninh Bình", "ninhbinh"),
    ("Quảng Trị", "quangtri"),
    ("Quảng Ngãi", "quangngai"),
    ("Gia Lai", "gialai"),
    ("Khánh Hòa", "khanhhoa"),
    ("Lâm Đồng", "lamdong"),
    ("Đắk Lắk", "daklak"),
    ("Đồng Nai", "dongnai"),
    ("Tây Ninh", "tayninh"),
    ("Vĩnh Long", "vinhlong"),
    ("Đồng Tháp", "dongthap"),
    ("Cà Mau", "camau"),
    ("An Giang", "angiang"),
    ("Cao Bằng", "caobang"),
    ("Lai Châu", "laichau"),
    ("Điện Biên", "dienbien"),
    ("Lạng Sơn", "langson"),
    ("Sơn La", "sonla"),
    ("Quảng Ninh", "quangninh"),
    ("Thanh Hóa", "thanhhoa"),
    ("Nghệ An", "nghean"),
    ("Hà Tĩnh", "hatinh"),
)

_DEPARTMENTS = (
    ("vp-ubnd", "Văn phòng Ủy ban nhân dân"),
    ("so-noi-vu", "Sở Nội vụ"),
    ("so-tu-phap", "Sở Tư pháp"),
    ("so-tai-chinh", "Sở Tài chính"),
    ("so-khcn", "Sở Khoa học và Công nghệ"),
    ("so-y-te", "Sở Y tế"),
    ("so-gddt", "Sở Giáo dục và Đào tạo"),
    ("so-cong-thuong", "Sở Công Thương"),
    ("so-nnmt", "Sở Nông nghiệp và Môi trường"),
    ("so-xay-dung", "Sở Xây dựng"),
    ("so-vhttdl", "Sở Văn hóa, Thể thao và Du lịch"),
    ("so-ngoai-vu", "Sở Ngoại vụ"),
    ("so-dttg", "Sở Dân tộc và Tôn giáo"),
    ("thanh-tra", "Thanh tra"),
    ("bql-kkt", "Ban Quản lý khu kinh tế và các khu công nghiệp"),
    ("cong-an", "Công an"),
    ("bo-chqs", "Bộ Chỉ huy Quân sự"),
    ("thue", "Thuế"),
    ("bhxh", "Bảo hiểm xã hội"),
    ("kho-bac", "Kho bạc Nhà nước khu vực"),
)
_THEMATIC = ("so-tu-phap", "so-tai-chinh", "so-khcn", "so-noi-vu", "vp-ubnd")
_FIRST = ("Tân", "Phú", "Minh", "Bình", "Hòa", "An", "Vĩnh", "Thanh", "Long", "Đông", "Tây", "Yên")
_SECOND = ("Thành", "Lộc", "Sơn", "Tiến", "Lâm", "Thạnh", "Khánh", "Quang", "Giang", "Trung", "Hải")
_REGIONS = 5

_ABOUT = (
    "cải cách hành chính",
    "kiểm soát thủ tục hành chính, thực hiện cơ chế một cửa",
    "chuyển đổi số và dịch vụ công trực tuyến",
    "sắp xếp, xử lý trụ sở, tài sản công sau sắp xếp đơn vị hành chính",
    "phòng, chống thiên tai và tìm kiếm cứu nạn",
    "tiếp công dân, giải quyết khiếu nại, tố cáo",
    "giải ngân vốn đầu tư công",
    "rà soát hộ nghèo, hộ cận nghèo",
)


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of a programme: who owes how many things, within how many days of the one before."""

    doers: tuple[str, ...]
    days: int
    gate: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of plan: what it is about, and its steps."""

    id: str
    title: str
    steps: tuple[_Step, ...]


EVENT = "council.budget-passed"
_ALL, _MOST = "all", "{quorum: 90%, or: 5 ngày làm việc sau hạn}"
_HALF = "{quorum: 60%, or: 3 ngày làm việc sau hạn}"

TEMPLATES = (
    Template(
        "tong-ket",
        "Tổng kết công tác",
        (
            _Step(("departments", "region-1"), 34, _MOST),
            _Step(("thematic", "thematic", "so-y-te"), 21, _HALF),
            _Step(("so-noi-vu",), 14, _ALL),
        ),
    ),
    Template(
        "ra-soat",
        "Rà soát, báo cáo tại cấp xã về công tác",
        (
            _Step(("wards",), 30, _MOST),
            _Step(("thematic",), 18, _HALF),
            _Step(("so-noi-vu",), 12, _ALL),
        ),
    ),
    Template(
        "chuong-trinh",
        "Chương trình",
        (
            _Step(("departments", "region-1", "so-tai-chinh"), 28, _MOST),
            _Step(("departments", "region-2", "thematic"), 30, _MOST),
            _Step(("departments", "region-3"), 30, _MOST),
            _Step(("thematic", "so-noi-vu"), 25, _ALL, EVENT),
        ),
    ),
    Template(
        "bao-cao",
        "Báo cáo định kỳ kết quả",
        (
            _Step(("departments",), 24, _MOST),
            _Step(("departments",), 28, _MOST),
            _Step(("departments", "so-noi-vu"), 28, _MOST),
        ),
    ),
    Template(
        "kiem-tra",
        "Kiểm tra, khắc phục tồn tại trong",
        (_Step(("thematic", "region-4"), 20, _MOST), _Step(("thanh-tra",), 10, _ALL)),
    ),
)

SINGLE = Template("dot-xuat", "Báo cáo đột xuất về", (_Step(("so-tai-chinh",), 14, _ALL),))
"""One thing by one agency: what makes every number of due obligations possible."""


def bundle(
    template: Template,
    *,
    drawn: random.Random,
    issued: date,
    first_due: date | None = None,
    communes: int,
) -> Bundle:
    """Return the pattern of a plan, with its register, as issued on a day.

    Its first step is due at the end of `first_due`, or after the days of the template.
    """
    plan = "\n".join(_plan(template, drawn, issued, first_due)) + "\n"
    register = "\n".join(_register(drawn, communes)) + "\n"
    texts = {"plan.yaml": plan, "agencies.yaml": register}
    texts[OVERLAY.name] = OVERLAY.read_text(encoding="utf-8")
    return Bundle("plan.yaml", texts)


def edition(pattern: Mapping[str, object], province: tuple[str, str], number: int) -> Bundle:
    """Return a stored pattern as a province's own, in one of its editions."""
    read = Bundle.from_json(pattern)
    signs = {NAME: province[0], DOMAIN: province[1], EDITION: f"lần {number:04}"}
    texts = {}
    for name, text in read.texts.items():
        for sign, real in signs.items():
            text = text.replace(sign, real)
        texts[name] = text
    return Bundle(read.main, texts)


# ── The register ──


def _register(drawn: random.Random, communes: int) -> Iterator[str]:
    yield f"register: danh-ba-{DOMAIN}"
    yield "as_of: 2025-07-01"
    yield "agencies:"
    yield (
        f"  ubnd-tinh: {{name: Ủy ban nhân dân {NAME}, kind: issuer, "
        f"email: vanthu@ubnd.{DOMAIN}.example}}"
    )
    for key, name in _DEPARTMENTS:
        yield from _agency(drawn, key, f"{name} {NAME}", "department", contacts=0.4)
    keys = [f"xa-{number:03}" for number in range(1, communes + 1)]
    for number, key in enumerate(keys):
        first, second = _FIRST[number % len(_FIRST)], _SECOND[number // len(_FIRST) % len(_SECOND)]
        kind = "phường" if number % 6 == 0 else "xã"
        name = f"UBND {kind} {first} {second}"
        yield from _agency(drawn, key, name, "commune", contacts=0.1)
    yield "groups:"
    yield f"  departments: [{', '.join(key for key, _ in _DEPARTMENTS)}]"
    yield f"  thematic: [{', '.join(_THEMATIC)}]"
    yield f"  wards: [{', '.join(keys)}]"
    for region in range(_REGIONS):
        yield f"  region-{region + 1}: [{', '.join(keys[region::_REGIONS])}]"


def _agency(
    drawn: random.Random, key: str, name: str, kind: str, *, contacts: float
) -> Iterator[str]:
    mail = f"{key.replace('-', '')}.{DOMAIN}.example"
    if drawn.random() >= contacts:
        yield f'  {key}: {{name: "{name}", kind: {kind}, email: vanthu@{mail}}}'
        return
    yield f"  {key}:"
    yield f'    name: "{name}"'
    yield f"    kind: {kind}"
    yield f"    email: vanthu@{mail}"
    yield "    contacts:"
    yield f"      - {{name: Ông Nguyễn Văn Nam, role: đầu mối, email: nvnam@{mail}}}"
    yield f"      - {{name: Bà Trần Thị Hoa, role: thủ trưởng, email: tthoa@{mail}}}"


# ── The plan ──


def _plan(
    template: Template,
    drawn: random.Random,
    issued: date,
    first_due: date | None,
) -> Iterator[str]:
    about = drawn.choice(_ABOUT)
    yield f"plan: {template.id}-{DOMAIN}"
    yield f"number: {drawn.randint(11, 390)}/KH-UBND"
    yield f"title: {template.title} {about} của {NAME} ({EDITION})"
    yield f"issued: {issued.day:02}/{issued.month}/{issued.year}"
    yield from _HEAD
    if any(step.event for step in template.steps):
        yield "events:"
        yield f"  {EVENT}: {{title: Hội đồng nhân dân thông qua Nghị quyết bổ sung dự toán}}"
    yield "stages:"
    day = issued
    for number, step in enumerate(template.steps, start=1):
        day += timedelta(days=step.days + drawn.randint(-3, 3))
        if number == 1 and first_due is not None:
            day = first_due
        yield f"  step-{number}:"
        yield f"    title: Bước {number} về {about}"
        yield f"    ref: Mục {number}"
        if number > 1:
            yield f"    needs: [step-{number - 1}]"
        if step.event:
            yield f"    when: {{event: {step.event}}}"
        yield "    tasks:"
        for place, doers in enumerate(step.doers, start=1):
            yield f"      task-{place}:"
            yield f"        title: Báo cáo nội dung {place} về {about}"
            yield f"        ref: Mục {number}.{place}"
            yield f"        by: {doers}"
            yield f"        to: {'ubnd-tinh' if doers == 'so-noi-vu' else 'so-noi-vu'}"
            yield f"        due: chậm nhất ngày {day.day:02}/{day.month}/{day.year}"
        yield f"    gate: {step.gate}"
    yield from _LADDER


_HEAD = f"""\
issuer: ubnd-tinh
coordinator: so-noi-vu
superior: ubnd-tinh
time_zone: Asia/Ho_Chi_Minh
language: vi
agencies: agencies.yaml
calendar: {OVERLAY.name}
ladder: standard""".splitlines()

_LADDER = """\
ladders:
  standard:
    send_at: "08:00"
    office_ends: "17:00"
    remind: [5, 2, 0]
    overdue: {first: 1, every: 2, at_most: 8, head_from: 3}
    escalate:
      - {after: 3 ngày làm việc, to: coordinator}
      - {after: 8 ngày làm việc, to: superior}""".splitlines()

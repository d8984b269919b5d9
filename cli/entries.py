"""Entries: what agencies and the coordinator do, recorded through the flows.

Each command runs its flow in this process against the server of `dondoc up`, so that an
operator sees it; without a server nothing is recorded, and the command says how to
start one.
"""

from __future__ import annotations

import getpass
from datetime import date
from typing import Annotated, Any

import typer

from cli.console import out

Obligation = Annotated[
    str, typer.Argument(help="Nghĩa vụ: bước/nhiệm-vụ/cơ-quan – stage/task/agency.")
]
Document = Annotated[str, typer.Option("--document", help="Số, ký hiệu văn bản, ví dụ 120/BC-STP.")]
Dated = Annotated[
    str | None,
    typer.Option(
        "--date", help="Ngày ghi trên văn bản (2020-05-08 hoặc 08/5/2020); mặc định hôm nay."
    ),
]
By = Annotated[
    str | None, typer.Option("--by", help="Người ghi nhận; mặc định người đang dùng máy.")
]
Run = Annotated[str | None, typer.Option("--run", help="Đợt thực hiện, khi có nhiều đợt.")]
Every = Annotated[
    bool, typer.Option("--all", help="Mọi đợt đang thực hiện; không cần máy chủ Prefect.")
]
Agency = Annotated[
    str, typer.Option("--agency", help="Chỉ một cơ quan, theo mã; bỏ trống: cả đợt thực hiện.")
]
Why = Annotated[str, typer.Option("--why", help="Lý do, cơ quan sẽ đọc nguyên văn.")]

EXAMPLE = "agency-reports/final-report/so-tu-phap"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=f"Ví dụ: dondoc submit {EXAMPLE} --date 2020-05-08 --document 120/BC-STP")(
        submit
    )
    app.command(
        "return", epilog=f"Ví dụ: dondoc return {EXAMPLE} --days 3 --why 'Thiếu số liệu Phụ lục II'"
    )(send_back)
    app.command(epilog=f"Ví dụ: dondoc accept {EXAMPLE}")(accept)
    app.command(epilog=f"Ví dụ: dondoc extend {EXAMPLE} --until 2020-05-20 --document 512/UBND-NC")(
        extend
    )
    app.command(epilog=f"Ví dụ: dondoc waive {EXAMPLE} --why 'Đã sáp nhập'")(waive)
    app.command(
        epilog=f"Ví dụ: dondoc withdraw {EXAMPLE} --why 'Ghi nhầm cơ quan'",
    )(withdraw)
    app.command(
        epilog=f"Ví dụ: dondoc difficulty {EXAMPLE} --what 'Chưa có số liệu của cấp xã'",
    )(difficulty)
    app.command(
        epilog=f"Ví dụ: dondoc answer {EXAMPLE} --answer 'Dùng số liệu đến 31/3'",
    )(answer)
    app.command(
        epilog="Ví dụ: dondoc pause --why 'Nghỉ lễ' --until 03/5/2020"
        "    |    dondoc pause --agency so-tu-phap --why 'Đang sáp nhập'"
        "    |    dondoc pause --all --why 'Vừa khôi phục từ bản sao lưu'",
    )(pause)
    app.command(
        epilog="Ví dụ: dondoc resume    |    dondoc resume --agency so-tu-phap"
        "    |    dondoc resume --all"
    )(resume)
    app.command(
        epilog="Ví dụ: dondoc event government.programme-issued"
        " --document 76/NQ-CP --date 2021-07-15"
    )(event)


def submit(
    obligation: Obligation,
    document: Document = "",
    dated: Dated = None,
    part: Annotated[
        bool, typer.Option("--part", help="Mới nộp một phần: phần còn lại vẫn được đôn đốc.")
    ] = False,
    nil: Annotated[bool, typer.Option("--nil", help="Báo cáo không phát sinh.")] = False,
    by: By = None,
    run: Run = None,
) -> None:
    """Ghi nhận báo cáo đã gửi – record a submission; nothing more is sent about it."""
    _run(
        "record_submission",
        obligation=obligation,
        by=_who(by),
        dated=_day(dated),
        document=document,
        part=part,
        nil=nil,
        run=run,
    )


def withdraw(
    obligation: Obligation,
    why: Annotated[str, typer.Option("--why", help="Ghi nhầm điều gì.")],
    by: By = None,
    run: Run = None,
) -> None:
    """Huỷ ghi nhận báo cáo ghi nhầm – take back a submission recorded by mistake."""
    _run("withdraw_submission", obligation=obligation, by=_who(by), why=why, run=run)


def send_back(
    obligation: Obligation,
    why: Why,
    days: Annotated[
        int | None, typer.Option(min=1, max=250, help="Số ngày làm việc để hoàn thiện.")
    ] = None,
    document: Document = "",
    dated: Dated = None,
    by: By = None,
    run: Run = None,
) -> None:
    """Trả lại để hoàn thiện – return a submitted report for completion."""
    _run(
        "return_report",
        obligation=obligation,
        by=_who(by),
        why=why,
        days=days,
        dated=_day(dated),
        document=document,
        run=run,
    )


def accept(obligation: Obligation, by: By = None, run: Run = None) -> None:
    """Chấp nhận báo cáo – accept a submitted report."""
    _run("accept_report", obligation=obligation, by=_who(by), run=run)


def extend(
    obligation: Obligation,
    until: Annotated[str, typer.Option(help="Ngày cuối mới (2020-05-20 hoặc 20/5/2020).")],
    document: Annotated[str, typer.Option(help="Văn bản cho phép gia hạn.")],
    why: Why = "",
    by: By = None,
    run: Run = None,
) -> None:
    """Gia hạn – give an agency until the end of a later day."""
    _run(
        "extend_deadline",
        obligation=obligation,
        by=_who(by),
        until=_day(until),
        document=document,
        why=why,
        run=run,
    )


def waive(
    obligation: Obligation, why: Why, document: Document = "", by: By = None, run: Run = None
) -> None:
    """Miễn nhiệm vụ – say that an obligation is owed no more."""
    _run(
        "waive_obligation", obligation=obligation, by=_who(by), why=why, document=document, run=run
    )


def difficulty(
    obligation: Obligation,
    what: Annotated[str, typer.Option("--what", help="Khó khăn, vướng mắc là gì.")],
    document: Document = "",
    dated: Dated = None,
    by: By = None,
    run: Run = None,
) -> None:
    """Ghi nhận khó khăn, vướng mắc – keep a difficulty that an agency reports."""
    _run(
        "report_difficulty",
        obligation=obligation,
        by=_who(by),
        what=what,
        dated=_day(dated),
        document=document,
        run=run,
    )


def answer(
    obligation: Obligation,
    answer: Annotated[str, typer.Option("--answer", help="Nội dung trả lời.")],
    document: Document = "",
    dated: Dated = None,
    by: By = None,
    run: Run = None,
) -> None:
    """Trả lời khó khăn, vướng mắc – answer the difficulties that an agency has reported."""
    _run(
        "answer_difficulty",
        obligation=obligation,
        by=_who(by),
        answer=answer,
        dated=_day(dated),
        document=document,
        run=run,
    )


def pause(
    why: Annotated[str, typer.Option("--why", help="Lý do tạm dừng.")],
    agency: Agency = "",
    until: Annotated[
        str | None,
        typer.Option(help="Ngày cuối của thời gian tạm dừng; bỏ trống: đến khi tiếp tục."),
    ] = None,
    document: Document = "",
    by: By = None,
    run: Run = None,
    every: Every = False,
) -> None:
    """Tạm dừng đôn đốc – issue nothing in a run, about one agency, or in all runs."""
    if every:
        _refuse_both(run, agency)
        _change_all("paused", by, document, why=why, until=_day(until))
        return
    _run(
        "pause_chasing",
        by=_who(by),
        agency=agency,
        why=why,
        until=_day(until),
        document=document,
        run=run,
    )


def resume(
    agency: Agency = "",
    why: Annotated[str, typer.Option("--why", help="Lý do, nếu cần ghi lại.")] = "",
    document: Document = "",
    by: By = None,
    run: Run = None,
    every: Every = False,
) -> None:
    """Tiếp tục đôn đốc – end a pause; only the newest notice of what fell due is sent."""
    if every:
        _refuse_both(run, agency)
        _change_all("resumed", by, document, why=why)
        return
    _run("resume_chasing", by=_who(by), agency=agency, why=why, document=document, run=run)


def event(
    name: Annotated[str, typer.Argument(help="Tên sự kiện trong tệp kế hoạch.")],
    document: Annotated[str, typer.Option(help="Số, ký hiệu văn bản, ví dụ 76/NQ-CP.")],
    dated: Dated = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Giá trị phân biệt sự kiện (correlate), ví dụ period=2021-2030."
        ),
    ] = None,
    by: By = None,
) -> None:
    """Thông báo sự kiện bên ngoài – announce an outside event; sent twice it counts once."""
    _run(
        "announce_event",
        event=name,
        document=document,
        dated=_day(dated),
        values=_values(values or []),
        by=_who(by),
    )


def _run(flow: str, **parameters: Any) -> None:
    from flows.client import run_flow

    out.print(run_flow("record", flow, **parameters), soft_wrap=True)


def _refuse_both(run: str | None, agency: str) -> None:
    if run is not None or agency:
        raise typer.BadParameter("--all: bỏ --run, --agency – it is for every run; leave them out.")


def _change_all(what: str, by: str | None, document: str, **values: Any) -> None:
    """Pause or resume all runs in the database itself: before anything else runs."""
    from cli.console import language
    from flows import moment
    from language.catalogue import text
    from services import pausing, wiring
    from services.recording import Source
    from services.runs import some

    change: Any = {"paused": pausing.pause_all, "resumed": pausing.resume_all}[what]
    with wiring.opened() as parts:
        now = moment.now(parts.settings)
        changed = change(parts, Source(_who(by), document.strip()), now=now, **values)
    found = {what: changed.done, f"{what}-before": changed.before, "unreadable": changed.unreadable}
    for said, names in found.items():
        if names:
            listed = {"count": len(names), "names": some(names)}
            out.print(text(language(), f"every-run.{said}", **listed), soft_wrap=True)
    if not any(found.values()):
        out.print(text(language(), "every-run.none"), soft_wrap=True)


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def _values(written: list[str]) -> dict[str, str]:
    """Read `key=value`; several may stand in one word, with commas."""
    pairs = [pair.strip() for text in written for pair in text.split(",")]
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise typer.BadParameter(f"{wrong[0]!r}: period=2021-2030")
    return {key.strip(): value.strip() for key, _, value in (p.partition("=") for p in pairs)}


def _day(written: str | None) -> date | None:
    """Read a date as offices write it, or as ISO 8601; wrong usage (exit 2) if it is none."""
    if written is None:
        return None
    from plan_definitions import parse_date

    found = parse_date(written)
    if found is None:
        raise typer.BadParameter(f"“{written}” – ghi như, write as: 2020-05-08, 08/5/2020")
    return found

"""Running: `up`, `start` and `rehearse`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.console import Format, language, out, say
from cli.planning import PlanFile


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Ví dụ: dondoc up    |    dondoc up --pretend 2020-05-11T07:59+07:00")(up)
    for part in (server, worker, clock, deploy):
        app.command()(part)
    app.command(epilog="Ví dụ: dondoc start plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml")(
        start
    )
    app.command(
        epilog="Ví dụ: dondoc rehearse PLAN.yaml --scenario scenarios/plausible.yaml"
        " --out build/rehearsal"
    )(rehearse)


def up(
    pretend: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M"],
            help="Để thử: đồng hồ bắt đầu từ lúc này, ví dụ 2020-05-11T07:59+07:00.",
        ),
    ] = None,
) -> None:
    """Chạy máy chủ Prefect, worker và đồng hồ – server, worker and clock until Ctrl-C."""
    from zoneinfo import ZoneInfo

    from flows import up as supervisor
    from services.settings import Settings

    settings = Settings()
    if pretend is not None and pretend.tzinfo is None:
        pretend = pretend.replace(tzinfo=ZoneInfo(settings.time_zone))
    supervisor.main(settings, say, pretend=pretend)
    say("up.stopped")


def server() -> None:
    """Chỉ chạy máy chủ Prefect – the Prefect server alone, in the foreground."""
    from flows import up as supervisor
    from services.settings import Settings

    supervisor.serve(Settings())


def worker() -> None:
    """Chỉ chạy một worker – a worker of the pool alone, on this or another machine."""
    from flows import up as supervisor
    from services.settings import Settings
    from services.wiring import opened

    settings = Settings()
    with opened(settings, who="worker", to_write=True):
        pass  # a database that does not open must be said now, not by each run
    supervisor.work(settings)


def clock() -> None:
    """Chỉ chạy một đồng hồ – a clock alone; several of them do no harm."""
    from flows import clock as ticking
    from services.settings import Settings
    from services.wiring import opened

    with opened(Settings(), who="clock", to_write=True):
        pass
    ticking.main()


def deploy() -> None:
    """Triển khai các luồng công việc lên máy chủ Prefect – bring all deployments to the server."""
    from flows import up as supervisor
    from services.settings import Settings

    settings = Settings()
    supervisor.deploy(settings)
    say("up.deployed", ui=settings.prefect_api or f"127.0.0.1:{settings.server_port}")


def start(
    plan: PlanFile,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Bắt đầu lùi về lúc này (2020-04-06T08:00+07:00), như sau một lần gián đoạn."
        ),
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Tên đợt thực hiện; mặc định tên kế hoạch.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Người thực hiện.")] = None,
) -> None:
    """Bắt đầu thực hiện kế hoạch – start a run of a plan; starting it twice changes nothing."""
    import getpass

    from cli.reading import read_plan
    from flows.client import run_flow

    loaded = read_plan(plan, language())
    began = None
    if as_of is not None:
        try:
            began = datetime.fromisoformat(as_of)
        except ValueError:
            raise typer.BadParameter(f"{as_of!r}: 2020-04-06T08:00+07:00") from None
        if began.tzinfo is None:
            began = began.replace(tzinfo=loaded.zone)
    said = run_flow(
        "start",
        "start_plan",
        plan=str(plan.resolve()),
        by=by or getpass.getuser(),
        started_at=began,
        run=run,
    )
    out.print(said, soft_wrap=True)


def rehearse(
    plan: PlanFile,
    scenario: Annotated[Path, typer.Option(help="Kịch bản: ai nộp ngày nào, sự kiện nào đến.")],
    mailbox: Annotated[
        Path | None, typer.Option(help="Thư mục Maildir nhận thư; mặc định trong --out.")
    ] = None,
    out_folder: Annotated[
        Path, typer.Option("--out", help="Thư mục kết quả: messages, ledger, summary (JSON).")
    ] = Path("build/rehearsal"),
    format: Annotated[Format, typer.Option(help="Cách in.")] = Format.TEXT,
) -> None:
    """Diễn tập cả kế hoạch – the whole plan through real flows and mail, under a virtual clock."""
    from cli import rehearsing

    sys.exit(rehearsing.main(plan, scenario, mailbox=mailbox, out_folder=out_folder, format=format))

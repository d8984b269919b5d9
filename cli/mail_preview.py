"""Mail preview: `dondoc mail preview`, which opens any mail of any rung in the browser."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import Language, language, say

if TYPE_CHECKING:
    from services.mail.proofs import Proof

PAGE = "mails.html"


def preview(
    plan: Annotated[
        Path | None, typer.Argument(help="Tệp kế hoạch (YAML); không cần khi dùng --message.")
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option(help="Kịch bản: ai nộp ngày nào; bỏ trống: không ai nộp.")
    ] = None,
    agency: Annotated[
        str | None, typer.Option(metavar="CƠ-QUAN", help="Chỉ thư gửi cơ quan này.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="LOẠI", help="Chỉ loại thư này: assign, remind, overdue, …"),
    ] = None,
    rung: Annotated[
        str | None, typer.Option(metavar="BẬC", help="Chỉ bậc này: remind-5, overdue-3, …")
    ] = None,
    number: Annotated[
        int | None, typer.Option(min=1, max=2**31, help="Chỉ thư số này trong danh sách.")
    ] = None,
    message: Annotated[
        int | None,
        typer.Option(
            metavar="SỐ", min=1, max=2**31, help="Thư số này của hộp thư đi, không cần PLAN."
        ),
    ] = None,
    lang: Annotated[
        Language | None, typer.Option(help="Ngôn ngữ của thư và trang; mặc định theo kế hoạch.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="THƯ-MỤC", help="Ghi trang và từng thư (.eml) vào thư mục này."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Mở trang trong trình duyệt.")
    ] = True,
) -> None:
    """Xem trước mọi thư trong trình duyệt – open any mail in the browser; nothing is sent.

    Without a scenario it shows the worst case: nobody answers and no event comes.
    """
    if (plan is None) == (message is None):
        raise typer.BadParameter("PLAN, --message: một trong hai – one of the two.")
    if message is not None:
        _of_outbox(message, out, browser, language(lang))
        return
    assert plan is not None
    from cli.reading import read_plan, read_scenario
    from services.mail import proofs
    from services.pages.mail_page import mail_page
    from services.settings import Settings
    from services.views import previewing

    spoken = language(lang)
    loaded = read_plan(plan, spoken)
    acted = None if scenario is None else read_scenario(scenario, loaded, spoken)
    shown = previewing.preview(loaded, acted)
    wanted = proofs.Wanted(agency=agency, kind=kind, rung=rung, number=number)
    found = proofs.of_plan(shown, wanted, Settings(), language=lang and lang.value)
    title = f"{loaded.number} – {loaded.title}"
    page = mail_page(found, title, proofs.scene(shown, len(found), spoken), spoken)
    _open(_written(page, found, out), len(found), browser)


def _of_outbox(number: int, out: Path | None, browser: bool, spoken: str) -> None:
    """Open a mail of the outbox as it looked, or would look if it were sent now."""
    from language.catalogue import text
    from services import wiring
    from services.errors import Refused
    from services.mail import outgoing
    from services.pages.mail_page import mail_page

    with wiring.opened() as parts:
        proof, remark = outgoing.proof(parts, number)
        status = outgoing.one(parts, number).message.status
    if proof is None:
        raise Refused("refused.message-pointless", number=number)
    plan = proof.slip.mail.plan
    scene = text(spoken, "proof.scene-outbox", status=text(spoken, f"status.{status.value}"))
    said = f"{scene} {remark}".strip()
    page = mail_page([proof], f"{plan.number} – {plan.title}", said, spoken)
    _open(_written(page, [proof], out), 1, browser)


def _written(page: str, proofs: Sequence[Proof], folder: Path | None) -> Path:
    """Write the page; into a folder that was asked for each mail as well, as programs read it."""
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="dondoc-mail-"))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        for proof in proofs:
            name = f"{proof.slip.number:04}-{proof.slip.kind}.eml"
            (folder / name).write_bytes(proof.content)
    file = folder / PAGE
    file.write_text(page, encoding="utf-8")
    return file.resolve()


def _open(file: Path, count: int, browser: bool) -> None:
    import webbrowser

    say("proof.made", count=count, file=str(file))
    if browser and not webbrowser.open(file.as_uri()):
        say("proof.no-browser")

"""Mailing: the commands about mail itself, `dondoc mail …`."""

from __future__ import annotations

import typer

from cli import mail_preview, mail_trial

app = typer.Typer(
    help="Thư: xem trước, gửi thử – mail: look at it, prove a server's settings.",
    no_args_is_help=True,
)
app.command(
    epilog="Ví dụ: dondoc mail preview KẾ-HOẠCH.yaml --rung overdue-3 --lang vi",
)(mail_preview.preview)
app.command("test", epilog="Ví dụ: dondoc mail test vanthu@sonoivu.example")(mail_trial.prove)


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="mail")

"""Explaining: `explain`, what a code of `check` means and what to do. Works offline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.console import Language, err, language, out

if TYPE_CHECKING:
    from plan_definitions.handbook.explanations import Explanation

_WIDEST = 88  # longer lines are hard to read
_STYLES = {"error": "bold red", "warning": "bold yellow", "advice": "bold cyan"}
_MARKED = re.compile(r"`([^`]*)`|\*\*([^*]*)\*\*")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Ví dụ: dondoc explain DD131")(explain)


def explain(
    code: Annotated[
        str, typer.Argument(help="Mã như DD131, hoặc tên loại; bỏ trống: mọi mã.")
    ] = "",
    lang: Annotated[Language | None, typer.Option(help="Ngôn ngữ: vi hoặc en.")] = None,
) -> None:
    """Giải thích một mã của `dondoc check` – what a code means, why, and what to do.

    Without a code it lists them all. Exit code 1 if there is no such code.
    """
    from plan_definitions.handbook import explanations

    spoken = language(lang)
    if not code:
        _print_index(spoken)
        return
    kind = explanations.find_kind(code)
    if kind is None:
        _refuse(code, spoken)
    _print_one(explanations.explain(kind, spoken), spoken)


def _refuse(code: str, spoken: str) -> NoReturn:
    from plan_definitions.handbook.explanations import nearest_code
    from services.errors import Refused

    near = nearest_code(code)
    key = "explain.unknown-near" if near else "explain.unknown"
    error = Refused(key, name=code, near=near)
    err.print(error.say(spoken), style="bold red", soft_wrap=True)
    raise typer.Exit(1)


def _print_one(explanation: Explanation, spoken: str) -> None:
    from language.catalogue import passage

    level = passage(spoken, f"fault-page.{explanation.severity}")
    _print(
        Text.assemble((explanation.code, _STYLES[explanation.severity]), f"  {explanation.title}")
    )
    _print(f"{level}: {explanation.means(spoken)}")
    for part in ("what", "why", "mend"):
        _print(Text(f"\n{passage(spoken, f'fault-page.{part}')}", style="bold"))
        _print(_plain(getattr(explanation, part)), indent=2)
    _print(Text(f"\n{passage(spoken, 'fault-page.instead')}", style="bold"))
    indented = "\n".join(f"  {line}" for line in explanation.instead.split("\n"))
    out.print(Text(indented), soft_wrap=True)


def _print_index(spoken: str) -> None:
    from language.catalogue import passage
    from plan_definitions.handbook.explanations import by_group

    for name, group in by_group(spoken).items():
        _print(Text(f"\n{name}", style="bold"))
        table = Table.grid(padding=(0, 2))
        for explanation in group:
            level = passage(spoken, f"fault-page.{explanation.severity}")
            table.add_row(
                Text(explanation.code),
                Text(level, style=_STYLES[explanation.severity]),
                Text(explanation.title),
            )
        _print(table, indent=2)


def _plain(words: str) -> Text:
    """Return words of the catalogue without the signs that mark what stands in a file."""
    return Text(_MARKED.sub(lambda found: f"“{found[1]}”" if found[1] else found[2], words))


def _print(what: Text | Table | str, *, indent: int = 0) -> None:
    shown = Text(what) if isinstance(what, str) else what
    out.print(Padding(shown, (0, 0, 0, indent), expand=False), width=min(out.width, _WIDEST))

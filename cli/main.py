"""Main: the commands of `dondoc`, and the exit codes that scripts rely on.

0 done, 1 the input is at fault, 2 wrong usage, 3 something outside failed. What a command
needs is imported when it runs: `preview` must not wait for Prefect.
"""

from __future__ import annotations

import io
import sys

import typer

from cli import (
    addresses,
    bouncing,
    briefing,
    calendar,
    comparing,
    databases,
    doctoring,
    drafting,
    entries,
    explaining,
    looking,
    mailing,
    outbox,
    planning,
    running,
)
from cli.console import fail

app = typer.Typer(
    name="dondoc",
    help="Đôn Đốc: theo dõi, nhắc và đôn đốc việc đến hạn – a deadline engine for public plans.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    drafting,
    planning,
    comparing,
    explaining,
    calendar,
    running,
    entries,
    briefing,
    bouncing,
    addresses,
    looking,
    mailing,
    outbox,
    doctoring,
    databases,
):
    module.register(app)


def main() -> None:
    """Run the command line, and end with its exit code."""
    from services.errors import Refused, Unavailable

    for stream in (sys.stdout, sys.stderr):  # an old code page has no Vietnamese letters
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8")
    try:
        app()
    except Refused as error:
        fail(error, code=1)
    except Unavailable as error:
        fail(error, code=3)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the reader (`head`, a pager) has seen enough
            sys.stderr.close()
            sys.exit(0)
        fail(Unavailable("error.outside", detail=str(error)), code=3)


if __name__ == "__main__":
    main()

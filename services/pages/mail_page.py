"""Mail page: mails as one local HTML document with a picker, for people to look at.

Each mail stands in a frame of its own in which nothing runs (`sandbox`), under a policy
that fetches nothing, whatever the mail says. Only the page's own script picks and shows.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from language.catalogue import text
from language.dates import day, weekday
from services.mail.proofs import Proof
from services.views.wording import rung_name

KILOBYTE = 1024


def mail_page(proofs: Sequence[Proof], title: str, scene: str, language: str) -> str:
    """Return one self-contained document of these mails, the first of them open.

    `title` names what they are of, `scene` says under which circumstances. No clock is read.
    """
    script = _resource("mails.js")
    return _template().render(
        language=language,
        say=lambda key, **values: text(language, f"proof.{key}", **values),
        title=title,
        scene=scene,
        style=Markup(_resource("mails.css")),  # noqa: S704 (our own file)
        script=Markup(script),  # noqa: S704 (our own file)
        policy=_hash(script),
        data=_embedded([_told(proof, language) for proof in proofs]),
    )


def _told(proof: Proof, language: str) -> dict[str, Any]:
    slip = proof.slip
    at = slip.at.astimezone(slip.mail.plan.zone)
    return {
        "number": slip.number,
        "day": f"{weekday(language, at.date())}, {day(language, at.date())}",
        "time": f"{at:%H:%M}",
        "kind": slip.kind,
        "word": text(language, f"kind.{slip.kind}"),
        "recipient": slip.recipient,
        "name": slip.mail.recipient.name,
        "rungs": [rung_name(language, rung) for rung in slip.rungs],
        "subject": proof.subject,
        "headers": [list(header) for header in proof.headers],
        "size": f"{proof.size / KILOBYTE:.1f} kB" if proof.size else "",
        "attachments": [f"{name} ({size / KILOBYTE:.0f} kB)" for name, size in proof.attachments],
        "text": proof.text,
        "html": proof.html,
        "fault": proof.fault and text(language, "proof.fault", why=proof.fault),
    }


def _embedded(value: Any) -> Markup:
    """Write a value as JSON in which no sign can end the element that it stands in."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(written)  # noqa: S704 (no < is left in it)


def _hash(script: str) -> str:
    """Name a script as a Content-Security-Policy does: this one runs, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _resource(name: str) -> str:
    return (files("services") / "templates" / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    return Environment(
        loader=PackageLoader("services", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    ).get_template("mails.html.j2")

"""Inlining: templates whose styles stand in classes, compiled with the styles in place.

Mail programs drop style sheets, so each element carries its own styles (css-inline). That is
done once for a template's source and not for every mail: while it is done, what Jinja reads
is kept out of the way, statements as comments (which may stand anywhere in a table) and
expressions as plain words. What stays of the style sheet are its media queries, which end it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from css_inline import CSSInliner
from jinja2 import BaseLoader, Environment
from jinja2.exceptions import TemplateNotFound

SHEET = "sheet.html.j2"
STYLE = "sheet.css"
_BODY = "<!-- body -->"
_STYLE = "<!-- style -->"
_CODE = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TONE = "--tone"
"""Stands in a `style` for the styles of a class that only the mail decides on."""
_KEPT = re.compile(r"<!--J(\d+)J-->|J(\d+)J")
_DECLARED = re.compile(_TONE + r":\s*J(\d+)J;?")

Read = Callable[[str], str]


@dataclass(eq=False)
class InlinedTemplates(BaseLoader):
    """Loads templates; a `.html.j2` is put on the sheet of every mail and gets its styles.

    `read` returns the source of a template or style sheet by its name. Raises KeyError.
    """

    read: Read

    def get_source(
        self,
        environment: Environment,  # noqa: ARG002, Jinja's own signature
        template: str,
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return a template's source as it is compiled."""
        try:
            source = self.read(template)
        except KeyError as error:
            raise TemplateNotFound(template) from error
        if template.endswith(".html.j2"):
            source = inlined(self.read(SHEET).replace(_BODY, source), self.read(STYLE))
        return source, template, None


def inlined(source: str, css: str) -> str:
    """Return a template's source with `css` in its elements.

    Raises ValueError where the inlining loses or doubles what Jinja reads: a statement that
    parts an element's opening tag from its end.
    """
    code: list[str] = []

    def put_away(found: re.Match[str]) -> str:
        if found[0].startswith("{#"):
            return ""
        code.append(found[0])
        name = f"J{len(code) - 1}J"
        return name if found[0].startswith("{{") else f"<!--{name}-->"

    plain, _, media = css.partition("@media")
    bare = _CODE.sub(put_away, source).strip()
    made = _inliner().inline(bare.replace(_STYLE, f"{_STYLE}<style>{plain}</style>"))
    made = made.replace(_STYLE, f"<style>@media {' '.join(media.split())}</style>" if media else "")
    made = _DECLARED.sub(lambda found: code[int(found[1])], made)
    made = _KEPT.sub(lambda found: code[int(found[1] or found[2])], made)
    if len(_CODE.findall(made)) != len(code):
        raise ValueError("a statement parts an element: it was lost or doubled with it")
    return made


def styles(css: str, classes: Iterable[str]) -> dict[str, str]:
    """Return by its name what a class of `css` sets, as a `style` attribute says it."""
    made = _inliner().inline(
        f"<html><head><style>{css}</style></head><body>"
        + "".join(f'<i class="{name}"></i>' for name in classes)
        + "</body></html>"
    )
    found = re.findall(r'<i class="([^"]*)"(?: style="([^"]*)")?>', made)
    return {name: f"{style.rstrip(';')};" if style else "" for name, style in found}


def _inliner() -> CSSInliner:
    return CSSInliner(minify_css=True, load_remote_stylesheets=False)

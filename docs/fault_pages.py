"""Fault pages: a page for each code of `dondoc check` in each language, and their indexes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from docs.examples import Example, examples
from language.catalogue import LANGUAGES, passage
from plan_definitions.diagnostics import Diagnostic
from plan_definitions.handbook.explanations import Explanation, by_group, explain_all
from plan_definitions.rendering import render_one

FOLDER = "docs/faults"
"""Nothing else stands in it."""

_BEFORE, _AFTER = 3, 1  # lines of context around an offending line
_WIDTH = 120  # characters of a line that are shown
_LANGUAGE = "../../plan-language.md"
_DATES = "../../dates.md"


def pages() -> Mapping[str, str]:
    """Return the text of every page by its path from the root of the repository."""
    found: dict[str, str] = {}
    for language in LANGUAGES:
        found[f"{FOLDER}/{language}/README.md"] = _index(language)
        for explanation in explain_all(language):
            path = f"{FOLDER}/{language}/{explanation.code}.md"
            found[path] = _page(explanation, language)
    return found


def _note(language: str) -> str:
    return f"<!-- Written by docs/generate.py; the words: language/{language}/faults.toml -->"


def _other(language: str) -> str:
    return next(other for other in LANGUAGES if other != language)


def _index(language: str) -> str:
    def say(part: str) -> str:
        return passage(language, f"fault-page.{part}")

    parts = [
        _note(language),
        f"# {say('index')}",
        f"{say('intro')} [{say('other-language')}](../{_other(language)}/README.md)",
        say("levels"),
    ]
    for name, group in by_group(language).items():
        rows = [
            f"| [{one.code}]({one.code}.md) | {one.title} | {say(one.severity)} |" for one in group
        ]
        head = [f"| {say('code')} | {say('title')} | {say('level')} |", "|---|---|---|"]
        parts += [f"## {name}", "\n".join([*head, *rows])]
    return _joined(parts)


def _page(explanation: Explanation, language: str) -> str:
    def say(part: str) -> str:
        return passage(language, f"fault-page.{part}")

    severity = explanation.severity
    code, other = explanation.code, _other(language)
    first, *others = examples(explanation.kind)
    parts = [
        _note(language),
        f"# {code} · {explanation.title}",
        f"**{say(severity)}**: {explanation.means(language)} "
        f"[{say('other-language')}](../{other}/{code}.md)",
        f"## {say('what')}",
        _linked(explanation.what),
        f"## {say('why')}",
        _linked(explanation.why),
        f"## {say('example')}",
        *_shown(first, language),
        f"## {say('mend')}",
        _linked(explanation.mend),
        f"**{say('instead')}**",
        _fenced("yaml", explanation.instead),
    ]
    if others:
        parts.append(f"## {say('others')}")
        parts += [part for one in others for part in _shown(one, language)]
    parts += ["---", f"{say('see')}: {', '.join(_links(explanation, say('all'), language))}."]
    return _joined(parts)


def _links(explanation: Explanation, index: str, language: str) -> Iterator[str]:
    yield f"[{index}](README.md)"
    yield f"[{passage(language, 'fault-page.plan-language')}]({_LANGUAGE})"
    if explanation.group in {"13", "15", "17", "20"}:
        yield f"[{passage(language, 'fault-page.dates')}]({_DATES})"


def _linked(words: str) -> str:
    """Return words in which each code leads to its page."""
    return re.sub(r"\bDD\d{3}\b", r"[\g<0>](\g<0>.md)", words)


def _shown(example: Example, language: str) -> Iterator[str]:
    """Yield the offending lines of an example, and what is said of them."""
    kind = "scenario" if example.is_scenario else "plan"
    named = example.named(passage(language, f"fault-page.{kind}-file"))
    diagnostic = named.shown()
    yield _fenced("yaml", _lines(named, diagnostic))
    yield passage(language, f"fault-page.{'says-scenario' if example.is_scenario else 'says'}")
    yield _fenced("text", render_one(diagnostic, language))


def _lines(example: Example, diagnostic: Diagnostic) -> str:
    """Return the offending line with those around it; what cannot be shown is a �."""
    lines = example.texts[diagnostic.file].split("\n")
    at = diagnostic.line - 1
    around = lines[max(0, at - _BEFORE) : at + 1 + _AFTER]
    cut = (line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…" for line in around)
    return "\n".join("".join(map(_visible, line)).rstrip() for line in cut)


def _visible(sign: str) -> str:
    return sign if sign.isprintable() or sign == "\t" else "\ufffd"


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _joined(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"

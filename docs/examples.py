"""Examples: for each code the plan, register, calendar or scenario in which it is found.

They are the tests' own fixtures (tests/plan_definitions/broken), so that a page shows what
is tested; the few that no file can hold are built here. A fixture's first line, which states
what is expected, is left out: lines are counted as a reader of the page counts them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from plan_definitions import Bundle, Diagnostic, PlanFaults, check, load, load_scenario
from plan_definitions.diagnostics import RULES
from plan_definitions.reading.source import read_text
from plan_definitions.reading.yaml_source import MOST_ENTRIES

BROKEN = Path(__file__).resolve().parents[1] / "tests" / "plan_definitions" / "broken"
_SCENARIOS = BROKEN / "scenarios"
_PARTS = BROKEN / "parts"
_PLAN = "plan.yaml"


@dataclass(frozen=True)
class Example:
    """Files in which a kind is found; `main` is checked, a scenario is read for plan.yaml."""

    kind: str
    main: str
    texts: Mapping[str, str]
    unread: Mapping[str, str] = field(default_factory=dict)
    is_scenario: bool = False

    def found(self) -> list[Diagnostic]:
        """Return all that is said of it."""
        if not self.is_scenario:
            return check(Bundle(self.main, self.texts, self.unread))
        try:
            load_scenario(self.texts[self.main], load(Bundle(_PLAN, self.texts)))
        except PlanFaults as faults:
            return [replace(one, file=self.main) for one in faults.diagnostics]
        return []

    def shown(self) -> Diagnostic:
        """Return the first diagnostic of its kind. Raises LookupError if there is none."""
        for diagnostic in self.found():
            if diagnostic.kind == self.kind:
                return diagnostic
        raise LookupError(f"{self.kind} is not found in its example")

    def named(self, main: str) -> Example:
        """Return it under another name of its main file."""
        rest = {name: text for name, text in self.texts.items() if name != self.main}
        return replace(self, main=main, texts={main: self.texts[self.main], **rest})

    def changed(self, file: str, old: str, new: str) -> Example:
        """Return it with some lines of a file changed."""
        text = self.texts[file]
        if text.count(old) != 1:
            raise LookupError(f"{old!r} stands {text.count(old)} times in {file}")
        return replace(self, texts={**self.texts, file: text.replace(old, new)})


def examples(kind: str) -> list[Example]:
    """Return the examples of a kind: the one named for it first, then those said otherwise.

    Raises LookupError if there is none.
    """
    if kind in _BUILT:
        return [_BUILT[kind](kind)]
    found: dict[str, Example] = {}
    for path in sorted(_holding(RULES[kind]), key=lambda path: _rank(path, kind)):
        read = _from_scenario if path.parent == _SCENARIOS else _from_plan
        example = read(path, kind)
        found.setdefault(example.shown().variant, example)
    if not found:
        raise LookupError(f"no fixture for {kind}")
    return list(found.values())


def _holding(code: str) -> Iterator[Path]:
    """Yield the fixtures that state to hold a code."""
    for path in [*BROKEN.glob("*.yaml"), *_SCENARIOS.glob("*.yaml")]:
        expected = path.read_text(encoding="utf-8").partition("\n")[0]
        if re.search(rf"\b{code}@", expected):
            yield path


def _rank(path: Path, kind: str) -> tuple[bool, bool, str]:
    name = path.stem
    return name != kind, not name.endswith(kind), name


def _without_expectation(text: str) -> str:
    return text.partition("\n")[2]


def _from_plan(path: Path, kind: str) -> Example:
    bundle = Bundle.read(path)
    plan = _without_expectation(bundle.texts[path.name])
    referred = {name: text for name, text in bundle.texts.items() if name != path.name}
    return Example(kind, _PLAN, {**_sample(), **referred, _PLAN: plan}, bundle.unread)


def _from_scenario(path: Path, kind: str) -> Example:
    scenario = {path.name: _without_expectation(read_text(path))}
    own = _PARTS / f"plan-{path.stem}.yaml"
    plan = {_PLAN: read_text(own)} if own.is_file() else {}
    return Example(kind, path.name, {**_sample(), **plan, **scenario}, is_scenario=True)


def _sample() -> dict[str, str]:
    parts = {f"parts/{name}.yaml": name for name in ("agencies", "calendar")}
    return {
        _PLAN: read_text(_PARTS / "plan.yaml"),
        **{shown: read_text(_PARTS / f"{name}.yaml") for shown, name in parts.items()},
    }


def _unopened(kind: str) -> Example:
    """A register of megabytes is not shipped; that it was not opened is all that counts."""
    example = Example(kind, _PLAN, _sample(), {"parts/scan.yaml": kind})
    return example.changed(_PLAN, "parts/agencies.yaml", "parts/scan.yaml")


def _too_many(kind: str) -> Example:
    needs = "\n".join(["    needs:", *["      - reports"] * (MOST_ENTRIES + 1)])
    return Example(kind, _PLAN, _sample()).changed(_PLAN, "    needs: [reports]", needs)


def _foreign(kind: str) -> Example:
    """The title as TCVN3 ("ABC") writes it, read as `Bundle.read` reads it."""
    title = b"title: K\xd5 ho\xb9ch m\xc9u".decode("utf-8", errors="surrogateescape")
    return Example(kind, _PLAN, _sample()).changed(_PLAN, "title: Kế hoạch mẫu", title)


def _long_line(kind: str) -> Example:
    long = "title: " + "Báo cáo tổng kết công tác " * 5_000
    return Example(kind, _PLAN, _sample()).changed(_PLAN, "title: Kế hoạch mẫu", long.rstrip())


def _many_faults(kind: str) -> Example:
    line = "    needs: [reports]"
    return Example(kind, _PLAN, _sample()).changed(_PLAN, line, "\n".join([line] * 2_000))


_BUILT: Mapping[str, Callable[[str], Example]] = {
    "file-too-large": _unopened,
    "not-utf8": _foreign,
    "too-many-files": _unopened,
    "line-too-long": _long_line,
    "too-many-faults": _many_faults,
    "too-many-values": _too_many,
}

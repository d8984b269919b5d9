"""Explanations: what each diagnostic code means, why it matters and what to do.

The words stand in the catalogue (`language/*/faults.toml`, `fault.<kind>`); the pages in
docs/faults/ and `dondoc explain` show them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from language.catalogue import passage
from plan_definitions.diagnostics import RULES, Severity, nearest, severity_of

_SCENARIOS, _GROUP_OF_ADVICE = "18", "20"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A code explained in one language. `instead` are the lines put right, as YAML."""

    kind: str
    title: str
    what: str
    why: str
    mend: str
    instead: str

    @property
    def code(self) -> str:
        """The stable code, such as DD131."""
        return RULES[self.kind]

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return severity_of(self.kind)

    @property
    def group(self) -> str:
        """The tens that the code belongs to, as `fault-group` names them."""
        tens = self.code[2:4]
        return tens if tens < _GROUP_OF_ADVICE else _GROUP_OF_ADVICE

    def means(self, language: str = "vi") -> str:
        """Say what its severity means for the plan, or for the scenario that it is found in."""
        what = "scenario-means" if self.group == _SCENARIOS else f"{self.severity}-means"
        return passage(language, f"fault-page.{what}")


def explain(kind: str, language: str = "vi") -> Explanation:
    """Return the explanation of a kind. Raises UnknownText if nobody has written it."""
    parts = ("title", "what", "why", "mend", "instead")
    return Explanation(kind, *(passage(language, f"fault.{kind}.{part}") for part in parts))


def explain_all(language: str = "vi") -> Iterator[Explanation]:
    """Yield the explanation of every code, in their order."""
    for kind in sorted(RULES, key=RULES.__getitem__):
        yield explain(kind, language)


def by_group(language: str = "vi") -> Mapping[str, list[Explanation]]:
    """Return every explanation, by the name of its group of codes."""
    found: dict[str, list[Explanation]] = {}
    for explanation in explain_all(language):
        name = passage(language, f"fault-group.{explanation.group}")
        found.setdefault(name, []).append(explanation)
    return found


def find_kind(name: str) -> str | None:
    """Return the kind that a code (DD131, dd131, 131) or a kind's own name stands for."""
    word = name.strip().casefold()
    code = f"DD{word.removeprefix('dd')}"
    return next((kind for kind in RULES if word == kind or RULES[kind] == code), None)


def nearest_code(name: str) -> str | None:
    """Return the code or the kind that `name` was probably meant to be."""
    word = name.strip().casefold()
    digits = word.removeprefix("dd")
    if digits.isdecimal():
        code = f"DD{digits}"
        begun = sorted(known for known in RULES.values() if known.startswith(code))
        return begun[0] if begun else nearest(code, RULES.values())
    return nearest(word, RULES)

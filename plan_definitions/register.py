"""Register: the agencies, their groups and communes, and how groups expand.

A plan may name several registers, and add groups of its own; together they are one. Besides
ids and groups a task may name `communes`, all of them, or `communes of X`, those that
stand under an agency or under every agency of a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from engine.plan import Agency
from plan_definitions.arrangement import arrange
from plan_definitions.contacts import check_contacts, contacts_of
from plan_definitions.dates import bare, fold
from plan_definitions.diagnostics import nearest
from plan_definitions.reading.validation import Findings
from plan_definitions.reading.yaml_source import Document, Path
from plan_definitions.schema import AgencyForm, CommuneForm, RegisterForm

COMMUNE = "commune"
ALL_COMMUNES = "communes"
_COMMUNES_OF = re.compile(r"(?:communes of|các xã của|xã của) (?P<of>\S+)")


@dataclass(frozen=True, slots=True)
class Part:
    """What one file says of agencies: a register, or the groups of a plan."""

    document: Document
    agencies: Mapping[str, AgencyForm]
    groups: Mapping[str, Sequence[str]]
    communes: Mapping[str, Mapping[str, CommuneForm]]

    @classmethod
    def of(cls, form: RegisterForm, document: Document) -> Part:
        """Return what a register says."""
        return cls(document, form.agencies, form.groups, form.communes)

    def written(self) -> Iterator[str]:
        """Yield every id and group that is written, also where its line is at fault."""
        document = self.document
        yield from document.keys_at("agencies")
        yield from document.keys_at("groups")
        for parent in document.keys_at("communes"):
            yield from document.keys_at("communes", parent)

    def paths(self) -> Iterator[Path]:
        """Yield where each agency, group and commune stands."""
        yield from (("agencies", key) for key in self.agencies)
        yield from (("groups", key) for key in self.groups)
        for parent, keys in self.communes.items():
            yield from (("communes", parent, key) for key in keys)


@dataclass(frozen=True)
class Register:
    """The agencies by id, and the groups with their members, each once, in order.

    `known` holds every id and group that is written, also those whose lines are at fault;
    `places` says of each agency in which file and where it stands.
    """

    agencies: Mapping[str, Agency]
    groups: Mapping[str, tuple[str, ...]]
    known: frozenset[str]
    places: Mapping[str, tuple[Document, Path]]

    def expand(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the agencies that ids and groups stand for, each once, in their order.

        The same names give the very same tuple: thousands of tasks are owed by one group.
        """
        wanted = tuple(names)
        expanded = self._expanded.get(wanted)
        if expanded is None:
            found: dict[str, None] = {}
            for name in wanted:
                if name in self.agencies:
                    found[name] = None
                else:
                    found.update(dict.fromkeys(self._members(name)))
            expanded = self._expanded[wanted] = tuple(found)
        return expanded

    @cached_property
    def _expanded(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        return {}

    def _members(self, name: str) -> Iterable[str]:
        if name in self.groups:
            return self.groups[name]
        if name == ALL_COMMUNES:
            return [agency.id for agency in self.agencies.values() if agency.kind == COMMUNE]
        if found := _COMMUNES_OF.fullmatch(name):
            return [c for parent in self.expand([found["of"]]) for c in self.communes_of(parent)]
        return ()

    def knows(self, name: str) -> bool:
        """Say whether a name is an agency, a group, or the communes of one."""
        if name in self.known or name == ALL_COMMUNES:
            return True
        found = _COMMUNES_OF.fullmatch(name)
        return found is not None and found["of"] in self.known

    def communes_of(self, agency: str) -> tuple[str, ...]:
        """Return the communes that stand under an agency."""
        return self._communes.get(agency, ())

    def communes_by(self, agencies: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the communes of those agencies that have any."""
        found = ((agency, self._communes.get(agency, ())) for agency in agencies)
        return {agency: communes for agency, communes in found if communes}

    @cached_property
    def _communes(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for agency in self.agencies.values():
            if agency.kind == COMMUNE and agency.parent:
                found.setdefault(agency.parent, []).append(agency.id)
        return {parent: tuple(communes) for parent, communes in found.items()}

    def nearest(self, written: str) -> str | None:
        """Return the id or group that was probably meant, also where a name was written."""
        if found := _COMMUNES_OF.fullmatch(written):
            near = self.nearest(found["of"])
            return None if near is None else f"communes of {near}"
        return nearest_agency(written, self.agencies.values(), self.groups)

    def note(self, findings: Findings, kind: str, agency: str, **values: object) -> None:
        """Note something about an agency, at the line where it stands."""
        document, path = self.places[agency]
        variant = str(values.pop("variant", ""))
        findings.add(document, kind, *path, key=True, variant=variant, **values)


def nearest_agency(
    written: str, agencies: Iterable[Agency], groups: Iterable[str] = ()
) -> str | None:
    """Return the id that was probably meant by `written`, which may be a name."""
    named = {fold(agency.name): agency.id for agency in agencies}
    if fold(written) in named:
        return named[fold(written)]
    found = nearest(written, [*named.values(), *groups])
    if found is None:
        plain = {bare(name): agency for name, agency in named.items()}
        near = nearest(bare(written), plain) if bare(written) not in plain else bare(written)
        found = plain[near] if near is not None else None
    return found


def build_register(parts: Sequence[Part], findings: Findings) -> Register:
    """Return the register that several files state together; what is wrong in it is noted."""
    agencies: dict[str, Agency] = {}
    places: dict[str, tuple[Document, Path]] = {}
    for part in parts:
        for path, agency in _agencies(part):
            if agency.id not in agencies:
                agencies[agency.id] = agency
                places[agency.id] = (part.document, path)
    _check_ids(parts, findings)
    homes = {group: part for part in reversed(parts) for group in part.groups}
    written = {group: part.groups[group] for group, part in homes.items()}
    arranged = arrange(written)
    register = Register(
        agencies=agencies,
        groups=_expanded(written, agencies, arranged.order),
        known=frozenset(key for part in parts for key in part.written()),
        places=places,
    )
    for part in parts:
        _check_groups(part, register, findings)
        _check_parents(part, register, findings)
        _check_contacts(part, findings)
    for circle in arranged.circles:
        shown = " → ".join(circle)
        document = homes[circle[0]].document
        findings.add(document, "group-cycle", "groups", circle[0], key=True, circle=shown)
    return register


def _agencies(part: Part) -> Iterator[tuple[Path, Agency]]:
    for key, agency in part.agencies.items():
        yield (
            ("agencies", key),
            Agency(
                id=key,
                name=agency.name,
                kind=agency.kind,
                email=agency.email,
                parent=agency.parent or None,
                note=agency.note,
                contacts=contacts_of(agency.contacts) if agency.contacts else (),
            ),
        )
    for parent, communes in part.communes.items():
        for key, commune in communes.items():
            yield (
                ("communes", parent, key),
                Agency(
                    id=key,
                    name=commune.name,
                    kind=COMMUNE,
                    email=commune.email,
                    parent=parent,
                    note=commune.note,
                    contacts=contacts_of(commune.contacts) if commune.contacts else (),
                ),
            )


def _expanded(
    written: Mapping[str, Sequence[str]], agencies: Mapping[str, Agency], order: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return the members of each group, those of a group within it among them."""
    found: dict[str, tuple[str, ...]] = {}
    for group in order:
        found[group] = Register(agencies, found, frozenset(), {}).expand(written[group])
    return {group: found[group] for group in written if group in found}


def _check_ids(parts: Sequence[Part], findings: Findings) -> None:
    """Note ids that two things have, in one file or in two."""
    first: dict[str | int, tuple[Document, Path]] = {}
    for part in parts:
        for path in part.paths():
            name = path[-1]
            if name in first:
                document, earlier = first[name]
                findings.add(
                    part.document,
                    "id-used-twice",
                    *path,
                    key=True,
                    variant="" if document is part.document else "file",
                    name=name,
                    file=document.file,
                    line=document.mark(earlier, key=True)[0],
                )
            first.setdefault(name, (part.document, path))


def _check_groups(part: Part, register: Register, findings: Findings) -> None:
    for group, members in part.groups.items():
        for index, member in enumerate(members):
            if not register.knows(member):
                near = partial(register.nearest, member)
                at = ("groups", group, index)
                findings.unknown(part.document, "unknown-agency", *at, near=near, name=member)


def _check_contacts(part: Part, findings: Findings) -> None:
    for key, agency in part.agencies.items():
        if agency.contacts:
            check_contacts(agency.contacts, part.document, findings, "agencies", key)
    for parent, communes in part.communes.items():
        for key, commune in communes.items():
            if commune.contacts:
                check_contacts(commune.contacts, part.document, findings, "communes", parent, key)


def _check_parents(part: Part, register: Register, findings: Findings) -> None:
    for key, agency in part.agencies.items():
        if agency.parent in register.groups:
            at = ("agencies", key, "parent")
            findings.add(part.document, "group-not-agency", *at, name=agency.parent)
        elif agency.parent and agency.parent not in register.known:
            near = partial(register.nearest, agency.parent)
            at = ("agencies", key, "parent")
            findings.unknown(part.document, "unknown-agency", *at, near=near, name=agency.parent)
    for parent in part.communes:
        if parent not in register.known:
            findings.unknown(
                part.document,
                "unknown-agency",
                "communes",
                parent,
                key=True,
                near=partial(register.nearest, parent),
                name=parent,
            )

"""Register: the agencies, their groups and communes, and how groups expand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.plan import Agency
from plan_definitions.arrangement import arrange
from plan_definitions.dates import bare, fold
from plan_definitions.diagnostics import nearest
from plan_definitions.schema import RegisterForm
from plan_definitions.validation import Findings
from plan_definitions.yaml_source import Document

COMMUNE = "commune"


@dataclass(frozen=True)
class Register:
    """The agencies by id, and the groups with their members, each once, in order.

    `known` holds every id and group that is written, also those whose lines are at fault.
    """

    document: Document
    agencies: Mapping[str, Agency]
    groups: Mapping[str, tuple[str, ...]]
    known: frozenset[str]

    def expand(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the agencies that ids and groups stand for, each once, in their order."""
        found: dict[str, None] = {}
        for name in names:
            if name in self.agencies:
                found[name] = None
            else:
                found.update(dict.fromkeys(self.groups.get(name, ())))
        return tuple(found)

    def communes_of(self, agency: str) -> tuple[str, ...]:
        """Return the communes that stand under an agency."""
        return self._communes.get(agency, ())

    @property
    def _communes(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for agency in self.agencies.values():
            if agency.kind == COMMUNE and agency.parent:
                found.setdefault(agency.parent, []).append(agency.id)
        return {parent: tuple(communes) for parent, communes in found.items()}

    def nearest(self, written: str) -> str | None:
        """Return the id or group that was probably meant, also where a name was written."""
        return nearest_agency(written, self.agencies.values(), self.groups)

    def path(self, agency: str) -> tuple[str, ...]:
        """Return where an agency stands in the register's file."""
        found = self.agencies[agency]
        if found.kind == COMMUNE and found.parent and agency not in self._written_agencies:
            return ("communes", found.parent, agency)
        return ("agencies", agency)

    @property
    def _written_agencies(self) -> Sequence[str]:
        return self.document.keys_at("agencies")


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


def build_register(form: RegisterForm, document: Document, findings: Findings) -> Register:
    """Return the register that a form states; what is wrong in it is noted."""
    agencies = _agencies(form)
    known = frozenset(
        [
            *document.keys_at("agencies"),
            *document.keys_at("groups"),
            *(
                c
                for parent in document.keys_at("communes")
                for c in document.keys_at("communes", parent)
            ),
        ]
    )
    _check_ids(form, document, findings)
    arranged = arrange(form.groups)
    groups = _expanded(form, agencies, arranged.order)
    register = Register(document, agencies, groups, known)
    _check_groups(form, register, findings)
    for circle in arranged.circles:
        shown = " → ".join(circle)
        findings.add(document, "group-cycle", "groups", circle[0], key=True, circle=shown)
    _check_parents(form, register, findings)
    return register


def _agencies(form: RegisterForm) -> dict[str, Agency]:
    found = {
        key: Agency(
            id=key,
            name=agency.name,
            kind=agency.kind,
            email=agency.email,
            parent=agency.parent or None,
            note=agency.note,
        )
        for key, agency in form.agencies.items()
    }
    for parent, communes in form.communes.items():
        for key, commune in communes.items():
            found.setdefault(
                key,
                Agency(
                    id=key,
                    name=commune.name,
                    kind=COMMUNE,
                    email=commune.email,
                    parent=parent,
                    note=commune.note,
                ),
            )
    return found


def _expanded(
    form: RegisterForm, agencies: Mapping[str, Agency], order: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return the members of each group, those of a group within it among them."""
    found: dict[str, tuple[str, ...]] = {}
    for group in order:
        members: dict[str, None] = {}
        for part in form.groups[group]:
            members.update(dict.fromkeys((part,) if part in agencies else found.get(part, ())))
        found[group] = tuple(members)
    return {group: found[group] for group in form.groups if group in found}


def _check_ids(form: RegisterForm, document: Document, findings: Findings) -> None:
    """Note ids that two things have."""
    first: dict[str, int] = {}
    paths = [("agencies", key) for key in form.agencies]
    paths += [("groups", key) for key in form.groups]
    communes = [("communes", parent, key) for parent, keys in form.communes.items() for key in keys]
    for path in [*paths, *communes]:
        if path[-1] in first:
            line = first[path[-1]]
            findings.add(document, "id-used-twice", *path, key=True, name=path[-1], line=line)
        first.setdefault(path[-1], document.mark(path, key=True)[0])


def _check_groups(form: RegisterForm, register: Register, findings: Findings) -> None:
    for group, members in form.groups.items():
        for index, member in enumerate(members):
            if member not in register.known:
                near = register.nearest(member)
                findings.unknown(
                    register.document,
                    "unknown-agency",
                    "groups",
                    group,
                    index,
                    near=near,
                    name=member,
                )


def _check_parents(form: RegisterForm, register: Register, findings: Findings) -> None:
    paths = [(("agencies", key, "parent"), a.parent) for key, a in form.agencies.items()]
    for path, parent in paths:
        if parent and parent not in register.known:
            near = register.nearest(parent)
            findings.unknown(register.document, "unknown-agency", *path, near=near, name=parent)
    for parent in form.communes:
        if parent not in register.known:
            findings.add(
                register.document,
                "unknown-agency",
                "communes",
                parent,
                key=True,
                name=parent,
                near=register.nearest(parent),
                variant="near" if register.nearest(parent) else "",
            )

"""Letter: an official letter in words, before it is a document. The form only lays it out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above every official letter: who issues it, its number, place and date."""

    above: str
    issuer: str
    nation: str
    motto: str
    number: str
    place: str


@dataclass(frozen=True, slots=True)
class Item:
    """A task that the recipient is late with, and what is known of it."""

    title: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One late body."""

    number: int
    name: str
    due: str
    days: int
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The late bodies of one task; `mark` is its Roman numeral where there are several."""

    mark: str
    title: str
    chains: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The late bodies, task by task, with the words of the row that heads each page."""

    opening: str
    columns: tuple[str, str, str, str, str]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and of whom."""

    lead: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that a letter says, in order."""

    heading: Heading
    about: str
    draft: str
    footer: str
    to_lead: str
    to: tuple[str, ...]
    opening: str
    items: tuple[Item, ...]
    table: Table | None
    requests: tuple[Request, ...]
    closings: tuple[str, ...]
    recipients_lead: str
    recipients: tuple[str, ...]
    power: str
    signer: str

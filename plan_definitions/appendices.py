"""Appendices: references such as *Điểm 2, 4 Mục 3 Phụ lục I*, as documents write them.

A reference names an appendix (*Phụ lục*, *Biểu*, *Mẫu*, *Bảng*), and of it everything,
everything but some items, some items (*Mục*), or some points (*điểm*) of one item. Roman and
Arabic numbers are the same number: *Phụ lục II* is *Phụ lục 2*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.plan import AppendixRef
from plan_definitions.dates import fold, tidy
from plan_definitions.diagnostics import Misread

MOST_ITEMS = 500
"""Items of one appendix; a reference of more is a slip of the pen."""

_ROMAN = {"i": 1, "v": 5, "x": 10}
_NUMBER = r"\b(?:\d{1,3}[a-zđ]?|[ivx]{1,5}|[a-zđ])\b"
_LIST = rf"{_NUMBER}(?:(?: ?, ?| ?; ?| và | ?[-–] ?| đến )(?:mục |điểm )?{_NUMBER})*"
_APPENDIX = (
    r"(?P<kind>phụ lục|biểu mẫu|biểu|mẫu|bảng|appendix)"
    r"(?: số)? ?(?P<id>[ivx]{1,6}|\d{1,3}[a-zđ]?|[a-zđ])"
)
_OF = r"(?:,| của| thuộc| tại| trong)? "
_LESS = (
    rf"(?: \(?(?:trừ|ngoài|không gồm|không tổng hợp|less)(?: các)? (?:mục )?(?P<less>{_LIST})\)?)?"
)
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_APPENDIX}{_LESS}",
        rf"(?:các )?mục (?P<items>{_LIST}){_OF}{_APPENDIX}",
        rf"{_APPENDIX}[,:;]? \(?(?:các )?mục (?P<items>{_LIST})\)?",
        rf"(?:các )?điểm (?P<points>{_LIST}){_OF}mục (?P<items>{_NUMBER}){_OF}{_APPENDIX}",
        rf"{_APPENDIX}[,:;]? \(?mục (?P<items>{_NUMBER})[,:;]?"
        rf" (?:các )?điểm (?P<points>{_LIST})\)?",
    )
)
_TWINS = ((), ("items",), ("item",), ("items", "points"), ("item", "points"), ("less",))
"""What may stand beside the appendix in a structured twin; points are those of an item."""
_RANGE = re.compile(r"(\d{1,3}) ?(?:[-–]| đến) ?(?:mục |điểm )?(\d{1,3})")


def read_appendix(written: Any) -> AppendixRef:
    """Return what a text or its structured twin refers to.

    The twin is `{appendix: I, items: [3, 4]}`, `{appendix: I, less: [3]}` or
    `{appendix: I, items: 3, points: [2, 4]}`. Raises Misread `appendix-not-understood`.
    """
    if isinstance(written, Mapping):
        return _read_twin(written)
    if not isinstance(written, str):
        raise Misread("appendix-not-understood", written=str(written)[:80])
    said = fold(written).rstrip(" .;,")
    found = None
    if len(said) <= 300:
        found = next((match for form in _FORMS if (match := form.fullmatch(said))), None)
    if found is None:
        # `[Mục 3, 4 Phụ lục I]` without quotes comes as two values.
        lone = re.fullmatch(rf"(?:mục |điểm )?{_LIST}(?:{_OF}{_APPENDIX})?", said) is not None
        raise Misread(
            "appendix-not-understood", variant="comma" if lone else "", written=tidy(written)
        )
    parts = found.groupdict()
    return AppendixRef(
        text=tidy(written),
        appendix=label(parts["id"], parts["kind"]),
        items=_numbers(parts.get("items")),
        points=_numbers(parts.get("points")),
        less=_numbers(parts.get("less")),
    )


def label(number: str, kind: str = "phụ lục") -> str:
    """Return how an appendix is called: *Phụ lục I*, *Biểu 02*."""
    noun = "phụ lục" if kind == "appendix" else kind
    return f"{noun[0].upper()}{noun[1:]} {number.upper()}"


def read_label(written: str) -> str:
    """Return the label of an appendix that a plan lists: `I`, `2` or `Biểu 02`. Raises Misread."""
    said = fold(written)
    found = re.fullmatch(_APPENDIX, said) or re.fullmatch(_APPENDIX, f"phụ lục {said}")
    if found is None:
        raise Misread("appendix-not-understood", variant="label", written=tidy(written))
    return label(found["id"], found["kind"])


def key_of(label: str) -> str:
    """Return what two labels of one appendix have in common: *Phụ lục II* and *Phụ lục 02*."""
    kind, _, number = fold(label).rpartition(" ")
    if number and set(number) <= set(_ROMAN):
        values = [_ROMAN[sign] for sign in number]
        following = [*values[1:], 0]
        number = str(
            sum(-v if v < after else v for v, after in zip(values, following, strict=True))
        )
    return f"{kind} {number.lstrip('0') or '0'}"


def _numbers(listed: str | None) -> tuple[str, ...]:
    """Return the numbers of a list, its ranges written out, each once."""
    if not listed:
        return ()
    spread = _RANGE.sub(_spread, listed)
    found = re.findall(_NUMBER, spread)
    if len(found) > MOST_ITEMS:
        raise Misread("appendix-not-understood", written=listed[:80])
    return tuple(dict.fromkeys(number.lstrip("0") or "0" for number in found))


def _spread(found: re.Match[str]) -> str:
    first, last = int(found[1]), int(found[2])
    if last < first:
        raise Misread("appendix-not-understood", written=found[0])
    return ", ".join(str(number) for number in range(first, last + 1))


def _read_twin(written: Mapping[str, Any]) -> AppendixRef:
    parts = {key: _joined(value) for key, value in written.items()}
    fits = any({"appendix", *keys} == set(parts) for keys in _TWINS)
    numbers = {key: text for key, text in parts.items() if key != "appendix"}
    if not fits or not all(re.fullmatch(_LIST, fold(text)) for text in numbers.values()):
        raise Misread("appendix-not-understood", variant="twin", written=_shown(written))
    items = parts.get("items", parts.get("item"))
    place = read_label(parts["appendix"])
    if items and "points" in parts:
        said = f"Điểm {parts['points']} Mục {items} {place}"
    elif items:
        said = f"Mục {items} {place}"
    else:
        said = f"{place} (trừ Mục {parts['less']})" if "less" in parts else place
    return read_appendix(said)


def _joined(value: Any) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)


def _shown(written: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_joined(value)}" for key, value in written.items())[:80] + "}"

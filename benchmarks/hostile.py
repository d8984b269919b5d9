"""Files that were written, or spoilt, to crash, stop or fool who reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.plans import plan_text

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Hostile:
    """A file, and a kind of fault that it deserves ("": it is a good plan)."""

    make: Callable[[], bytes]
    kind: str


def _text(make: Callable[[], str], kind: str, encoding: str = "utf-8") -> Hostile:
    return Hostile(lambda: make().encode(encoding), kind)


def _plan(end: str = "\n", start: str = "") -> str:
    return start + plan_text(40).replace("\n", end)


def _with(old: str, new: str) -> str:
    """Return a good plan but for one place."""
    text = plan_text(40)
    assert old in text
    return text.replace(old, new, 1)


def _large() -> str:
    """Return a good plan of a megabyte."""
    return plan_text(2400)


def _indented(depth: int) -> str:
    return "\n".join(f"{' ' * n}a:" for n in range(depth))


def _aliases() -> str:
    bomb = "".join(f"k{n}: &k{n} [*k{n - 1},*k{n - 1}]\n" for n in range(1, 60))
    return f"k0: &k0 [x,x]\n{bomb}"


def _merges() -> str:
    bomb = "".join(f"k{n}: &k{n} {{<<: [*k{n - 1},*k{n - 1}]}}\n" for n in range(1, 30))
    return f"k0: &k0 {{x: y}}\n{bomb}"


def _changed(old: str, new: str) -> Hostile:
    return _text(lambda: _with(old, new), "control-character")


_UNSEEN = "\u200b\u202e\u2066\u00ad\u2060\ufeff\u2028\x85\U000e0041"
_ESCAPES = ("\\r", "\\n", "\\L", "\\N", "\\u200B", "\\t", "\\_")

HOSTILE: Mapping[str, Hostile] = {
    # Deep
    "50,000 brackets": _text(lambda: "plan: " + "[" * 50_000, "too-deep"),
    "50,000 brackets on lines of their own": _text(lambda: "[\n" * 50_000, "too-deep"),
    "20,000 braces": _text(lambda: "{a: " * 20_000, "too-deep"),
    "50,000 dashes": _text(lambda: "- " * 49_999, "too-deep"),
    "50,000 question marks": _text(lambda: "? " * 49_999, "key-not-text"),
    "2,000 levels by indentation": _text(lambda: _indented(2000), "too-deep"),
    "a million brackets": _text(lambda: "[" * MEGABYTE, "line-too-long"),
    # Bombs
    "a bomb of aliases": _text(_aliases, "anchor"),
    "a bomb of merge keys": _text(_merges, "anchor"),
    "20,000 anchors": _text(lambda: "".join(f"k{n}: &a{n} x\n" for n in range(20_000)), "anchor"),
    "20,000 tags": _text(lambda: "".join(f"k{n}: !!int 1\n" for n in range(20_000)), "tag"),
    "a tag that would run a program": _text(
        lambda: 'plan: !!python/object/apply:os.system ["true"]\n', "tag"
    ),
    # Large
    "10 MB of one text": _text(lambda: "plan: " + "x" * 10 * MEGABYTE, "file-too-large"),
    "10 MB of zeros": Hostile(lambda: bytes(10 * MEGABYTE), "file-too-large"),
    "10 MB of lines": _text(lambda: "a: b\n" * 2 * MEGABYTE, "file-too-large"),
    "6 MB of one text": _text(lambda: "plan: " + "x" * (6 * MEGABYTE - 6), "line-too-long"),
    "6 MB of empty lines": _text(lambda: "\n" * 6 * MEGABYTE, "file-too-large"),
    "6 MB of comments": _text(lambda: ("#" * 99 + "\n") * 60_000, "empty-file"),
    "6 MB of a text of many lines": _text(
        lambda: "plan: |\n" + ("  " + "x" * 97 + "\n") * 59_999, "line-too-long"
    ),
    "6 MB within a quote": _text(lambda: 'plan: "' + ("x" * 99 + "\n") * 59_999, "yaml-syntax"),
    "a megabyte of any bytes": Hostile(
        lambda: bytes(n * n % 251 for n in range(MEGABYTE)), "not-utf8"
    ),
    "a key of a megabyte": _text(lambda: "k" * MEGABYTE + ": v", "line-too-long"),
    "a key of 5,000 letters": _text(lambda: "k" * 5000 + ": v", "yaml-syntax"),
    "a list of a megabyte on a line": _text(
        lambda: "plan: [" + "x," * (MEGABYTE // 2) + "]", "line-too-long"
    ),
    "a list of 200,000 lines": _text(lambda: "plan: [" + "x,\n" * 200_000 + "]", "too-many-values"),
    "100,000 keys": _text(lambda: "".join(f"k{n}: v\n" for n in range(100_000)), "too-many-values"),
    "100,000 items": _text(lambda: "plan:\n" + "- v\n" * 100_000, "too-many-values"),
    "100,000 times one key": _text(lambda: "k: v\n" * 100_000, "duplicate-key"),
    "15,000 keys that no plan has": _text(
        lambda: "".join(f"k{n}: v\n" for n in range(15_000)), "unknown-key"
    ),
    # Spoilt
    "a quote open at the end of a megabyte": _text(lambda: _large() + '\nx: "a\n', "yaml-syntax"),
    "a bracket open at the end of a megabyte": _text(lambda: _large() + "\nx: [a\n", "yaml-syntax"),
    "100,000 tabs": _text(lambda: "plan:\n" + "\ta: b\n" * 100_000, "tab"),
    "spaces that are none": _changed("title: ", "title:\xa0"),
    "spaces that are none in the indentation": _changed("    ref:", "\xa0 \xa0 ref:"),
    "50,000 documents": _text(lambda: "---\na: b\n" * 50_000, "several-documents"),
    "a directive of another YAML": _text(lambda: "%YAML 9.9\n---\na: b\n", "yaml-syntax"),
    "a directive of 5,000 digits": _text(lambda: f"%YAML 1.{'9' * 5000}\n---\n", "yaml-syntax"),
    "a directive that fits": _text(lambda: "%YAML 1.1\n---\n" + _plan(), ""),
    "a line of dashes first": _text(lambda: "---\n" + _plan(), ""),
    # Empty
    "nothing": _text(lambda: "", "empty-file"),
    "only a byte order mark": _text(lambda: "\ufeff", "empty-file"),
    "only white space": _text(lambda: " \n\n  \n", "empty-file"),
    "only comments": _text(lambda: "# a\n# b\n", "empty-file"),
    "only an empty mapping": _text(lambda: "{}\n", "empty-file"),
    "only a word": _text(lambda: "plan\n", "wrong-type"),
    # Encodings and line ends
    "UTF-16 with its mark": _text(_plan, "not-utf8", "utf-16"),
    "UTF-16, little end first": _text(_plan, "not-utf8", "utf-16-le"),
    "UTF-16, big end first": _text(_plan, "not-utf8", "utf-16-be"),
    "UTF-32": _text(_plan, "not-utf8", "utf-32"),
    "Windows-1258": _text(lambda: "plan: a\ntitle: Đôn đôc\n", "not-utf8", "cp1258"),
    "Latin-1": _text(lambda: "plan: a\ntitle: dôn dôc\n", "not-utf8", "latin-1"),
    "halves of letters": Hostile(lambda: b"plan: \xed\xa0\xbd\xed\xb8\x80\n", "not-utf8"),
    "byte order mark and CRLF": _text(lambda: _plan("\r\n", "\ufeff"), ""),
    "CR alone": _text(lambda: _plan("\r"), ""),
    "CR, CRLF and LF in turn": _text(lambda: _plan("\r\n").replace("\r\n  ", "\r  "), ""),
    "a NUL": _changed("title: ", "title: \0"),
    "a NUL in a key": _changed("title: ", "ti\0tle: "),
    "an escaped NUL in a key": _changed("title: ", '"ti\\0tle": '),
    # What nobody sees
    **{f"U+{ord(sign):04X} in an id": _changed("task-1:", f"task{sign}-1:") for sign in _UNSEEN},
    **{
        f"U+{ord(sign):04X} in a title": _changed("title: B", f"title: B{sign}") for sign in _UNSEEN
    },
    **{f"{escape} in a key": _changed("title: ", f'"ti{escape}tle": ') for escape in _ESCAPES},
}
"""By what they are, in English."""

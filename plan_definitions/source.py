"""Source: the exact texts that a plan is written in, so that the very files can be kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from plan_definitions.yaml_source import parse

LARGEST = 2_000_000
"""Bytes of a file; a plan of a whole province takes a fiftieth of it."""

REFERENCES = ("agencies", "calendar")


@dataclass(frozen=True)
class Bundle:
    """A plan file and all that it refers to.

    `texts` maps each file, named relative to the plan file, to its exact text; a byte that
    is no UTF-8 is kept as a lone surrogate. `unread` says of a file why its text is
    missing: `missing-file`, `file-too-large` or `bad-path`. `folder` is where it was read.
    """

    main: str
    texts: Mapping[str, str]
    unread: Mapping[str, str] = field(default_factory=dict, compare=False)
    folder: str = field(default="", compare=False)

    @classmethod
    def read(cls, path: Path | str) -> Bundle:
        """Read a plan file and the files that it names. Never fails: `check` says what is wrong."""
        path = Path(path)
        texts: dict[str, str] = {}
        unread: dict[str, str] = {}
        _take(path, path.name, texts, unread)
        for name in _referred(texts.get(path.name, "")):
            if not _is_plain_reference(name):
                unread[name] = "bad-path"
            else:
                _take(path.parent / name, name, texts, unread)
        return cls(path.name, texts, unread, str(path.parent))

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the names and texts, as 64 hexadecimal digits."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()

    def shown(self, name: str) -> str:
        """Return the name of a file as its reader knows it: the path from where he stands."""
        return os.path.normpath(Path(self.folder) / name) if self.folder else name

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value from which `from_json` rebuilds an equal bundle."""
        return {"main": self.main, "texts": dict(self.texts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Bundle:
        """Rebuild what `to_json` wrote."""
        return cls(data["main"], dict(data["texts"]))


def read_text(path: Path) -> str:
    """Return the text of a file, each byte that is no UTF-8 as a lone surrogate.

    Raises OSError where it cannot be read, or is larger than LARGEST.
    """
    if path.stat().st_size > LARGEST:
        raise OSError(f"{path}: more than {LARGEST} bytes")
    return path.read_bytes().decode("utf-8", errors="surrogateescape")


def _take(path: Path, name: str, texts: dict[str, str], unread: dict[str, str]) -> None:
    try:
        if not path.is_file():  # a pipe or a device would never end
            unread[name] = "missing-file"
        elif path.stat().st_size > LARGEST:
            unread[name] = "file-too-large"
        else:
            texts[name] = read_text(path)
    except (OSError, ValueError):
        unread[name] = "missing-file"


def _referred(text: str) -> list[str]:
    document, _ = parse("", text)
    value = document.value if document is not None else None
    if not isinstance(value, dict):
        return []
    written = [value.get(key) for key in REFERENCES]
    names = [name for one in written for name in (one if isinstance(one, list) else [one])]
    return [name for name in names if isinstance(name, str) and name]


def _is_plain_reference(name: str) -> bool:
    """Only YAML files beside the plan: a plan sent by others must not show other files."""
    path = PurePosixPath(name)
    return not path.is_absolute() and path.suffix in {".yaml", ".yml"} and "\\" not in name

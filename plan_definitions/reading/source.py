"""Source: the exact texts that a plan is written in, so that the very files can be kept."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import posixpath
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from plan_definitions.dates import tidy
from plan_definitions.diagnostics import Diagnostic
from plan_definitions.reading.yaml_source import LARGEST, Document, parse

SUFFIXES = (".yaml", ".yml")
MOST_FILES = 50
"""Files that a plan may lead to, itself and those that are not there counted."""

_REFERENCES = ("agencies", "calendar", "extends")
"""The keys under which a file names others: a plan its registers and its calendar, an
overlay the one that it extends."""

Parsed: TypeAlias = tuple[Document | None, list[Diagnostic]]


@dataclass(frozen=True)
class Bundle:
    """A plan file and all that it refers to.

    `texts` maps each file, named relative to the plan file, to its exact text; a byte that
    is no UTF-8 is kept as a lone surrogate. `unread` says of a file why its text is
    missing: `missing-file`, `file-too-large`, `bad-path` or `too-many-files`. `folder` is
    where it was read.
    """

    main: str
    texts: Mapping[str, str]
    unread: Mapping[str, str] = field(default_factory=dict, compare=False)
    folder: str = field(default="", compare=False)
    _parsed: dict[str, Parsed] = field(default_factory=dict, init=False, compare=False, repr=False)

    @classmethod
    def read(cls, path: Path | str) -> Bundle:
        """Read a plan file and the files that it leads to, each once.

        Never fails: `check` says what is wrong.
        """
        path = Path(path)
        texts: dict[str, str] = {}
        unread: dict[str, str] = {}
        bundle = cls(path.name, texts, unread, str(path.parent))
        waiting = deque([path.name])
        while waiting:
            name = waiting.popleft()
            if name in texts or name in unread:
                continue
            if len(texts) + len(unread) >= MOST_FILES:
                unread[name] = "too-many-files"
                break
            if name != path.name and not _is_plain_reference(name):
                unread[name] = "bad-path"
                continue
            try:
                texts[name] = read_text(path.parent / name)
            except (OSError, ValueError) as error:
                unread[name] = unread_kind(error)
            else:
                waiting.extend(islice(bundle.references(name), MOST_FILES + 1))
        return bundle

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the names and texts, as 64 hexadecimal digits."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()

    def document(self, name: str) -> Parsed:
        """Return the document of a file and the faults in how it is written; parsed once."""
        if name not in self._parsed:
            self._parsed[name] = parse(self.shown(name), self.texts[name])
        document, found = self._parsed[name]
        return document, list(found)

    def references(self, name: str) -> Iterator[str]:
        """Yield the names of the files that a file names."""
        document = self.document(name)[0] if name in self.texts else None
        value = document.value if document is not None else None
        if isinstance(value, dict):
            for key in _REFERENCES:
                written = value.get(key)
                for reference in written if isinstance(written, list) else [written]:
                    if isinstance(reference, str) and reference:
                        yield self.named(tidy(reference), beside=name)

    def named(self, reference: str, *, beside: str = "") -> str:
        """Return the name in `texts` of a file that the file `beside` refers to, or the plan.

        Names start from the plan's folder, references from that of the file they stand in.
        """
        folder = posixpath.dirname(beside)
        # Bundles kept from before have the plan's references as they were written.
        if not _is_plain_reference(reference) or (not folder and reference in self.texts):
            return reference
        return posixpath.normpath(posixpath.join(folder, reference))

    def why_unread(self, name: str) -> str:
        """Return the kind of fault for which a file is not in `texts`."""
        others = "too-many-files" if "too-many-files" in self.unread.values() else "missing-file"
        return self.unread.get(name, others)

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

    Raises OSError where it is no file or cannot be read, with EFBIG where it is larger
    than LARGEST; ValueError where no file can be called so.
    """
    # Nobody writes to a pipe that is given as a plan: opening it must not wait for that.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "no file", str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(LARGEST + 1)
    finally:
        os.close(handle)
    if len(data) > LARGEST:
        raise OSError(errno.EFBIG, f"more than {LARGEST} bytes", str(path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", errors="surrogateescape")


def unread_kind(error: Exception) -> str:
    """Return the kind of fault for which `read_text` failed."""
    return "file-too-large" if getattr(error, "errno", None) == errno.EFBIG else "missing-file"


def _is_plain_reference(name: str) -> bool:
    """Only YAML files beside the plan: a plan sent by others must not show other files."""
    path = PurePosixPath(name)
    return not path.is_absolute() and path.suffix in SUFFIXES and "\\" not in name

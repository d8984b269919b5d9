"""Generate: write the files that follow from the code and the catalogue, or say which are stale.

`python docs/generate.py` writes them; with `--check` it writes nothing, lists the files that
are stale, missing or left over, and ends with 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":  # a script finds what stands beside it, not the repository
    sys.path[0] = str(ROOT)

from docs import fault_pages, settings_page  # noqa: E402
from plan_definitions.handbook import reference, schemas  # noqa: E402

GENERATORS: tuple[Callable[[], Mapping[str, str]], ...] = (
    fault_pages.pages,
    schemas.files,
    reference.files,
    settings_page.files,
)
"""Each returns texts by their paths from the root of the repository."""

FOLDERS = (fault_pages.FOLDER, schemas.FOLDER, reference.FOLDER)
"""Folders in which everything is generated."""


def generated() -> dict[str, str]:
    """Return the text of every generated file by its path from the root."""
    return {path: text for generator in GENERATORS for path, text in generator().items()}


def stale(files: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """Return the paths of files that are not as they are generated, or are left over."""
    changed = [path for path, text in files.items() if _text(root / path) != text]
    return sorted([*changed, *_left_over(files, root)])


def write(files: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """Bring every file up to date, and return the paths of those that were stale."""
    found = stale(files, root)
    for path in found:
        file = root / path
        if path in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(files[path], encoding="utf-8", newline="\n")
        else:
            file.unlink()
    return found


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _left_over(files: Mapping[str, str], root: Path) -> list[str]:
    standing = (file for folder in FOLDERS for file in (root / folder).rglob("*") if file.is_file())
    return [path for file in standing if (path := file.relative_to(root).as_posix()) not in files]


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    if parser.parse_args().check:
        found = stale(generated())
        print("\n".join(found) if found else "up to date")
        return 1 if found else 0
    for path in write(generated()):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Office programs: LibreOffice, as a reader of our files of Word, and what reads its PDF.

Debian's packages have them; `make test` installs them where it may. No server runs and no
window opens: a file is turned into a PDF in a folder of the test's own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WITHIN = 180.0  # seconds; LibreOffice's first start in a new profile takes several
PACKAGES = {
    "soffice": "libreoffice-writer-nogui",
    "pdfinfo": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pdffonts": "poppler-utils",
}
FONT, FONT_PACKAGE = "Liberation Serif", "fonts-liberation2"
"""As wide as Times New Roman, sign by sign; before its version 2 it lacked Vietnamese."""
MISSING = "No {program} for the tests: install it (Debian: apt-get install {package})."


@dataclass(frozen=True)
class Pdf:
    """A document as it comes out of a printer."""

    file: Path

    @property
    def pages(self) -> tuple[str, ...]:
        """The text of each page, laid out as on it."""
        return tuple(_run("pdftotext", "-layout", self.file, "-").removesuffix("\f").split("\f"))

    @property
    def text(self) -> str:
        """The words of all pages, single spaces between them."""
        return " ".join(" ".join(self.pages).split())

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of a page in millimetres."""
        line = next(line for line in self._info if line.startswith("Page size:"))
        width, height = float(line.split()[2]), float(line.split()[4])
        return round(width * 25.4 / 72), round(height * 25.4 / 72)

    @property
    def fonts(self) -> frozenset[str]:
        """The families of its fonts, without their weights: LiberationSerif."""
        rows = _run("pdffonts", self.file).splitlines()[2:]
        return frozenset(row.split()[0].partition("+")[2].partition("-")[0] for row in rows)

    @property
    def _info(self) -> list[str]:
        return _run("pdfinfo", self.file).splitlines()


def to_pdf(files: Sequence[Path], folder: Path) -> dict[str, Pdf]:
    """Turn files into PDF, all of them in one start of LibreOffice; by their names' stems."""
    if (said := missing()) is not None:
        raise RuntimeError(said)
    with tempfile.TemporaryDirectory(prefix="dondoc-office-") as profile:
        _run(
            "soffice",
            f"-env:UserInstallation={Path(profile).as_uri()}",
            "--headless",
            "--convert-to",
            "pdf",
            "--outdir",
            folder,
            *files,
        )
    return {file.stem: Pdf(folder / f"{file.stem}.pdf") for file in files}


def missing() -> str | None:
    """Say which program or font is not there, and the package that has it."""
    for program, package in PACKAGES.items():
        if shutil.which(program) is None:
            return MISSING.format(program=program, package=package)
    if shutil.which("fc-list") and FONT not in _run("fc-list", ":lang=vi", "family"):
        return MISSING.format(program=f"font {FONT} with Vietnamese", package=FONT_PACKAGE)
    return None


def _run(program: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=WITHIN, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program}: {done.stderr}")
    return done.stdout


if __name__ == "__main__" and (said := missing()) is not None:
    sys.exit(said)

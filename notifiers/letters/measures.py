"""Measures: what the form of a letter and who fills it in both know."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).parent / "templates" / "letter.docx"
ISSUER = 66  # millimetres: the column of the heading in which the issuer's name stands
ISSUER_RULE = "Issuer Rule"  # the style of the line below that name

"""Attachment: a file that goes with a mail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file by its name, its media type (`application/pdf`) and what it holds."""

    filename: str
    content_type: str
    content: bytes

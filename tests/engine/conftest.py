"""Hypothesis here measures behaviour, not time: a busy machine fails no test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("rules", deadline=None)
settings.load_profile("rules")

"""Results: where Prefect would keep what a flow returns. Ours return nothing to keep.

Where a flow does not say where, Prefect asks its server before each run, and waits for it.
"""

from __future__ import annotations

from pathlib import Path

from prefect.settings import get_current_settings

HERE: Path = get_current_settings().results.local_storage_path
"""Prefect's own folder for them, as if nobody had said."""

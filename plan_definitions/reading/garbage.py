"""Garbage: the collector rests while a large plan is built.

Everything that is built then is kept, so looking for garbage among it again and again finds
none and costs a third of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Keep the collector of cycles from running; after it all is as it was before."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

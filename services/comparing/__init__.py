"""Comparing: what an edit of a plan does, before it is let loose. Pure: previews in, values out."""

from services.comparing.comparison import Comparison, carried, compare

__all__ = ["Comparison", "carried", "compare"]

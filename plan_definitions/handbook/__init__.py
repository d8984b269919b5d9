"""Handbook: what explains the plan language to people: schemas, reference, skeleton, codes."""

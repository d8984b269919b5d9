"""Soak: a simulated year of plan runs through the real services, beside an independent model."""

"""Timings, as ratios or medians of one run; `make bench` prints them."""

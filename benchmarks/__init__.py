"""Measurements, side by side on one core. A benchmark is not a test: it reports, and asserts nothing about time."""

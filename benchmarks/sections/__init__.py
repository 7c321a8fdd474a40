"""Writes the page's section on each part, from its result file alone."""

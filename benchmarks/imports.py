"""What a cold start's imports cost, by package."""

import re
import subprocess
import sys
from collections import defaultdict

import numpy as np

from .machine import ROOT

_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)")
_SHOWN = 12
_RUNS = 5
"""New interpreters; the median of each package is given."""


def import_costs_ms(statement: str) -> dict[str, float]:
    """Measure what importing costs.

    Parameters
    ----------
    statement
        Run in a new interpreter.

    Returns
    -------
    dict
        Milliseconds by top-level package, each without what it imports from others; dearest first, the rest in one.
    """
    series: dict[str, list[float]] = defaultdict(list)
    for _ in range(_RUNS):
        completed = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", statement], cwd=ROOT, capture_output=True, text=True, check=True
        )
        totals: dict[str, float] = defaultdict(float)
        for own_us, module in _LINE.findall(completed.stderr):
            package = module.partition(".")[0]
            totals["(standard library)" if package in sys.stdlib_module_names else package] += int(own_us) / 1000
        for package, own_ms in totals.items():
            series[package].append(own_ms)
    costs = sorted(((float(np.median(values)), package) for package, values in series.items()), reverse=True)
    dearest = {package: round(own_ms, 1) for own_ms, package in costs[:_SHOWN]}
    return dearest | {"(others)": round(sum(own_ms for own_ms, _ in costs[_SHOWN:]), 1)}

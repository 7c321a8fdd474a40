"""Times of calls, and summaries of a series of them."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict, TypeVar

import numpy as np

_Contender = TypeVar("_Contender")


class Summary(TypedDict):
    """Summary of one series, in its own unit; the spread is the range of the middle half."""

    n: int
    fastest: float
    median: float
    p99: float
    low_quartile: float
    high_quartile: float


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """Give how long a call takes."""
    start_s = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start_s


def shuffled(contenders: Iterable[_Contender], turn: int) -> list[_Contender]:
    """Shuffle by turn, the same in every run, since each finds the caches as the one before it left them."""
    order = list(contenders)
    random.Random(turn).shuffle(order)
    return order


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Fit values ~ sizes ** exponent by least squares on logarithms: 1 is linear, 0 does not grow."""
    slope, _ = np.polyfit(np.log(sizes), np.log(values), 1)
    return round(float(slope), 2)


def summary(values: Sequence[float]) -> Summary:
    """Sum up a series that has at least one value."""
    low, median, high, p99 = np.percentile(np.asarray(values, dtype=np.float64), [25, 50, 75, 99])
    return {
        "n": len(values),
        "fastest": round(min(values), 4),
        "median": round(float(median), 4),
        "p99": round(float(p99), 4),
        "low_quartile": round(float(low), 4),
        "high_quartile": round(float(high), 4),
    }

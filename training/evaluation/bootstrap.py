"""95 % intervals by bootstrap over clusters, since neighbouring fields show the same part of a slide.

Fields are not drawn one by one: contiguous runs of acquisition numbers are, as a block bootstrap draws runs of a series
(Künsch, Ann. Stat. 17, 1989; for clusters Field and Welsh, J. R. Stat. Soc. B 69, 2007). Drawn within each fold and
label, so that every replicate tests what the folds test.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.evaluation.results import Estimate, rounded

RUN = 15
"""Fields a run: about the cube root of the set's 2,573 fields, the rate of the best block length for a variance (Hall,
Horowitz and Jing, Biometrika 82, 1995)."""
REPLICATES = 1000
QUANTILES = (0.025, 0.975)


def runs(strata: NDArray[np.int64], numbers: NDArray[np.int64], length: int = RUN) -> NDArray[np.int64]:
    """Cut each stratum into contiguous runs.

    Parameters
    ----------
    strata : int64[n]
        Fold and label of each field, as one number.
    numbers : int64[n]
        Its acquisition number.
    length
        Fields a run, about: a stratum is cut evenly.

    Returns
    -------
    int64[n]
        The run of each field, numbered from 0 over all strata.
    """
    clusters = np.empty(len(strata), np.int64)
    count = 0
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        order = members[np.argsort(numbers[members], kind="stable")]
        parts = max(1, round(len(order) / length))
        clusters[order] = count + np.arange(len(order)) * parts // len(order)
        count += parts
    return clusters


def estimate(
    statistic: Callable[[NDArray[np.int64]], dict[str, float]],
    clusters: NDArray[np.int64],
    strata: NDArray[np.int64],
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Compute statistics with their percentile intervals (Efron, Ann. Stat. 7, 1979).

    Parameters
    ----------
    statistic
        Numbers by name, from positions of fields (int64[m], with repetitions).
    clusters, strata : int64[n]
        What is drawn together, and within what; a cluster is in one stratum.
    replicates, seed
        How many times, and of which random numbers.

    Returns
    -------
    dict
        Of every statistic of the whole. A bias of the bootstrap (it makes a calibration error larger, a worst fold
        worse) can put all replicates on one side of the value: the interval then reaches to the value.
    """
    values = statistic(np.arange(len(clusters)))
    samples: dict[str, list[float]] = {name: [] for name in values}
    members = _members(clusters, strata)
    random = np.random.default_rng(seed)
    for _ in range(replicates):
        parts = [stratum[k] for stratum in members for k in random.integers(0, len(stratum), len(stratum))]
        for name, value in statistic(np.concatenate(parts)).items():
            if name in samples:
                samples[name].append(value)
    return {name: _interval(value, samples[name]) for name, value in values.items()}


def _members(clusters: NDArray[np.int64], strata: NDArray[np.int64]) -> list[list[NDArray[np.int64]]]:
    """List, for each stratum, the fields of each of its clusters."""
    return [
        [
            np.flatnonzero((clusters == cluster) & (strata == stratum))
            for cluster in np.unique(clusters[strata == stratum])
        ]
        for stratum in np.unique(strata)
    ]


def _interval(value: float, samples: list[float]) -> Estimate:
    low, high = np.quantile(samples, QUANTILES) if samples else (value, value)
    return Estimate(value=rounded(value), low=rounded(min(low, value)), high=rounded(max(high, value)))

"""What a million images cost on Lambda by its memory: measured rates, the price in infra/prices.toml."""

from collections.abc import Mapping
from typing import Any

from benchmarks.scale.plan import VCPU_MB
from infra.prices import read_prices

VCPUS = (1, 2, 3, 4, 5, 6)
LARGEST_MB = 10_240  # Lambda gives six virtual CPUs at its largest memory
MILLION = 1_000_000


def parallel_share(rates: Mapping[str, float]) -> float:
    """Give the share of the work that a second thread takes a half of (Amdahl's law), from one and two cores' rates."""
    gain = rates["two_cores"] / rates["one_core"]
    return min(1.0, max(0.0, 2.0 * (1.0 - 1.0 / gain)))


def rate(rates: Mapping[str, float], vcpus: int, share: float) -> float:
    """Give images a second by so many threads on as many virtual CPUs: measured up to two, computed beyond."""
    if vcpus <= 2:
        return rates["one_core" if vcpus == 1 else "two_cores"]
    return rates["one_core"] / (1.0 - share + share / vcpus)


def memory_mb(vcpus: int) -> int:
    """Give the memory that has so many virtual CPUs."""
    return min(LARGEST_MB, vcpus * VCPU_MB)


def usd(images_per_s: float, memory: int, gb_second_usd: float) -> float:
    """Give the price of the time of a million images."""
    return MILLION / images_per_s * memory / 1024 * gb_second_usd


def rows(results: Mapping[str, Any]) -> list[list[str]]:
    """Give a row for each number of virtual CPUs: memory, then rate and price by one thread and by a thread each."""
    rates = {layout: spread["median"] for layout, spread in results["images_per_s"].items()}
    price, share = read_prices()["lambda_gb_second"].usd, parallel_share(rates)
    cells = []
    for vcpus in VCPUS:
        memory, threaded = memory_mb(vcpus), rate(rates, vcpus, share)
        cells.append(
            [
                str(vcpus),
                f"{memory:,}",
                f"{rates['one_core']:.1f}",
                f"{usd(rates['one_core'], memory, price):.2f}",
                f"{threaded:.1f}",
                f"{usd(threaded, memory, price):.2f}",
                "measured" if vcpus <= 2 else "computed",
            ]
        )
    return cells

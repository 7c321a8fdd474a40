"""The plan's inputs: prices of infra/prices.toml, assumptions of inputs.toml, times and sizes of the result files."""

import json
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS
from infra.prices import read_prices

TARGET = Path(__file__).with_name("inputs.toml")


@dataclass(frozen=True)
class Prices:
    """US dollars per unit."""

    lambda_gb_second: float
    lambda_request: float
    transition: float
    express_request: float
    express_gb_second: float
    s3_get: float
    s3_put: float
    kms_request: float
    log_gb: float
    transfer_gb: float


@dataclass(frozen=True)
class Assumed:
    """What could not be measured without AWS."""

    s3_get_ms: float
    s3_put_ms: float
    s3_list_ms: float
    gets_per_second: float
    new_environments_per_second: float
    image_pull_s: float


@dataclass(frozen=True)
class Measured:
    """What was measured here: on one core, which is what 1,769 MB of a function are."""

    image_ms: float
    cold_start_s: float
    log_bytes_per_image: float
    line_bytes_per_image: float


@dataclass(frozen=True)
class Inputs:
    """Everything that the plan is computed from."""

    prices: Prices
    assumed: Assumed
    measured: Measured


def read(path: Path = TARGET, results: Path = RESULTS) -> Inputs:
    """Read the inputs.

    Raises
    ------
    ValueError
        For an assumption that is missing, unknown, or without its source; for a price without its source and date.
    KeyError
        For a price that is missing.
    """
    prices = read_prices()
    table = tomllib.loads(path.read_text("utf-8"))
    serving = json.loads((results / "serving.json").read_text("utf-8"))
    bytes_per_image = json.loads((results / "scaling.json").read_text("utf-8"))["bytes_per_image"]
    return Inputs(
        Prices(**{field.name: prices[field.name].usd for field in fields(Prices)}),
        Assumed(**_values(table["assumed"])),
        Measured(
            image_ms=serving["warm_ms"]["handler"]["median"],
            cold_start_s=serving["cold_start_ms"]["handler"]["median"] / 1000,
            log_bytes_per_image=bytes_per_image["log"],
            line_bytes_per_image=bytes_per_image["line"],
        ),
    )


def notes(path: Path = TARGET) -> dict[str, Any]:
    """Give what inputs.toml says beside the values: what and source."""
    return tomllib.loads(path.read_text("utf-8"))


def _values(table: dict[str, Any]) -> dict[str, float]:
    names = {field.name for field in fields(Assumed)}
    if table.keys() != names:
        raise ValueError(f"inputs.toml: {', '.join(sorted(table.keys() ^ names))}: missing there, or not known here")
    for name, entry in table.items():
        if missing := [key for key in ("what", "source") if not isinstance(entry.get(key), str)]:
            raise ValueError(f"inputs.toml: {name} has no {', '.join(missing)}")
    return {name: float(entry["value"]) for name, entry in table.items()}

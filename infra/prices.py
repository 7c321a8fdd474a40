"""What AWS asks: the one table of prices, ``infra/prices.toml``, in US dollars."""

import datetime as dt
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

TABLE = Path(__file__).with_name("prices.toml")


class Price(BaseModel):
    """One price.

    Attributes
    ----------
    usd
        US dollars for one unit.
    what
        Of which service, and for what unit.
    source, as_of
        The page to check it against, and when it was written down.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    usd: float = Field(ge=0)
    what: str
    source: str
    as_of: dt.date


@cache
def read_prices(path: Path = TABLE) -> Mapping[str, Price]:
    """Read the table, by name.

    Raises
    ------
    pydantic.ValidationError
        For a price that is negative, or without its source and date.
    """
    entries = tomllib.loads(path.read_text("utf-8"))
    return {name: Price.model_validate(entry) for name, entry in entries.items()}

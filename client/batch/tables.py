"""Write rows to a Parquet or CSV file as they come: never all of them in memory."""

import csv
import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from client.output import ANSWER_COLUMNS, csv_cells, probability_column

from .errors import WrongRequestError

Row = dict[str, Any]
SUFFIXES = (".parquet", ".csv")
_AT_ONCE = 10_000
_NUMBERS = ("triage_probability", "probability", "malignant_probability", "magnification", "out_of_distribution_score")


class _Writer(Protocol):
    def __call__(self, path: Path, columns: list[str], parts: Iterable[list[Row]]) -> None: ...


def default_suffix() -> str:
    """Give ``.parquet`` where pyarrow is at hand, else ``.csv``."""
    return SUFFIXES[0] if importlib.util.find_spec("pyarrow") else SUFFIXES[1]


def check_target(path: Path) -> None:
    """Check, before anything is started, that a file of this name can be written.

    Raises
    ------
    WrongRequestError
        If not.
    """
    if path.suffix not in SUFFIXES:
        raise WrongRequestError(f"--output {path}: the name must end in {' or '.join(SUFFIXES)}")
    if path.suffix == ".parquet" and not importlib.util.find_spec("pyarrow"):
        raise WrongRequestError(f"--output {path}: Parquet needs pyarrow: pip install pyarrow, or name a .csv")
    if not path.absolute().parent.is_dir():
        raise WrongRequestError(f"--output {path}: there is no folder {path.absolute().parent}")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows with ``key``, ``error``, the columns of an answer, and the probability of each label.

    The file appears under its name only when it is whole.
    """
    labels, rows = _find_labels(iter(rows))
    columns = ["key", *ANSWER_COLUMNS, "error", *labels]
    write: _Writer = _write_parquet if path.suffix == ".parquet" else _write_csv
    with _appearing(path) as part:
        write(part, columns, _parts(rows))


def _find_labels(rows: Iterator[Row]) -> tuple[list[str], Iterator[Row]]:
    """Read up to the first answer, whose labels are those of every answer: one model file gave them all."""
    read: list[Row] = []
    for row in rows:
        read.append(row)
        if columns := [name for name in row if name.startswith(probability_column(""))]:
            return columns, chain(read, rows)
    return [], iter(read)


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while part := list(islice(rows, _AT_ONCE)):
        yield part


def _write_csv(path: Path, columns: list[str], parts: Iterable[list[Row]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for part in parts:
            writer.writerows(map(csv_cells, part))


def _write_parquet(path: Path, columns: list[str], parts: Iterable[list[Row]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    numbers = (*_NUMBERS, *(name for name in columns if name.startswith(probability_column(""))))
    schema = pa.schema([(name, pa.float64() if name in numbers else pa.string()) for name in columns])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(pa.Table.from_pylist(part, schema=schema))

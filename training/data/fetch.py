"""`python -m training fetch`: the public set into a folder, checked as `ingest` checks it, with its manifest.

kagglehub downloads it once into its own cache, without an account; only whole and checked sets reach the folder.
"""

import argparse
import hashlib
import shutil
import sys
from collections import Counter
from pathlib import Path

from training.data.labels import DataError
from training.data.manifest import MANIFEST_NAME, Manifest
from training.data.source import Source
from training.data.validation import Examination, examine
from training.dry_run import add_dry_run, print_dry_run

HANDLE = "mehradaria/leukemia"
"""The set of Ghaderzadeh, Aria and others on Kaggle (doi 10.1002/int.22753)."""
PAGE = f"https://www.kaggle.com/datasets/{HANDLE}"
DEFAULT = Path("data/all_smears")
EXIT_PROBLEMS = 2
EXIT_TRANSFER = 1


class FetchError(Exception):
    """The set could not be downloaded; says what to do instead."""


def download() -> Path:
    """Give the folder that kagglehub downloaded the set into, now or before.

    Raises
    ------
    FetchError
        Kaggle was not reached, or refused.
    """
    # Only this command needs them, and their group is installed for it alone.
    import kagglehub
    import kagglehub.exceptions as kaggle
    import requests

    refusals = (kaggle.BackendError, kaggle.CredentialError, kaggle.NotFoundError, kaggle.UnauthenticatedError)
    try:
        return Path(kagglehub.dataset_download(HANDLE))
    except (requests.RequestException, kaggle.DataCorruptionError, OSError, *refusals) as error:
        raise FetchError(
            f"Kaggle did not give {HANDLE}: {error}\nDownload the zip file from {PAGE} in a browser instead, "
            "then: python -m training fetch --source FILE.zip"
        ) from error


def fetch(source: Path, into: Path) -> tuple[Manifest, list[str]]:
    """Check labelled images and copy them into a folder that does not exist yet, ``<Label>/<file name>``.

    Parameters
    ----------
    source
        A folder or zip file; class folders may lie at any depth, and segmented copies are left aside.
    into
        Comes to be whole, with its manifest, or not at all.

    Returns
    -------
    tuple
        The manifest, and notes for whoever looks on.

    Raises
    ------
    DataError
        ``source`` has problems (lists them all), or ``into`` is there already.
    """
    _demand_free(into)
    with Source(source) as labelled_source:
        examination = _examine_or_refuse(labelled_source)
        partial = into.with_name(f".partial-{into.name}")
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was interrupted
        _copy(labelled_source, examination, partial)
    partial.rename(into)
    return examination.manifest, examination.notes


def _demand_free(into: Path) -> None:
    if into.exists():
        raise DataError(f"{into} is there already: move it away, or name another folder by --into")


def _examine_or_refuse(source: Source) -> Examination:
    examination = examine(source)
    if examination.problems:
        count = f"{len(examination.problems)} problem{'s' * (len(examination.problems) != 1)}"
        raise DataError("\n  ".join([f"{count} in {source.location}, nothing was copied:", *examination.problems]))
    return examination


def _rows(source: Path | None, into: Path) -> dict[str, object]:
    """Say what would be copied; asks Kaggle nothing."""
    _demand_free(into)
    if source is None:
        return {"from": PAGE, "images": "told by Kaggle's download", "to": into}
    with Source(source) as labelled_source:
        manifest = _examine_or_refuse(labelled_source).manifest
    return {
        "from": source,
        "images": f"{len(manifest.records)}, {manifest.size_bytes / 1e6:.1f} MB",
        "manifest": manifest.digest,
        "to": into,
    }


def _copy(source: Source, examination: Examination, folder: Path) -> None:
    for record in examination.manifest.records:
        data = source.read(examination.images[record.key])
        if hashlib.sha256(data).hexdigest() != record.sha256:
            raise DataError(f"{record.key} changed while it was being copied: run the command again")
        path = folder / record.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / MANIFEST_NAME).write_bytes(examination.manifest.content)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``fetch`` command."""
    parser = subparsers.add_parser("fetch", help="fetch the public set of real smears, and check it")
    parser.add_argument("--into", type=Path, default=DEFAULT, metavar="FOLDER", help="(%(default)s)")
    parser.add_argument("--source", type=Path, help="a folder or the zip file as Kaggle gives it; asks nobody")
    add_dry_run(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``fetch`` command; gives the exit code."""
    if (options.into / MANIFEST_NAME).is_file():
        sys.stderr.write(f"{options.into} has the set already; remove the folder to fetch it again\n")
        return 0
    try:
        if options.dry_run:
            print_dry_run(_rows(options.source, options.into))
            return 0
        manifest, notes = fetch(options.source or download(), options.into)
    except (DataError, OSError) as error:
        sys.stderr.write(f"fetch: {error}\n")
        return EXIT_PROBLEMS
    except FetchError as error:
        sys.stderr.write(f"fetch: {error}\n")
        return EXIT_TRANSFER
    except KeyboardInterrupt:
        sys.stderr.write("fetch: interrupted; the same command goes on from here\n")
        return 130
    for note in notes:
        sys.stderr.write(f"note: {note}\n")
    labels = Counter(record.label for record in manifest.records)
    counts = ", ".join(f"{count} {label}" for label, count in sorted(labels.items()))
    sys.stdout.write(
        f"{len(manifest.records)} images in {options.into} ({counts}), {manifest.size_bytes / 1e6:.0f} MB; "
        f"manifest {manifest.digest[:16]}\n"
    )
    return 0

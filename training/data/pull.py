"""`python -m training pull s3://BUCKET/PREFIX FOLDER`: an ingested set onto this machine, checked, with its manifest.

Every image is compared with the manifest's SHA-256 before it gets its name; ``classes.toml`` and ``groups.csv`` come
with them, and the manifest is written last: a folder without one is not whole. Run it again and it goes on: images that
are there already, byte for byte, are not fetched.
"""

import argparse
import hashlib
import sys
from functools import partial
from pathlib import Path

from intake import SUFFIXES
from training.atomic_write import clear_partial, write_whole
from training.data.ingest import BESIDE
from training.data.labels import DataError
from training.data.manifest import MANIFEST_NAME, Manifest, Record, parse
from training.data.s3 import Bucket, BucketError, Piece, Stored, run_all, stop_on
from training.data.shards import INDEX_KEY, Pack, PackIndex, parse_index, unpack
from training.dry_run import add_dry_run, print_dry_run

WORKERS = 32
ATTEMPTS = 3  # at one object whose bytes came damaged or cut short
PACK_SHARE = 0.5  # of a pack's bytes that must be wanted; below, its images come one by one


def pull(bucket: Bucket, folder: Path, progress: bool = True) -> tuple[Manifest, int]:
    """Fetch what a folder lacks of a set.

    Parameters
    ----------
    bucket
        Where from.
    folder
        Where to; made if absent. Files that the manifest does not name are left alone.
    progress
        Show bars.

    Returns
    -------
    (Manifest, int)
        The set, and how many images were fetched; the others were there.

    Raises
    ------
    BucketError
        There is no manifest, or some images could not be fetched as the manifest has them; lists them.
    DataError
        The manifest is damaged.
    """
    objects = bucket.list()
    manifest = _manifest(bucket, objects)
    clear_partial(folder)
    missing = _missing(manifest, folder, progress)
    if missing:
        (folder / MANIFEST_NAME).unlink(missing_ok=True)
        lacking = _fetch_packs(bucket, folder, missing, objects, progress)
        stop_on(_fetch_images(bucket, folder, lacking, progress), "images are still lacking")
    for name in BESIDE:
        if name in objects:
            write_whole(folder / name, bucket.get(name))
    write_whole(folder / MANIFEST_NAME, manifest.content)
    return manifest, len(missing)


def _manifest(bucket: Bucket, objects: dict[str, Stored]) -> Manifest:
    if MANIFEST_NAME not in objects:
        raise BucketError(
            f"{bucket.uri} has no {MANIFEST_NAME}, so no whole set is there: run `python -m training ingest` to its end"
        )
    return parse(bucket.get(MANIFEST_NAME), f"{bucket.uri}/{MANIFEST_NAME}")


def _rows(bucket: Bucket, folder: Path) -> dict[str, object]:
    """Say what would be fetched."""
    manifest = _manifest(bucket, bucket.list())
    missing = _missing(manifest, folder, progress=True)
    return {
        "from": bucket.uri,
        "manifest": manifest.digest,
        "images": len(manifest.records),
        "to": folder,
        "to fetch": f"{len(missing)} images, {sum(record.size_bytes for record in missing.values()) / 1e6:.1f} MB",
    }


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``pull`` command."""
    parser = subparsers.add_parser("pull", help="fetch an ingested set, with its manifest")
    parser.add_argument("uri", help="s3://BUCKET/PREFIX")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=WORKERS, metavar="N", help="requests at a time (%(default)s)")
    add_dry_run(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``pull`` command; gives the exit code."""
    try:
        bucket = Bucket(options.uri, options.workers)
        if options.dry_run:
            print_dry_run(_rows(bucket, options.folder))
            return 0
        manifest, fetched = pull(bucket, options.folder)
    except (BucketError, DataError, OSError) as error:
        sys.stderr.write(f"pull: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("pull: interrupted; the same command goes on from here\n")
        return 130
    unlisted = _unlisted_images(manifest, options.folder)
    if unlisted:
        sys.stderr.write(f"note: {len(unlisted)} images here are not of the set, such as {unlisted[0]}\n")
    sys.stderr.write(
        f"{len(manifest.records)} images in {options.folder}, {fetched} fetched now, "
        f"{manifest.size_bytes / 1e6:.1f} MB; manifest {manifest.digest[:16]}\n"
    )
    return 0


def _matches(record: Record, data: bytes) -> bool:
    return len(data) == record.size_bytes and hashlib.sha256(data).hexdigest() == record.sha256


def _missing(manifest: Manifest, folder: Path, progress: bool) -> dict[str, Record]:
    """Give the records whose file is not here, byte for byte."""

    def check(record: Record) -> Record | None:
        path = folder / record.key
        is_present = path.is_file() and path.stat().st_size == record.size_bytes and _matches(record, path.read_bytes())
        return None if is_present else record

    pieces = [Piece(partial(check, record), record.size_bytes) for record in manifest.records]
    outcome = run_all("checking", pieces, workers=4, progress=progress and folder.exists())
    stop_on(outcome.failures, "files here cannot be read")
    return {record.key: record for record in outcome.results if record}


def _fetch_packs(
    bucket: Bucket, folder: Path, missing: dict[str, Record], objects: dict[str, Stored], progress: bool
) -> dict[str, Record]:
    """Fetch the packs that are worth it; gives the records that no pack held as the manifest has them."""
    index = parse_index(bucket.get(INDEX_KEY)) if INDEX_KEY in objects else PackIndex()
    # A pack is a copy: it stands for an image only while the image's own object is the one that it was copied from.
    trusted = {
        key: record for key, record in missing.items() if key in objects and index.etags.get(key) == objects[key].etag
    }

    def unpack_wanted(pack: Pack) -> set[str]:
        try:
            content = bucket.get(pack.key)
        except BucketError:
            return set()  # its images are fetched one by one
        fetched_keys = set()
        for key, data in unpack(content):
            if key in trusted and _matches(trusted[key], data):
                write_whole(folder / key, data)
                fetched_keys.add(key)
        return fetched_keys

    pieces = []
    for pack in index.packs:
        useful_bytes = sum(trusted[key].size_bytes for key in pack.members if key in trusted)
        if useful_bytes >= PACK_SHARE * pack.size_bytes:
            pieces.append(Piece(partial(unpack_wanted, pack), useful_bytes))
    outcome = run_all("fetching packs", pieces, bucket.connections, progress and bool(pieces))
    fetched_keys = set().union(*outcome.results)
    return {key: record for key, record in missing.items() if key not in fetched_keys}


def _fetch_images(bucket: Bucket, folder: Path, missing: dict[str, Record], progress: bool) -> list[str]:
    """Fetch images one by one; gives a line for each that could not be had."""

    def fetch(record: Record) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                data = bucket.get(record.key)
            except BucketError:
                if attempt == ATTEMPTS:
                    raise
                continue
            if _matches(record, data):
                write_whole(folder / record.key, data)
                return
        raise BucketError(f"{record.key}: its bytes are not those of the manifest: ingest the set again")

    pieces = [Piece(partial(fetch, record), record.size_bytes) for record in missing.values()]
    return run_all("fetching images", pieces, bucket.connections, progress and bool(pieces)).failures


def _unlisted_images(manifest: Manifest, folder: Path) -> list[str]:
    """List image files of the folder that the manifest does not name: another set's, or removed since."""
    named = {record.key for record in manifest.records}
    image_paths = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(key for key in (path.relative_to(folder).as_posix() for path in image_paths) if key not in named)

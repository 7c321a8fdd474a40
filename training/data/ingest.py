"""`python -m training ingest SOURCE s3://BUCKET/PREFIX`: labelled images into a bucket, checked, with their manifest.

Everything is looked at before anything is sent. Images go first, packs of them next, then ``classes.toml`` and the
groups that somebody told, the manifest last: without a manifest a set does not count, so an interrupted run leaves
nothing that anybody would take for whole. Run it again and it goes on: objects that are there already, byte for byte,
are not sent twice.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from training.data.classes import CLASSES_NAME
from training.data.groups import add_group_pattern, parse_groups, table_of_groups
from training.data.labels import GROUPS_NAME, DataError
from training.data.manifest import MANIFEST_NAME, Record
from training.data.s3 import Bucket, BucketError, Piece, Stored, run_all, stop_on
from training.data.shards import INDEX_KEY, PACKS, Pack, PackIndex, build, plan
from training.data.source import Source
from training.data.validation import Examination, examine
from training.dry_run import add_dry_run, describe_counts, print_dry_run

WORKERS = 32
BESIDE = (CLASSES_NAME, GROUPS_NAME)
"""What goes with a set besides images and manifest."""
EXIT_PROBLEMS = 2  # the source must be put right; nothing was sent
EXIT_TRANSFER = 1  # run it again


def companion_files(source: Source, examination: Examination, pattern: str | None = None) -> dict[str, bytes]:
    """Give the files that go with a set, by name: its ``classes.toml``, and groups by key as ``groups.csv``.

    Raises
    ------
    DataError
        What was told of groups does not fit the files; says what to do.
    """
    images = list(examination.images.values())
    groups = parse_groups(images, source.beside(GROUPS_NAME), source.location / GROUPS_NAME, pattern)
    classes = source.beside(CLASSES_NAME)
    return {
        **({CLASSES_NAME: classes} if classes is not None else {}),
        **({GROUPS_NAME: table_of_groups(groups)} if groups else {}),
    }


def upload(
    source: Source,
    examination: Examination,
    bucket: Bucket,
    progress: bool = True,
    companions: Mapping[str, bytes] | None = None,
) -> int:
    """Send what a bucket lacks of an examined source.

    Parameters
    ----------
    source, examination
        Without problems.
    bucket
        Where to.
    progress
        Show bars.
    companions
        Of ``companion_files``.

    Returns
    -------
    int
        How many images were sent; the others were there.

    Raises
    ------
    BucketError
        Some objects could not be stored, and the manifest was not written; lists them. Or the bucket has a file
        beside its set that the source lacks.
    """
    present, companions = bucket.list(), companions or {}
    for name in BESIDE:
        if name in present and name not in companions:
            raise BucketError(
                f"{bucket.uri} has a {name}, and {source.location} has none: add it to the source, or delete it there"
            )
    records = examination.manifest.records
    images = run_all(
        "uploading",
        [Piece(partial(_send, source, examination, bucket, present, record), record.size_bytes) for record in records],
        bucket.connections,
        progress,
    )
    stop_on(images.failures, f"objects did not reach {bucket.uri}")
    packs = run_all(
        "packing",
        [
            Piece(
                partial(_send_pack, source, examination, bucket, present, pack_records),
                sum(record.size_bytes for record in pack_records),
            )
            for pack_records in plan(records)
        ],
        bucket.connections,
        progress,
    )
    stop_on(packs.failures, f"objects did not reach {bucket.uri}")
    etags = {key: etag for key, etag, _ in images.results}
    index = PackIndex(
        packs=tuple(sorted(packs.results, key=lambda pack: pack.members)),
        etags={key: etags[key] for pack in packs.results for key in pack.members},
    )
    last = {INDEX_KEY: index.model_dump_json().encode(), **companions, MANIFEST_NAME: examination.manifest.content}
    for key, content in last.items():
        if not bucket.holds(key, content, present.get(key)):
            bucket.put(key, content)
    return sum(sent for _, _, sent in images.results)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``ingest`` command."""
    parser = subparsers.add_parser("ingest", help="put labelled images into a bucket, with their manifest")
    parser.add_argument("source", type=Path, help="a folder of class folders, or the zip file as Kaggle gives it")
    parser.add_argument("uri", help="s3://BUCKET/PREFIX")
    add_group_pattern(parser)
    parser.add_argument("--workers", type=int, default=WORKERS, metavar="N", help="requests at a time (%(default)s)")
    add_dry_run(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``ingest`` command; gives the exit code."""
    try:
        bucket = Bucket(options.uri, options.workers)
        with Source(options.source) as source:
            examination = examine(source)
            if examination.problems:
                return _refuse(options.source, examination.problems)
            for note in examination.notes:
                _say(f"note: {note}")
            companions = companion_files(source, examination, options.group_pattern)
            if options.dry_run:
                print_dry_run(_rows(source, examination, bucket, companions))
                return 0
            sent = upload(source, examination, bucket, companions=companions)
    except DataError as error:
        return _refuse(options.source, [str(error)])
    except BucketError as error:
        _say(f"ingest: {error}")
        return EXIT_TRANSFER
    except KeyboardInterrupt:
        _say("ingest: interrupted; the same command goes on from here")
        return 130
    manifest = examination.manifest
    _say(
        f"{len(manifest.records)} images in {bucket.uri}, {sent} sent now, {manifest.size_bytes / 1e6:.1f} MB; "
        f"manifest {manifest.digest[:16]}"
    )
    return 0


def _rows(
    source: Source, examination: Examination, bucket: Bucket, companions: Mapping[str, bytes]
) -> dict[str, object]:
    """Say what would be sent."""
    present, records = bucket.list(), examination.manifest.records
    lacking = [
        record
        for record in records
        if record.key not in present
        or not bucket.holds(record.key, _read(source, examination, record), present[record.key])
    ]
    return {
        "source": source.location,
        "manifest": examination.manifest.digest,
        "images": describe_counts(Counter(record.label for record in records)),
        "to": bucket.uri,
        "to send": f"{len(lacking)} images, {sum(record.size_bytes for record in lacking) / 1e6:.1f} MB",
        "beside them": ", ".join((*companions, MANIFEST_NAME)),
    }


def _refuse(source: Path, problems: list[str]) -> int:
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    _say("\n".join([f"ingest: {count} in {source}, nothing was uploaded:", *(f"  {problem}" for problem in problems)]))
    return EXIT_PROBLEMS


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _read(source: Source, examination: Examination, record: Record) -> bytes:
    """Read an image again, and see that it is still the one that was examined."""
    data = source.read(examination.images[record.key])
    if hashlib.sha256(data).hexdigest() != record.sha256:
        raise BucketError(f"{record.key}: it changed while it was being ingested: run the command again")
    return data


def _send(
    source: Source, examination: Examination, bucket: Bucket, present: dict[str, Stored], record: Record
) -> tuple[str, str, bool]:
    """Store one image unless it is there; gives its key, its tag and whether it was sent."""
    data, stored = _read(source, examination, record), present.get(record.key)
    if stored and bucket.holds(record.key, data, stored):
        return record.key, stored.etag, False
    return record.key, bucket.put(record.key, data), True


def _send_pack(
    source: Source, examination: Examination, bucket: Bucket, present: dict[str, Stored], records: list[Record]
) -> Pack:
    content = build([(record.key, _read(source, examination, record)) for record in records])
    key = f"{PACKS}/{hashlib.sha256(content).hexdigest()[:32]}.tar"
    if not bucket.holds(key, content, present.get(key)):
        bucket.put(key, content)
    return Pack(key=key, size_bytes=len(content), members=tuple(record.key for record in records))

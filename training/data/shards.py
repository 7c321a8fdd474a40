"""Packs: the images once more, a few megabytes to an object, so that a pull needs tens of requests and not thousands.

A field of 20 kB costs a request, and a request costs far more than its bytes. Each pack is a plain uncompressed tar
beside the images; the index says which images it holds and which objects they were copied from (by entity tag), so
that an image replaced in the bucket is noticed and not taken from an old pack. Packs are a copy: without them a pull
takes the images one by one.
"""

import io
import tarfile
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from training.data.manifest import Record

PACKS = "_packs"
INDEX_KEY = f"{PACKS}/index.json"
PACK_BYTES = 4 * 2**20  # small enough to spread the 60 MB of the public set over all the connections
PACKED_BELOW = 2**20  # a larger image is worth its own request


class Pack(BaseModel):
    """One pack: its object's key, its length and the keys of the images in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    size_bytes: int
    members: tuple[str, ...]


class PackIndex(BaseModel):
    """All the packs, and the entity tag that each packed image's own object had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    packs: tuple[Pack, ...] = ()
    etags: dict[str, str] = {}


def parse_index(content: bytes) -> PackIndex:
    """Read an index; one that cannot be read is as good as none."""
    try:
        return PackIndex.model_validate_json(content)
    except ValidationError:
        return PackIndex()


def plan(records: Sequence[Record]) -> list[list[Record]]:
    """Say which images go together: neighbours by key, until a pack is full."""
    packs: list[list[Record]] = [[]]
    filled = 0
    for record in records:
        if record.size_bytes >= PACKED_BELOW:
            continue
        if filled + record.size_bytes > PACK_BYTES:
            packs.append([])
            filled = 0
        packs[-1].append(record)
        filled += record.size_bytes
    return [pack for pack in packs if len(pack) > 1]


def build(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Write a tar of the named contents: the same bytes for the same members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for key, data in members:
            info = tarfile.TarInfo(key)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def unpack(pack: bytes) -> Iterator[tuple[str, bytes]]:
    """Read the members of a tar, in memory; a damaged one ends early.

    Yields
    ------
    (str, bytes)
        The name and contents of each member. The caller checks both: nothing is written here.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(pack)) as tar:
            for info in tar:
                member = tar.extractfile(info)
                if member is not None:
                    yield info.name, member.read()
    except tarfile.TarError:
        return

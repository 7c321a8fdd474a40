"""Near-duplicate fields: which images show the same piece of a film, and so must stay on one side of a split.

Two images are linked when their perceptual hashes are near (the same field saved, focused or exposed again) or when
phase correlation finds the same cells in both, shifted (``training.overlaps``). A group is what links connect.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from training.overlaps import find_overlaps, spectrum

HASH_SIDE = 16  # 256 bits; with 64, pairs by chance begin at the distance (10) where true ones have not ended
# Of 256 bits. On 2,573 fields of the public set every pair up to 76 shows the same field; chance begins at 86.
HASH_DISTANCE = 76


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of an image: bool[256] of a perceptual hash, and complex64[32, 17] of its phases."""

    bits: NDArray[np.bool_]
    phases: NDArray[np.complex64]


def fingerprint(pixels: NDArray[np.uint8]) -> Fingerprint:
    """Take the fingerprint of a field (uint8[h, w, 3], RGB)."""
    return Fingerprint(imagehash.phash(Image.fromarray(pixels), hash_size=HASH_SIDE).hash.ravel(), spectrum(pixels))


def near_hashes(bits: NDArray[np.bool_], distance: int = HASH_DISTANCE) -> NDArray[np.int64]:
    """Find the pairs of hashes that differ in few bits.

    Parameters
    ----------
    bits
        bool[n, b].
    distance
        The most bits in which a pair may differ.

    Returns
    -------
    int64[pairs, 2]
        Positions, the smaller first.
    """
    signs = bits.astype(np.float32) * 2 - 1
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, len(signs), 1024):  # a block at a time: n squared distances would not fit for large n
        differing = (bits.shape[1] - signs[start : start + 1024] @ signs.T) / 2
        first, second = np.nonzero(differing <= distance)
        later = first + start < second
        pairs.append(np.column_stack([first[later] + start, second[later]]))
    return np.concatenate(pairs)


def duplicate_groups(
    names: Sequence[str], fingerprints: Sequence[Fingerprint], progress: bool = False
) -> list[str | None]:
    """Group near-duplicates.

    Parameters
    ----------
    names
        One an image, such as its sha256: the smallest of a group names it, so that the order of files does not matter.
    fingerprints
        One an image.
    progress
        Show a bar.

    Returns
    -------
    list of str or None
        The group's name, one an image; None for an image that resembles no other.
    """
    if not names:
        return []
    links = near_hashes(np.array([print_.bits for print_ in fingerprints])).tolist()
    overlaps = find_overlaps(np.array([print_.phases for print_ in fingerprints]), progress=progress)
    links += [[overlap.first, overlap.second] for overlap in overlaps]
    members = components(len(names), links)
    return [min(names[other] for other in group)[:12] if len(group) > 1 else None for group in members]


def components(count: int, links: Sequence[Sequence[int]]) -> list[list[int]]:
    """Connect linked positions.

    Returns
    -------
    list of list of int
        For each of ``count`` positions, all the members of its component, itself included.
    """
    ends = np.asarray(links, np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    members: dict[int, list[int]] = {}
    for position, number in enumerate(component):
        members.setdefault(int(number), []).append(position)
    return [members[int(number)] for number in component]

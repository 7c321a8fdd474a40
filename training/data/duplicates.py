"""Near-duplicate fields: which images show the same piece of a film, and so must stay on one side of a split.

Two images are linked when their perceptual hashes are near (the same field saved, focused or exposed again) or when
phase correlation finds the same cells in both, shifted (``training.data.duplicates``). A group is what links connect.

Fields that show the same piece of a film, shifted: found by phase correlation.

Slides of the public set were gone over more than once, often backwards and hundreds of file numbers later, so that two
fields with distant numbers can share most of their cells. A perceptual hash does not see a shift; phase correlation
(Kuglin and Hines 1975) does: the inverse transform of the normalised cross-power spectrum has a peak at the shift, and
its height grows with the shared share of the field.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import imagehash
import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from training.data.scale_bar import SAME_IN_DUPLICATES
from training.progress import bar

SIDE = 64  # pixels of the reduced field: a leukocyte is about 6 wide, an erythrocyte 5
BAND = 32  # the frequencies kept, of SIDE: finer detail is noise and focus
BACKGROUND_SIGMA = 8.0  # pixels of the reduced field; slower variation is the lamp's, and alike on every slide
BAND_SIGMA = 0.15  # cycles a pixel; 0.12 and 0.10 separate pairs of different labels less well
# On 2,573 fields of the public set no pair of different labels (so of different patients) reaches 0.41, and the
# twelve pairs looked at between 0.42 and 0.50 all show the same cells.
PEAK = 0.43
LEAST_PAIRS = 100  # of different labels: with fewer, their highest peak says little of chance
SAME_PEAK = 0.85  # of one image under two labels, whatever it shows; of two single cells at most 0.62 was seen


@dataclass(frozen=True)
class Overlap:
    """Two fields, by position, and the height of their correlation peak (1 for identical fields)."""

    first: int
    second: int
    peak: float


def spectrum(pixels: NDArray[np.uint8]) -> NDArray[np.complex64]:
    """Give the phases of a field's low frequencies.

    Parameters
    ----------
    pixels
        uint8[h, w, 3], RGB.

    Returns
    -------
    complex64[32, 17]
        Of modulus 1: half a spectrum, as of a real image.
    """
    green = pixels[..., 1].astype(np.float32)  # what both stains absorb most
    (height, width), (top, left) = green.shape, SAME_IN_DUPLICATES
    green[int(top * height) :, int(left * width) :] = np.median(green)
    field = np.asarray(Image.fromarray(green).resize((SIDE, SIDE), Image.Resampling.BOX))
    field = field - scipy.ndimage.gaussian_filter(field, BACKGROUND_SIGMA)
    window = np.sqrt(np.hanning(SIDE + 2)[1:-1])  # edges do not match edges
    full = scipy.fft.rfft2(field * window[:, None] * window)
    low = np.concatenate([full[: BAND // 2], full[-BAND // 2 :]])[:, : BAND // 2 + 1]
    phases: NDArray[np.complex64] = (low / (np.abs(low) + 1e-6)).astype(np.complex64)
    return phases


def find_overlaps(spectra: NDArray[np.complex64], progress: bool = False) -> list[Overlap]:
    """Compare every pair of fields.

    Parameters
    ----------
    spectra
        complex64[n, 32, 17].
    progress
        Show a bar.

    Returns
    -------
    list of Overlap
        Takes a time that grows with n squared: about 20 s for 3,000 fields on two cores.
    """
    rows = scipy.fft.fftfreq(BAND)[:, None] * BAND / SIDE
    columns = scipy.fft.rfftfreq(BAND)[None, :] * BAND / SIDE
    weights = np.exp(-(rows**2 + columns**2) / (2 * BAND_SIGMA**2)).astype(np.float32)
    highest = float(scipy.fft.irfft2(weights, s=(BAND, BAND)).max())
    weighted, conjugate = spectra * weights, np.conj(spectra)

    def compare(first: int) -> list[Overlap]:
        surface = scipy.fft.irfft2(weighted[first] * conjugate[first + 1 :], s=(BAND, BAND))
        peaks = surface.max(axis=(1, 2)) / highest
        return [Overlap(first, first + 1 + int(k), float(peaks[k])) for k in np.flatnonzero(peaks >= PEAK)]

    count = max(len(spectra) - 1, 0)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        overlaps = bar(pool.map(compare, range(count)), "comparing", count, shown=progress, unit="field")
        return list(chain.from_iterable(overlaps))


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


def peak_by_chance(overlaps: Sequence[Overlap], labels: Sequence[str]) -> float:
    """Give the highest correlation peak that images of different labels reach, which show different cells.

    Fields of many cells stay below ``PEAK``. Pictures of one cell each are alike in their middle: of two hundred such,
    some correlate as shifted fields do, and would be linked into one group through one another.

    Parameters
    ----------
    overlaps
        Of every pair.
    labels
        One an image.

    Returns
    -------
    float
        0 where too few pairs differ in label to tell. Pairs above ``SAME_PEAK`` count as one image under two labels.
    """
    peaks_across_labels = [overlap.peak for overlap in overlaps if labels[overlap.first] != labels[overlap.second]]
    sizes = np.unique(np.asarray(labels), return_counts=True)[1]
    pairs = (int(sizes.sum()) ** 2 - int((sizes**2).sum())) // 2
    return max((peak for peak in peaks_across_labels if peak < SAME_PEAK), default=0.0) if pairs >= LEAST_PAIRS else 0.0


def duplicate_groups(
    names: Sequence[str], fingerprints: Sequence[Fingerprint], labels: Sequence[str], progress: bool = False
) -> list[str | None]:
    """Group near-duplicates.

    Parameters
    ----------
    names
        One an image, such as its sha256: the smallest of a group names it, so that the order of files does not matter.
    fingerprints
        One an image.
    labels
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
    chance = peak_by_chance(overlaps, labels)
    links += [[overlap.first, overlap.second] for overlap in overlaps if overlap.peak > chance]
    members = components(len(names), links)
    return [min(names[member] for member in group)[:12] if len(group) > 1 else None for group in members]


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

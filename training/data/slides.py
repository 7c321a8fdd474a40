"""Infer which fields come from the same slide: the public set names neither slides nor patients.

Four steps, each within one label (a label is a diagnosis, so another label is another patient):

1. Streams. File numbers of the set are not one walk over one slide after another: photographs from two or three sources
   with different scale bars are interleaved one by one. Fields with the same ink in the corner, in order of their
   numbers, are a stream. (Jaccard distance of the ink, average linkage.)
2. Change points. A stream is cut where the background, the lamp or the erythrocytes change for good: Ward clustering in
   which only neighbours in the stream may join, as stratigraphers cut a core (CONISS, Grimm 1987). A neighbour may be
   ``REACH`` places away, so that two slides photographed alternately come apart.
3. Clusters. Segments that look alike are one slide, photographed again later (complete linkage of their medians).
4. Links. Fields that share cells (the manifest's duplicate groups) are on one slide, whatever they look like.

Differences are in units of the noise between neighbours, so that a slide's own variation is about 1 in each feature.

The inferred slide of every image of a folder, made once and kept.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.cluster.hierarchy
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial.distance import squareform

from inference import read_image
from training.atomic_write import write_whole
from training.data.duplicates import components
from training.data.labels import DataError
from training.data.manifest import Manifest, Record
from training.data.slide_features import Appearance, appearance
from training.data.source import Source
from training.progress import bar

# Smallest noise of each feature: grey levels, optical densities, grey levels. Saturated channels have none at all.
LEAST_NOISE = np.array([0.5] * 3 + [0.003] * 3 + [0.5] * 3)


@dataclass(frozen=True)
class Parameters:
    """What decides how finely slides are told apart; docs/slides.md says how the values were chosen."""

    ink_distance: float = 0.8  # Jaccard; the same bar, half hidden by a cell, stays below
    reach: int = 3  # places in a stream over which neighbours may join: sources alternate by two or three
    cut: float = 30.0  # Ward distance; the penalty of a change point is its square over two
    same_look: float = 7.0  # between medians of segments; 96 of 100 distant pairs that share cells are nearer
    fewest: int = 5  # fields; a smaller segment joins the one most like it
    clip: float = 25.0  # a field that is 25 units off is as strange as one that is 100 off


@dataclass(frozen=True)
class Inferred:
    """The slide of every field, and what it was inferred from.

    Attributes
    ----------
    slides
        One name a record, such as ``<label>-02``; numbered within the label, largest slide first.
    by_look
        int64[n], the slides before step 4, to compare with the evidence that step 4 uses.
    """

    slides: list[str]
    by_look: NDArray[np.int64]


def infer_slides(
    records: Sequence[Record], appearances: Sequence[Appearance], parameters: Parameters | None = None
) -> Inferred:
    """Infer the slide of every field.

    Parameters
    ----------
    records, appearances
        One of each a field, in any order; fields without an acquisition number come after the numbered ones, by key.
    parameters
        The defaults where absent.

    Returns
    -------
    Inferred
        The same for any order of the fields.
    """
    parameters = parameters or Parameters()
    if not records:
        return Inferred([], np.empty(0, np.int64))
    order = sorted(
        range(len(records)), key=lambda k: (records[k].acquisition is None, records[k].acquisition or 0, records[k].key)
    )
    labels = np.array([records[k].label for k in order])
    styles = _styles([appearances[k] for k in order], parameters)
    streams = [
        np.flatnonzero((labels == label) & (styles == style))
        for label in np.unique(labels)
        for style in np.unique(styles)
    ]
    features = _in_noise_units(np.array([appearances[k].features for k in order]), streams, parameters)
    segments = np.full(len(order), -1)
    for stream in streams:
        if len(stream):
            segments[stream] = segments.max() + 1 + _cut(features[stream], parameters)
    by_look = np.full(len(order), -1)
    for label in np.unique(labels):
        positions = np.flatnonzero(labels == label)
        by_look[positions] = by_look.max() + 1 + _merge(features[positions], segments[positions], parameters)
    groups: dict[str, list[int]] = {}
    for position, k in enumerate(order):
        if name := records[k].duplicate_group:
            groups.setdefault(name, []).append(position)
    links = [[by_look[group[0]], by_look[other]] for group in groups.values() for other in group[1:]]
    slide = np.array([members[0] for members in components(int(by_look.max()) + 1, links)])[by_look]
    names, inverse_order = _names(slide, labels), np.argsort(order)
    return Inferred([names[position] for position in inverse_order], by_look[inverse_order])


def _styles(appearances: Sequence[Appearance], parameters: Parameters) -> NDArray[np.int64]:
    """Cluster the scale bars; fields without ink are a style of their own."""
    ink = np.array([look.ink.ravel() for look in appearances])
    styles = np.zeros(len(ink), np.int64)
    inked = np.flatnonzero(ink.any(axis=1))
    if len(inked) > 1:
        marks = ink[inked].astype(np.float32)
        shared, totals = marks @ marks.T, marks.sum(axis=1)  # much faster than a distance computed pair by pair
        jaccard = 1 - shared / (totals[:, None] + totals - shared)
        tree = scipy.cluster.hierarchy.linkage(squareform(jaccard, checks=False), "average")
        styles[inked] = scipy.cluster.hierarchy.fcluster(tree, parameters.ink_distance, "distance")
    elif len(inked):
        styles[inked] = 1
    return styles


def _in_noise_units(
    features: NDArray[np.float64], streams: list[NDArray[np.int64]], parameters: Parameters
) -> NDArray[np.float64]:
    """Scale each feature by the spread between neighbours of a stream, robustly: float64[n, 9]."""
    middle = np.nanmedian(features, axis=0)
    filled = np.where(np.isnan(features), middle, features)  # too few erythrocytes to tell: nothing is said
    steps = np.concatenate([np.diff(filled[stream], axis=0) for stream in streams]) / np.sqrt(2)
    spread = 1.4826 * np.median(np.abs(steps), axis=0) if len(steps) else LEAST_NOISE
    units: NDArray[np.float64] = (filled - middle) / np.maximum(spread, LEAST_NOISE)
    return units.clip(-parameters.clip, parameters.clip)


def _cut(features: NDArray[np.float64], parameters: Parameters) -> NDArray[np.int64]:
    """Cut one stream (float64[n, 9], in order) into segments, numbered from 0."""
    from sklearn.cluster import AgglomerativeClustering  # takes seconds, and no --help waits for it

    count = len(features)
    if count < 2 * parameters.fewest:
        return np.zeros(count, np.int64)
    first = np.concatenate([np.arange(count - step) for step in range(1, parameters.reach + 1)])
    second = np.concatenate([np.arange(step, count) for step in range(1, parameters.reach + 1)])
    near = csr_array((np.ones(len(first)), (first, second)), shape=(count, count))
    ward = AgglomerativeClustering(n_clusters=None, distance_threshold=parameters.cut, connectivity=near + near.T)
    return _join_neighbours(features, ward.fit(features).labels_, parameters)


def _join_neighbours(
    features: NDArray[np.float64], segments: NDArray[np.int64], parameters: Parameters
) -> NDArray[np.int64]:
    """Give segments of a stream that are too small to be a slide, such as one dark frame, to the likest beside them."""
    segments = segments.copy()
    while True:
        names, sizes = np.unique(segments, return_counts=True)
        smallest = names[sizes.argmin()]
        if sizes.min() >= parameters.fewest or len(names) == 1:
            return segments
        positions = np.flatnonzero(segments == smallest)
        reached = (positions[:, None] + np.arange(-parameters.reach, parameters.reach + 1)).clip(0, len(segments) - 1)
        neighbours = np.setdiff1d(segments[reached], smallest)
        medians = np.array([np.median(features[segments == name], axis=0) for name in neighbours])
        distances = np.linalg.norm(medians - np.median(features[positions], axis=0), axis=1)
        segments[positions] = neighbours[distances.argmin()]


def _merge(features: NDArray[np.float64], segments: NDArray[np.int64], parameters: Parameters) -> NDArray[np.int64]:
    """Join the segments of one label that look alike; gives slides numbered from 0, one a field."""
    segments = _join_small(features, np.unique(segments, return_inverse=True)[1], parameters)
    names, segment_of = np.unique(segments, return_inverse=True)
    if len(names) == 1:
        return segment_of
    medians = np.array([np.median(features[segment_of == k], axis=0) for k in range(len(names))])
    tree = scipy.cluster.hierarchy.linkage(medians, "complete")
    slides: NDArray[np.int64] = scipy.cluster.hierarchy.fcluster(tree, parameters.same_look, "distance")[segment_of] - 1
    return slides


def _join_small(
    features: NDArray[np.float64], segments: NDArray[np.int64], parameters: Parameters
) -> NDArray[np.int64]:
    """Give the fields of streams that are too short to be a slide to the likest larger segment of the label."""
    sizes = np.bincount(segments)
    large = np.flatnonzero(sizes >= parameters.fewest)
    if not len(large):
        return np.zeros_like(segments)
    medians = np.array([np.median(features[segments == k], axis=0) for k in large])
    joined = segments.copy()
    for small in np.flatnonzero((sizes > 0) & (sizes < parameters.fewest)):
        median = np.median(features[segments == small], axis=0)
        joined[segments == small] = large[np.linalg.norm(medians - median, axis=1).argmin()]
    return joined


def _names(slide: NDArray[np.int64], labels: NDArray[np.str_]) -> list[str]:
    """Name slides by label and rank of size; ties go to the lower acquisition number."""
    unique_slides, first, sizes = np.unique(slide, return_index=True, return_counts=True)
    names, ranks = {}, dict[str, int]()
    for k in np.lexsort([first, -sizes]):
        label = str(labels[first[k]])
        ranks[label] = ranks.get(label, 0) + 1
        names[int(unique_slides[k])] = f"{label}-{ranks[label]:02d}"
    return [names[int(number)] for number in slide]


CACHE = Path("runs/slides")


def slides_of(folder: Path, manifest: Manifest, cache: Path = CACHE, progress: bool = True) -> dict[str, str]:
    """Give the slide of every image, by key.

    Parameters
    ----------
    folder
        Holds the images, one folder a label.
    manifest
        Of that folder (``training.data.validation.manifest_of``).
    cache
        Where the answer is kept, for this manifest and these parameters.
    progress
        Show a bar while reading.

    Raises
    ------
    DataError
        The folder lacks an image of the manifest.
    """
    settings = json.dumps([manifest.digest, dataclasses.asdict(Parameters())])
    cached_path = cache / f"{hashlib.sha256(settings.encode()).hexdigest()[:24]}.json"
    if cached_path.is_file():
        cached_slides: dict[str, str] = json.loads(cached_path.read_text())
        return cached_slides
    inferred = infer_slides(manifest.records, appearances_of(folder, manifest, progress))
    slides = by_key(manifest, inferred)
    write_whole(cached_path, json.dumps(slides, indent=0).encode())
    return slides


def by_key(manifest: Manifest, inferred: Inferred) -> dict[str, str]:
    """Name each image's slide."""
    return {record.key: slide for record, slide in zip(manifest.records, inferred.slides, strict=True)}


def paths_of(folder: Path, manifest: Manifest) -> list[Path]:
    """Find each image's file, in the manifest's order.

    Raises
    ------
    DataError
        One is not there.
    """
    with Source(folder) as source:
        path_by_key = {image.key: folder / image.path for image in source.listing().images}
    missing = [record.key for record in manifest.records if record.key not in path_by_key]
    if missing:
        raise DataError(f"{folder} lacks {len(missing)} images of its manifest, such as {missing[0]}: pull them again")
    return [path_by_key[record.key] for record in manifest.records]


def appearances_of(folder: Path, manifest: Manifest, progress: bool = True) -> list[Appearance]:
    """Measure how every image looks apart from its cells, in the manifest's order."""
    paths = paths_of(folder, manifest)
    with ThreadPoolExecutor() as pool:
        appearances = pool.map(lambda path: appearance(read_image(path.read_bytes()).pixels), paths)
        return list(bar(appearances, "looking", len(paths), shown=progress, unit="image"))

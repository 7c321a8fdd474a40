"""What a frozen network makes of fields and of varied copies of them: all that a linear head is fitted on.

The head is fitted on what the runtime that serves computes, LiteRT. Training takes the larger part of its time here.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from threading import Event
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from tqdm import tqdm

from training.atomic_write import write_whole
from training.data import ood_sets, scale_bar
from training.data.corruptions import apply, draw_changes
from training.data.dataset import Fields
from training.data.labels import INPUT_SIDE_PX
from training.data.magnification import Neighbourhood
from training.models import stain_pooling
from training.models.linear_probe import stain_density
from training.models.recipes import LinearProbe
from training.models.scale_bar_mask import hide_scale_bar
from training.models.served_layers import ServedLayers
from training.models.stain_pooling import TURNS, StainPool, pool_views, see, turn, weigh
from training.models.tflite import convert
from training.prefetch import ahead
from training.progress import bar


class EmbeddingGraph(tf.Module):
    """A classifier up to its embedding, for one field in several turns, with the scale bar hidden as when served."""

    def __init__(self, model: keras.Model, turns: Sequence[tuple[bool, bool]]) -> None:
        super().__init__()
        self.turns = turns
        self.layers = ServedLayers(model)
        self.layer_variables = self.layers.variables()

    @tf.function(input_signature=[tf.TensorSpec([1, INPUT_SIDE_PX, INPUT_SIDE_PX, 3], tf.uint8, name="image")])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embed one field: uint8[1, 224, 224, 3] to float32[turns, d], not standardised."""
        field = hide_scale_bar(tf.cast(image, tf.float32))
        layers = self.layers
        by_stain = isinstance(layers.pool, StainPool)
        views, ways = (see(field), weigh(field, layers.pool.ways)) if by_stain else (field, [])
        embeddings = []
        for flip, swap in self.turns:
            maps = layers.features(layers.scale(turn(views, flip, swap)), training=False)
            embeddings.append(
                pool_views([turn(weights, flip, swap) for weights in ways], maps) if by_stain else layers.pool(maps)
            )
        return {"embedding": tf.concat(embeddings, 0)}


_FILES: dict[str, bytes] = {}
"""Of ``FrozenEmbedder``, by the network's digest: 3 MB each, of the one or two networks that a process freezes."""


class FrozenEmbedder:
    """A frozen network up to its embedding, as a file that is made once, when the first fields need it.

    Parameters
    ----------
    model : keras.Model
        Of ``classifier.build``.
    turns : sequence of (bool, bool)
        In which fields are seen, of ``stain_pooling.TURNS``.
    """

    def __init__(self, model: keras.Model, turns: Sequence[tuple[bool, bool]] = TURNS[:1]) -> None:
        self._model, self._turns = model, turns

    @cached_property
    def content(self) -> bytes:
        """The file: a classifier up to its embedding. Folds and trials of the same weights share one."""
        name = self._digest.hexdigest()
        if name not in _FILES:
            with tempfile.TemporaryDirectory() as folder:
                _FILES[name] = convert(EmbeddingGraph(self._model, self._turns), Path(folder))
        return _FILES[name]

    @cached_property
    def _digest(self) -> "hashlib._Hash":
        """Name the network: by weights, turns and the code that pools."""
        ways = getattr(self._model.get_layer("embedding"), "ways", ())
        sha256 = hashlib.sha256(repr((self._model.name, self._turns, ways)).encode())
        for layer in ("scale", "features"):
            for weights in self._model.get_layer(layer).get_weights():
                sha256.update(weights.tobytes())
        for source in (stain_pooling, scale_bar):
            sha256.update(Path(str(source.__file__)).read_bytes())
        return sha256

    def name_of(self, images: NDArray[np.uint8]) -> str:
        """Name what comes of fields: by network and pictures."""
        sha256 = self._digest.copy()
        sha256.update(repr(images.shape).encode())
        sha256.update(np.ascontiguousarray(images).data)
        return sha256.hexdigest()[:32]

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed fields on every core.

        Parameters
        ----------
        images : uint8[n, 224, 224, 3]
            Fields.

        Returns
        -------
        float32[turns, n, d]
            Not standardised.
        """
        content, workers, ended = self.content, os.cpu_count() or 1, Event()
        with bar(None, "Features", len(images), unit="field") as shown, ThreadPoolExecutor(workers) as pool:
            jobs = [pool.submit(_embed, content, part, shown, ended) for part in np.array_split(images, workers)]
            try:
                embeddings: NDArray[np.float32] = np.concatenate([job.result() for job in jobs], 1)
            finally:
                ended.set()  # by Ctrl-C, say: the pool waits for its threads
            return embeddings


def _embed(content: bytes, images: NDArray[np.uint8], shown: "tqdm[Any]", ended: Event) -> NDArray[np.float32]:
    """LiteRT lets go of Python's lock while it runs, so that threads are enough."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    runner = interpreter.get_signature_runner("serving_default")
    turns, width = interpreter.get_output_details()[0]["shape"]
    embeddings = np.empty((turns, len(images), width), np.float32)
    for position, image in enumerate(images):
        if ended.is_set():
            break
        embeddings[:, position] = runner(image=image[None])["embedding"]
        shown.update()
    return embeddings


MAGNIFIED = 2
"""Pictures of each field at another magnification (``training.data.magnification``)."""
DRAWN_APART = 10
"""Added to the seed, so that magnifications are drawn from another stream than variations."""
CACHE = Path("runs/features")

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Features:
    """What a frozen backbone makes of fields, in their order; nothing of it is standardised.

    Attributes
    ----------
    turned : float32[turns, n, d]
        Of the fields in each of ``stain_pooling.TURNS``: the first as they came.
    varied : float32[k, n, d]
        Of varied copies.
    densities : float32[n]
        Of ``linear_probe.stain_density``.
    magnified : float32[m, d]
        Of pictures at other magnifications; m may be 0.
    doublings : float32[m]
        log2 of their magnifications.
    shown : int64[m, k]
        Positions of the fields that each of them shows.
    strangers : dict of str to float32[..., d]
        Of pictures that show no class of the set, by collection.
    """

    turned: Floats
    varied: Floats
    densities: Floats
    magnified: Floats
    doublings: Floats
    shown: Positions
    strangers: dict[str, Floats] = field(default_factory=dict)

    @property
    def embeddings(self) -> Floats:
        """float32[n, d]: of the fields as they came."""
        as_they_came: Floats = self.turned[0]
        return as_they_came

    def take(self, which: Positions) -> "Features":
        """Take some fields, by position; of pictures that show several, those that show no other field."""
        shown = _places(which, self.turned.shape[1])[self.shown]
        shows_only_these = (shown >= 0).all(1)
        return Features(
            self.turned[:, which],
            self.varied[:, which],
            self.densities[which],
            self.magnified[shows_only_these],
            self.doublings[shows_only_these],
            shown[shows_only_these],
            self.strangers,
        )

    def first(self, width: int) -> "Features":
        """Keep the first statistics of all but the strangers, of which no more may be known."""
        return replace(
            self,
            turned=self.turned[..., :width],
            varied=self.varied[..., :width],
            magnified=self.magnified[:, :width],
        )


def features_of(
    network: keras.Model,
    fields: Fields,
    slides: Sequence[str],
    recipe: LinearProbe,
    outliers: Sequence[Path] | None = None,
    cache: Path = CACHE,
    among: Positions | None = None,
) -> Features:
    """Run an untrained classifier's backbone on all that its head is fitted on.

    Parameters
    ----------
    network : keras.Model
        Of ``classifier.build``.
    fields : Fields
        The i-th of the same fields is varied alike by the same seed.
    slides : sequence of str
        Of each field.
    recipe : LinearProbe
        How many copies, and the seed of what is drawn.
    outliers : sequence of Path, optional
        Folders for ``ood_sets.taught``, which may be none; without the argument, neither strangers nor other
        magnifications are looked at, and only a head can be fitted.
    cache : Path
        Folder of one file for each set of pictures; may be deleted at any time.
    among : int64[k], optional
        Positions of the fields whose features are wanted, of all unless given. The pictures of a field are the same
        whatever is wanted; those of no wanted field are not made, unless the pass over all fields is kept already.

    Returns
    -------
    Features
        Of the wanted fields, in their order.
    """
    by_stain = isinstance(network.get_layer("embedding"), StainPool)
    upright = FrozenEmbedder(network)
    in_all_turns = FrozenEmbedder(network, TURNS) if by_stain else upright
    if among is not None and _path(in_all_turns, fields.images, cache).is_file():
        return features_of(network, fields, slides, recipe, outliers, cache).take(among)
    wanted = np.arange(len(fields)) if among is None else among
    makers: list[Callable[[], Any]] = [lambda: fields.images if among is None else fields.images[among]]
    makers += [partial(_vary, fields, recipe, copy, wanted) for copy in range(1, recipe.copies + 1)]
    looks_farther = by_stain and outliers is not None
    if looks_farther:
        around = Neighbourhood(fields.images, slides, fields.numbers)
        makers.append(partial(around.draw, MAGNIFIED, recipe.seed + DRAWN_APART, among))
        makers.append(partial(ood_sets.taught, outliers or (), recipe.seed))
    pictures = ahead(makers)
    turned = _cached(in_all_turns, next(pictures), cache)
    features = Features(
        turned,
        np.stack([_cached(upright, next(pictures), cache)[0] for _ in range(recipe.copies)]),
        stain_density(fields.images[wanted]),
        np.empty((0, turned.shape[-1]), np.float32),
        np.empty(0, np.float32),
        np.empty((0, 1), np.int64),
    )
    if not looks_farther:
        return features
    drawn = next(pictures)
    magnified = _cached(upright, drawn.images, cache)[0]
    strangers = {name: _cached(upright, images, cache)[0] for name, images in next(pictures).items()}
    shown = _places(wanted, len(fields))[drawn.shown]
    return replace(features, magnified=magnified, doublings=drawn.doublings, shown=shown, strangers=strangers)


def _places(which: Positions, count: int) -> Positions:
    """Give each field's place among some of them; -1 of the others."""
    place_among = np.full(count, -1)
    place_among[which] = np.arange(len(which))
    return place_among


def _vary(fields: Fields, recipe: LinearProbe, copy: int, wanted: Positions) -> NDArray[np.uint8]:
    random = np.random.default_rng(recipe.seed + copy - 1)
    changes = [draw_changes(random) for _ in range(len(fields))]
    shown = bar(wanted, f"Varying, {copy} of {recipe.copies}", len(wanted))
    return np.stack([apply(changes[k], fields.images[k]) for k in shown])


def _cached(embedder: FrozenEmbedder, images: NDArray[np.uint8], cache: Path) -> Floats:
    """Embed pictures, or read what was embedded before."""
    path = _path(embedder, images, cache)
    if path.is_file():
        embeddings: Floats = np.load(path, allow_pickle=False)
        return embeddings
    computed: Floats = embedder.embed(images)
    content = io.BytesIO()
    np.save(content, computed)
    write_whole(path, content.getvalue())
    return computed


def _path(embedder: FrozenEmbedder, images: NDArray[np.uint8], cache: Path) -> Path:
    return cache / f"{embedder.name_of(images)}.npy"

"""Fits of one small network, each by a process: ``fits_together.py FOLDER PORT PORT``.

As one of two instances of a job; and on one device and on two of an instance, processors that TensorFlow takes for two,
as it would GPUs. TensorFlow is loaded once: each process is forked before anything runs in it.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.models.distribution import Hosts, choose, leave_together

HOSTS = ("algo-1", "algo-2")


def _fit_small(strategy: tf.distribute.Strategy, work: Path, **settings: Any) -> dict[str, Any]:
    """Fit a small network; gives what came of it."""
    # TensorFlow wants its workers before anything else runs.
    from training.data.dataset import Fields
    from training.data.labels import INPUT_SIDE_PX
    from training.models.fine_tuning import fit
    from training.models.recipes import FineTuning

    keras.utils.set_random_seed(1)
    labels = np.arange(16) % 4
    images = np.broadcast_to(labels[:, None, None, None] * 60, (16, INPUT_SIDE_PX, INPUT_SIDE_PX, 3)).astype(np.uint8)
    fields = Fields(images, labels, np.arange(16), tuple(Path(f"{number}.png") for number in range(16)))
    with strategy.scope():
        image = keras.Input((INPUT_SIDE_PX, INPUT_SIDE_PX, 3))
        pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
        network = keras.Model(image, keras.layers.Dense(4)(pooled))
        epochs = fit(network, fields, FineTuning(epochs=3, **{"batch_size": 8, **settings}), work)
    return {
        "replicas": strategy.num_replicas_in_sync,
        "steps": int(network.optimizer.iterations.numpy()),
        "loss": [epoch["loss"] for epoch in epochs],
        "weights": [weights.tolist() for weights in network.get_weights()],
    }


def _as_instance(rank: int, ports: list[str], folder: Path) -> None:
    """Fit as one of two instances, and write down what came of it."""
    hosts = Hosts(HOSTS[rank], HOSTS)
    strategy = choose(hosts, [f"127.0.0.1:{port}" for port in ports])
    told = _fit_small(strategy, folder / str(rank))
    leave_together(strategy, hosts)
    (folder / f"{rank}.json").write_text(json.dumps(told))


def _on_two_devices(folder: Path) -> None:
    """Fit on one device and on two, and write down what came of both."""
    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    # TensorFlow wants its devices before anything else runs.
    from training.models import fine_tuning

    # Which batch gets which turn depends on threads, and must not tell the fits apart.
    fine_tuning.augment = lambda images: tf.cast(images, tf.float32)
    alone = Hosts("algo-1", ("algo-1",))
    strategies = {"one": choose(alone), "two": choose(alone, kind="CPU")}
    # All fields in each batch, since a strategy shuffles by itself; no Adam, which steps by the sign of rounding.
    how = {"optimizer": "sgd", "learning_rate": 0.5, "batch_size": 16}
    told = {name: _fit_small(strategy, folder / name, **how) for name, strategy in strategies.items()}
    (folder / "devices.json").write_text(json.dumps(told))


def _begin(fit: Callable[..., None], *given: Any) -> int:
    """Do it in a process of its own; gives its number."""
    forked = os.fork()
    if forked:
        return forked
    code = 1
    try:
        fit(*given)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, this process goes no further
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)


def _end(*forked: int) -> int:
    """Wait for these processes; gives how many failed."""
    return sum(os.waitpid(one, 0)[1] != 0 for one in forked)


if __name__ == "__main__":
    place, ports = Path(sys.argv[1]), sys.argv[2:]
    failed = _end(*(_begin(_as_instance, rank, ports, place) for rank in (0, 1)))
    sys.exit(failed + _end(_begin(_on_two_devices, place)))

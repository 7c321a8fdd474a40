"""One of two instances of a job that fits a small network together: ``two_workers.py RANK PORT PORT FOLDER``."""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.models.distribution import Hosts, choose, leave_together

HOSTS = ("algo-1", "algo-2")


def fit_small(strategy: tf.distribute.Strategy, work: Path, **settings: Any) -> dict[str, Any]:
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


def main(rank: int, ports: list[str], folder: Path) -> None:
    """Fit, and write down what came of it."""
    hosts = Hosts(HOSTS[rank], HOSTS)
    strategy = choose(hosts, [f"127.0.0.1:{port}" for port in ports])
    told = fit_small(strategy, folder / str(rank))
    leave_together(strategy, hosts)
    (folder / f"{rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:4], Path(sys.argv[4]))

"""A fit on one device and one on two of an instance: processors that TensorFlow takes for two, as it would GPUs."""

import json
import sys
from pathlib import Path

import tensorflow as tf
from two_workers import fit_small

from training.models.distribution import Hosts, choose


def main(folder: Path) -> None:
    """Fit twice, and write down what came of both."""
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
    told = {name: fit_small(strategy, folder / name, **how) for name, strategy in strategies.items()}
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

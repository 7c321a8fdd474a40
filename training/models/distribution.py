"""Data-parallel training by TensorFlow's own strategies: over the GPUs of an instance, over the instances of a job.

A batch of the recipe stays a batch of the whole job: a strategy deals it out, so that two devices take half of it each
and the number of steps, and with it the schedule of the learning rate, is the same however many devices there are.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

PORT = 7777
"""Of TensorFlow on every instance of a job; SageMaker lets the instances of one job reach each other on any."""


@dataclass(frozen=True)
class Hosts:
    """The instances of a job.

    Attributes
    ----------
    current
        This one.
    every
        All of them; the first is the chief, the only one that writes.
    """

    current: str
    every: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Give this instance's place among all."""
        return self.every.index(self.current)

    @property
    def is_chief(self) -> bool:
        """Tell whether this instance writes."""
        return self.rank == 0

    def cluster(self, addresses: Sequence[str] | None = None) -> dict[str, Any]:
        """Give the content of TF_CONFIG, from which TensorFlow's workers find each other."""
        workers = list(addresses or (f"{host}:{PORT}" for host in self.every))
        return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": self.rank}}


class Workers(tf.distribute.MultiWorkerMirroredStrategy):
    """TensorFlow's strategy for several instances, with two calls answered as Keras 3 makes them.

    Keras 3.15 asks a strategy to reduce a whole batch, for its shapes alone, and to reduce a metric along an axis that
    a scalar does not have. TensorFlow refuses both where there is more than one instance
    (https://github.com/keras-team/keras/issues/20585).
    """

    def reduce(self, reduce_op: Any, value: Any, axis: int | None = None) -> Any:
        """Combine what every replica has; of a batch, give this instance's part."""
        if tf.nest.is_nested(value):
            return tf.nest.map_structure(lambda part: self.experimental_local_results(part)[0], value)
        scalar = all(part.shape.rank == 0 for part in self.experimental_local_results(value))
        return super().reduce(reduce_op, value, None if scalar else axis)


def choose(hosts: Hosts, addresses: Sequence[str] | None = None, kind: str = "GPU") -> tf.distribute.Strategy:
    """Give the strategy for the devices that there are; to be called before TensorFlow does anything else.

    Parameters
    ----------
    hosts
        The instances of the job.
    addresses
        ``host:port`` of each; by default its name and ``PORT``.
    kind
        TensorFlow's, of the devices of one instance that share its work.

    Returns
    -------
    tf.distribute.Strategy
        TensorFlow's default for one device, which changes nothing.
    """
    if len(hosts.every) > 1:
        os.environ["TF_CONFIG"] = json.dumps(hosts.cluster(addresses))
        return Workers()
    devices = tf.config.list_logical_devices(kind)
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()


def leave_together(strategy: tf.distribute.Strategy, hosts: Hosts) -> None:
    """Wait until every instance is here: TensorFlow takes one that leaves before the others for lost, and ends them."""
    if len(hosts.every) == 1:
        return

    @tf.function
    def meet() -> tf.Tensor:
        return strategy.run(lambda: tf.distribute.get_replica_context().all_reduce("SUM", tf.constant(1.0)))

    meet()

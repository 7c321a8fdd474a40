"""From what was learnt to the graph that is served."""

import tensorflow as tf

from training.models.backbones import Backbone
from training.models.learners import Learned
from training.serving.graph import ServedClassifier
from training.serving.mlp_graph import ServedMaxima


def serve(learned: Learned, spec: Backbone, *, hide_corner: bool = True) -> tf.Module:
    """Give the graph for a classifier, whichever head it has; its function ``serve`` answers for one image."""
    graph = ServedMaxima if spec.hidden else ServedClassifier
    return graph(learned.network, learned.temperature, learned.distance, hide_corner=hide_corner)

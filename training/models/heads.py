"""What turns feature maps into logits: the pool, the hidden layers, the linear layer that ends them."""

import keras

from training.models.backbones import Backbone

_POOLS = {"average": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}


def pool(maps: keras.KerasTensor, backbone: Backbone) -> keras.KerasTensor:
    """Pool feature maps, float32[batch, h, w, d], into the embedding, float32[batch, d]."""
    return _POOLS[backbone.pooling](dtype="float32", name="embedding")(maps)


def classify(embedding: keras.KerasTensor, backbone: Backbone, classes: int) -> keras.KerasTensor:
    """Lead the embedding through the backbone's hidden layers to logits, float32[batch, classes]."""
    x = embedding
    if backbone.embedding_scale != 1.0:
        x = keras.layers.Rescaling(1 / backbone.embedding_scale, name="embedding_scale")(x)
    for number, width in enumerate(backbone.hidden, 1):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden_{number}")(x)
    # float32 whatever the backbone computes in: a softmax of half-precision logits loses its tails.
    return keras.layers.Dense(classes, dtype="float32", name="logits")(x)


def build_head(backbone: Backbone, width: int, classes: int) -> keras.Model:
    """Build the classifier of pooled features: float32[batch, width] to logits float32[batch, classes]."""
    embedding = keras.Input((width,), name="embedding")
    return keras.Model(embedding, classify(embedding, backbone, classes), name="head")


def layer_names(backbone: Backbone) -> list[str]:
    """Name the head's layers with weights, in order."""
    return [*(f"hidden_{number}" for number in range(1, len(backbone.hidden) + 1)), "logits"]

"""What can be wrong with a model."""


class ModelError(RuntimeError):
    """The model or its card is missing, damaged, or not as the card says; names the file."""

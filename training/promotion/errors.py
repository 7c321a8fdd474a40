"""What keeps a promotion from being tried at all, in words that say what to do."""


class PromotionError(Exception):
    """Something that is needed is not there; what was asked for is not judged."""


class RefusedError(Exception):
    """The evidence does not allow it; the findings have been told."""

"""What is told to whoever sits there; what another program may read goes to the standard output instead."""

import sys
from collections.abc import Callable

Say = Callable[[str], object]


def say(text: str) -> None:
    """Tell it on the standard error."""
    sys.stderr.write(text + "\n")

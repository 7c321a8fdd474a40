"""Being told to end by more than Ctrl-C: what a closed terminal, ``kill`` or a shutdown send is an interruption too.

Python ends on these signals without a word, so that a run would stay RUNNING in MLflow for ever.
"""

import signal
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)


def listen() -> None:
    """Take signals that would end this process as ``KeyboardInterrupt``; only in the main thread.

    One that is ignored stays ignored: ``nohup`` means it so.
    """
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt

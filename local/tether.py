"""``python -m local.tether MODULE ARG...``: runs a module as the main program until its parent goes away.

The parent holds the write end of our standard input. When it ends, even by SIGKILL, the pipe closes and so do we.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 5.0


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


def main() -> None:
    """Watch standard input, and run the module that the command line names."""
    threading.Thread(target=_end_with_parent, name="tether", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

"""What a test run takes from the shell that starts it: nothing that could change an answer."""

import os
import socket
from collections.abc import Iterator

from threadpoolctl import threadpool_limits

_CLOUD_AND_PROJECT = ("AWS_", "CDK_CONTEXT", "DAGSHUB_", "LEUKOLENS_", "MLFLOW_", "POWERTOOLS_", "SAGEMAKER_", "SM_")
_FRAMEWORKS = ("KERAS_", "STREAMLIT_", "TF_", "TRAINING_JOB_")
_TERMINAL = ("CLICOLOR", "FORCE_COLOR", "LINES", "NO_COLOR", "PAGER", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
_KEPT = {
    "AWS_CA_BUNDLE",
    "LEUKOLENS_DATA",
    "LEUKOLENS_FUZZ_INPUTS",
    "LEUKOLENS_LOAD_REQUESTS",
    "LEUKOLENS_REQUIRE_ALL",
    "LEUKOLENS_UPDATE_SNAPSHOTS",
    "LEUKOLENS_WITHOUT",
}
_OURS = {
    # No profile, login or region of the person who tests, and no address of a machine that might be one of AWS's own.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # What is trained stays out of this machine's own runs; tests of tracking say themselves where to.
    "LEUKOLENS_TRACKING": "off",
    # Tests run side by side already: threads of one would wait for a core that another uses.
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}
_THIS_MACHINE = "127.0.0.1,localhost"


def settle() -> None:
    """Make the environment the same whoever runs the tests, for this process and all that it starts."""
    for name in list(os.environ):
        if name.startswith((*_CLOUD_AND_PROJECT, *_FRAMEWORKS, *_TERMINAL)) and name not in _KEPT:
            del os.environ[name]
    os.environ.update(_OURS)
    threadpool_limits(1, "blas")  # NumPy may be there already
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _THIS_MACHINE)))


def _ports() -> Iterator[int]:
    """Give ports below those that systems hand out by themselves; each process begins elsewhere."""
    first, last = 15_000, 32_000
    start = os.getpid() * 1009 % (last - first)
    for step in range(last - first):
        yield first + (start + step) % (last - first)


_UNUSED = _ports()


def free_port() -> int:
    """Give a port that nothing listens on, and that neither a socket of another test nor a connection is given.

    A port that the system chose for a socket since closed may be handed to the next one, in either process.
    """
    for port in _UNUSED:
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port
    raise AssertionError("no free port between 15000 and 32000")

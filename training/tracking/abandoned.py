"""Runs whose process ended without a word, by SIGKILL or a power cut: else nobody would tell MLflow that they ended."""

from pathlib import Path

from training.tracking.journal import Journal, journals
from training.tracking.sender import Sender


def close_abandoned(root: Path, uri: str, place: str) -> list[Journal]:
    """End as KILLED what no living process writes any more, and tell the server that had it as running.

    Parameters
    ----------
    root : Path
        Folder of runs written down.
    uri, place : str
        The server's address, and the same without any password.

    Returns
    -------
    list of Journal
        What was closed.
    """
    closed = [journal for journal in journals(root) if journal.close_if_abandoned()]
    for journal in closed:
        if journal.sent(place).run_id is not None:
            Sender(journal, uri).finish()  # what it says where the server is away holds for ``sync`` too, later
    return closed

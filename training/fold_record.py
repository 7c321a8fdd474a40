"""What a fold's model folder says of its fold; written last, so that a folder with it is whole."""

import json
from pathlib import Path

from training.atomic_write import write_whole
from training.data.manifest import Manifest
from training.data.splits import Fold

FOLD_NAME = "fold.json"


def write_record(folder: Path, protocol: str, fold: Fold, manifest: Manifest) -> None:
    """Write ``fold.json``: the protocol, the fold's name, the manifest's digest, and the keys of each part."""
    record = {
        "protocol": protocol,
        "name": fold.name,
        "manifest": manifest.digest,
        "train": list(fold.train),
        "test": list(fold.test),
        "gap": list(fold.gap),
    }
    write_whole(folder / FOLD_NAME, json.dumps(record, indent=0).encode())

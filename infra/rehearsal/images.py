"""Which images the rehearsal sends: real smears where they are at hand, synthetic ones elsewhere."""

from pathlib import Path

from infra.image import ROOT
from local.fields import data_root


def find_images() -> tuple[list[Path], str]:
    """List images, and say what they are."""
    root = data_root()
    if root is not None and (smears := sorted(root.glob("all_smears/*/*.jpg"))):
        # Some of each class rather than the first class alone.
        return smears[:: max(1, len(smears) // 50)], "real"
    return sorted((ROOT / "samples").glob("*.png")), "synthetic"

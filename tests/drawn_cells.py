"""Pictures of single cells that no laboratory has: for the way from labels to a model that answers."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def draw(kind: str, seed: int) -> Image.Image:
    """Draw one cell among red ones, on a grainy ground, so that no two pictures show the same."""
    rng = np.random.default_rng([seed, len(kind), ord(kind[0])])
    image = Image.new("RGB", (96, 96), tuple(int(c) for c in rng.integers(225, 240, 3)))
    pen = ImageDraw.Draw(image)
    for _ in range(7):
        x, y, r = (int(one) for one in rng.integers((0, 0, 7), (96, 96, 14)))
        pen.ellipse([x - r, y - r, x + r, y + r], fill=(225, int(rng.integers(165, 195)), 185))
    x, y = (int(one) for one in rng.integers(38, 58, 2))
    size = int(rng.integers(18, 26))
    if kind == "round":
        pen.ellipse([x - size, y - size, x + size, y + size], fill=(90, 40, 140))
    elif kind == "lobed":
        for dx, dy in ((-12, 0), (12, 4), (0, -12)):
            r = size // 2
            pen.ellipse([x + dx - r, y + dy - r, x + dx + r, y + dy + r], fill=(120, 50, 150))
    else:
        pen.ellipse([x - size, y - size, x + size, y + size], fill=(190, 150, 210))
        pen.rectangle([x - 9, y - 9, x + 9, y + 9], fill=(80, 40, 130))
    noise = rng.normal(0, 8, (96, 96, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def write_patients(folder: Path) -> Path:
    """Write 24 cells of two classes, a table of their four patients, and which class is malignant."""
    rows = ["file,patient"]
    for kind in ("round", "lobed"):
        (folder / kind).mkdir(parents=True)
        for number in range(12):
            draw(kind, number).save(folder / kind / f"{'abcdefghijkl'[number]}.png")
            rows.append(f"{kind}/{'abcdefghijkl'[number]}.png,patient {number % 4}")
    (folder / "groups.csv").write_text("\n".join(rows))
    (folder / "classes.toml").write_text(
        '[[classes]]\nid = "lobed"\nname = "lobed cell"\ntriage = "benign"\n'
        '[[classes]]\nid = "round"\nname = "round cell"\ntriage = "malignant"\n'
    )
    return folder

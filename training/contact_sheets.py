"""Contact sheets: the fields of each slide side by side, for the eye to judge.

They show the images themselves, so they belong into runs/, which git ignores, and never into a commit.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.data.manifest import Record

THUMBNAIL = 96  # pixels
COLUMNS = 12
MOST = 60  # fields a sheet; more are thinned out evenly
CAPTION = 24  # pixels


def write_sheets(folder: Path, records: Sequence[Record], paths: Sequence[Path], slides: Sequence[str]) -> list[Path]:
    """Write one sheet a slide.

    Parameters
    ----------
    folder
        Made if absent.
    records, paths, slides
        One of each an image.

    Returns
    -------
    list of Path
        The sheets, by name of slide.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for slide in sorted(set(slides)):
        members = [k for k, name in enumerate(slides) if name == slide]
        members.sort(key=lambda k: (records[k].acquisition or 0, records[k].key))
        shown = [members[k] for k in np.linspace(0, len(members) - 1, min(MOST, len(members))).round().astype(int)]
        numbers = f"numbers {records[members[0]].acquisition} to {records[members[-1]].acquisition}"
        sheet = _sheet([paths[k] for k in shown], f"{slide}: {len(members)} fields, {numbers}, {len(shown)} shown")
        written.append(folder / f"{slide}.jpg")
        sheet.save(written[-1], quality=88)
    return written


def _sheet(paths: Sequence[Path], caption: str) -> Image.Image:
    rows = -(-len(paths) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * THUMBNAIL, CAPTION + rows * THUMBNAIL), "white")
    ImageDraw.Draw(sheet).text((4, 4), caption, fill="black", font=ImageFont.load_default(size=14))
    for place, path in enumerate(paths):
        with Image.open(path) as image:
            thumbnail = image.convert("RGB").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        sheet.paste(thumbnail, (place % COLUMNS * THUMBNAIL, CAPTION + place // COLUMNS * THUMBNAIL))
    return sheet

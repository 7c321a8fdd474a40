"""A page that shows a data set: its table, and a contact sheet of every class. One file, no script, no address."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from inference import ImageError, read_image
from training.data.dataset import spread
from untrusted import in_html as escape

SHOWN, SIDE_PX = 24, 96
"""Pictures of each class, spread over its files, and the side that each is shown at."""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1a1a1a }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .6rem; vertical-align: top }
tr { border-bottom: 1px solid #ccc } img { margin: 2px; object-fit: contain; background: #eee }
figcaption { font-size: 13px }
"""


def contact_page(title: str, rows: Sequence[tuple[str, str, str]], examples: Mapping[str, Sequence[Path]]) -> str:
    """Write the page: a title, the lines of a table, and by class its image files."""
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    sheets = "".join(_sheet(label, paths) for label, paths in examples.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<table><thead><tr><th>about</th><th>found</th><th>advice</th></tr></thead><tbody>{lines}</tbody></table>"
        f"{sheets}</body></html>\n"
    )


def _sheet(label: str, paths: Sequence[Path]) -> str:
    pictures = "".join(_picture(paths[place]) for place in spread(len(paths), SHOWN).tolist())
    return f"<h2>{escape(label)}, {len(paths)} images</h2><p>{pictures}</p>"


def _picture(path: Path) -> str:
    try:
        image = Image.fromarray(read_image(path.read_bytes()).pixels)
    except (OSError, ImageError):
        return f"<span>{escape(path.name)} cannot be read</span>"
    image.thumbnail((SIDE_PX, SIDE_PX))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    name = escape(path.name)
    return (
        f'<img src="data:image/jpeg;base64,{content}" width="{SIDE_PX}" height="{SIDE_PX}" alt="{name}" title="{name}">'
    )

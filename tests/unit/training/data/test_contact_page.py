from html.parser import HTMLParser
from pathlib import Path

from PIL import Image

from training.data.contact_page import contact_page

HOSTILE = '"><b title="x">&amp;'


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.named: list[str | None] = []

    def handle_data(self, data: str) -> None:
        self.text += f"{data}\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.named += [value for name, value in attrs if name in ("alt", "title")]


def test_names_are_text_wherever_they_stand(tmp_path: Path) -> None:
    good, bad = tmp_path / f"{HOSTILE}.png", tmp_path / f"{HOSTILE}.txt"
    Image.new("RGB", (80, 80), "pink").save(good)
    bad.write_bytes(b"no image")
    read = _Read()
    read.feed(contact_page(f"{HOSTILE} set", [(f"{HOSTILE} row", "", "")], {f"{HOSTILE} class": [good, bad]}))
    assert "b" not in read.tags
    assert read.named == [good.name, good.name]
    lines = read.text.splitlines()
    assert lines.count(f"{HOSTILE} set") == 2
    assert {f"{HOSTILE} row", f"{HOSTILE} class, 2 images", f"{bad.name} cannot be read"} <= set(lines)

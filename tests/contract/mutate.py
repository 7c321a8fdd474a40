"""Damages valid bodies as disks, networks and enemies do; seeded, so that a failure can be had again."""

import io
import struct
from random import Random

import numpy as np
from PIL import Image

from tests.contract.gateway import multipart

_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
_TYPES = ["image/jpeg", "image/png", "image/tiff", "application/json", "text/html", "", "\x00", "multipart/form-data"]


def seeds(field: bytes) -> list[tuple[bytes, str]]:
    """Give one body of each kind that the API takes, with its content type."""
    image = Image.open(io.BytesIO(field)).convert("RGB").resize((96, 80))
    made: list[tuple[bytes, str]] = []
    for kind, options in [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("TIFF", {"save_all": True, "append_images": [image, image]}),
        ("BMP", {}),
        ("WEBP", {}),
        ("WEBP", {"save_all": True, "append_images": [image.rotate(9)]}),
    ]:
        file = io.BytesIO()
        image.save(file, kind, **options)
        made.append((file.getvalue(), f"image/{kind.lower()}"))
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) << 8)
    for other in (image.convert("P"), image.convert("RGBA"), image.convert("1"), deep):
        file = io.BytesIO()
        other.save(file, "PNG")
        made.append((file.getvalue(), "image/png"))
    made.append(multipart(made[0][0]))
    made.append((b'{"upload_id": "0123456789abcdef0123456789abcdef"}', "application/json"))
    return made


def mutated(random: Random, bodies: list[tuple[bytes, str]]) -> tuple[bytes, str]:
    """Give one body, damaged in one to four places, now and then with another content type."""
    body, content_type = random.choice(bodies)
    data = bytearray(body)
    for _ in range(random.randint(1, 4)):
        _damage(random, data, random.choice(bodies)[0])
    return bytes(data), random.choice(_TYPES) if random.random() < 0.05 else content_type


def _damage(random: Random, data: bytearray, other: bytes) -> None:
    # Headers are short and decide most: half of all damage is done in the first 256 bytes.
    reach = min(len(data), 256) if random.random() < 0.5 else len(data)
    at = random.randrange(reach) if reach else 0
    match random.randrange(6):
        case 0 if data:
            data[at] ^= 1 << random.randrange(8)
        case 1:
            number = struct.pack(random.choice("<>") + "I", random.choice(_NUMBERS))
            data[at : at + 4] = number[: random.choice((1, 2, 4))]
        case 2:
            del data[at:]
        case 3:
            del data[at : at + random.randrange(1, 64)]
        case 4:
            data[at:at] = random.randbytes(random.randrange(1, 64))
        case _:
            start = random.randrange(len(other))
            data[at:at] = other[start : start + random.randrange(1, 512)]

"""Writes small ICC profiles, so that the tests need no profile of anybody else's."""

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

_D50: Final = np.array([0.9642, 1.0, 0.8249])
_SRGB_TO_D50: Final = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
_PROPHOTO_TO_D50: Final = np.array(
    [[0.7976749, 0.1351917, 0.0313534], [0.2880402, 0.7118741, 0.0000857], [0, 0, 0.8252100]]
)
PROPHOTO_GAMMA: Final = 1.8
DOT_GAIN: Final = 0.6
"""Of our made-up press: a share ``c`` of ink looks like ``c ** 0.6``."""
_GRID: Final = 9


def _s15(values: npt.ArrayLike) -> bytes:
    numbers = np.atleast_1d(np.asarray(values, float))
    return b"".join(struct.pack(">i", round(float(v) * 65_536)) for v in numbers)


def _xyz(values: npt.ArrayLike) -> bytes:
    return b"XYZ \0\0\0\0" + _s15(values)


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def _description(text: str) -> bytes:
    raw = text.encode("ascii") + b"\0"
    body = b"desc\0\0\0\0" + struct.pack(">I", len(raw)) + raw + b"\0" * 78
    return body + b"\0" * (-len(body) % 4)


def _profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    offset = 128 + 4 + 12 * len(tags)
    listed, content = b"", b""
    for name, body in tags.items():
        listed += name + struct.pack(">II", offset + len(content), len(body))
        content += body + b"\0" * (-len(body) % 4)
    size = offset + len(content)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02400000, kind, space, pcs)
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + _s15(_D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + listed + content


def prophoto() -> bytes:
    """Give a wide RGB profile (ROMM's primaries, gamma 1.8)."""
    red, green, blue = _PROPHOTO_TO_D50.T
    curve = _gamma(PROPHOTO_GAMMA)
    tags = {b"desc": _description("Wide RGB"), b"wtpt": _xyz(_D50), b"rXYZ": _xyz(red), b"gXYZ": _xyz(green)}
    return _profile(
        b"mntr", b"RGB ", b"XYZ ", {**tags, b"bXYZ": _xyz(blue), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    )


def in_prophoto(field: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Give the numbers that an sRGB field has in ``prophoto``."""
    linear = _linear(field / 255.0) @ (np.linalg.inv(_PROPHOTO_TO_D50) @ _SRGB_TO_D50).T
    return (np.clip(linear, 0, 1) ** (1 / PROPHOTO_GAMMA) * 255 + 0.5).astype(np.uint8)


def grey_gamma(gamma: float) -> bytes:
    """Give a grey profile."""
    tags = {b"desc": _description("Grey"), b"wtpt": _xyz(_D50), b"kTRC": _gamma(gamma)}
    return _profile(b"mntr", b"GRAY", b"XYZ ", tags)


def press() -> bytes:
    """Give a CMYK profile whose inks gain: taken for plain complements, its numbers are far too pale."""
    shares = np.linspace(0, 1, _GRID)
    cyan, magenta, yellow, black = np.meshgrid(shares, shares, shares, shares, indexing="ij")
    rgb = np.stack([(1 - ink) * (1 - black) for ink in (cyan, magenta, yellow)], axis=-1)
    lab = _lab(_linear(rgb) @ _SRGB_TO_D50.T)
    # ICC.1:2001-04, 6.5.7 and table 15 (legacy 16-bit L*a*b*).
    codes = np.stack([lab[..., 0] * 652.8, (lab[..., 1] + 128) * 256, (lab[..., 2] + 128) * 256], axis=-1)
    grid = np.clip(codes, 0, 65_535).round().astype(">u2").tobytes()
    curve = ((np.linspace(0, 1, 256) ** DOT_GAIN) * 65_535).round().astype(">u2").tobytes()
    straight = np.array([0, 65_535], ">u2").tobytes()
    table = b"mft2\0\0\0\0" + bytes([4, 3, _GRID, 0]) + _s15(np.eye(3).ravel()) + struct.pack(">HH", 256, 2)
    table += curve * 4 + grid + straight * 3
    tags = {b"desc": _description("Press with gain"), b"wtpt": _xyz(_D50), b"A2B0": table}
    return _profile(b"prtr", b"CMYK", b"Lab ", tags)


def in_press(field: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Give the inks (uint8[h, w, 4], 255 for full) that look like an sRGB field by ``press``."""
    inks = ((1 - field / 255.0) ** (1 / DOT_GAIN) * 255 + 0.5).astype(np.uint8)
    return np.concatenate([inks, np.zeros((*field.shape[:2], 1), np.uint8)], axis=2)


def _linear(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _lab(xyz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    share = xyz / _D50
    root = np.where(share > 216 / 24_389, np.cbrt(share), (24_389 / 27 * share + 16) / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)

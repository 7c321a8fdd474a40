"""The worst file of each format that the intake accepts: seconds of the processor, and the peak of memory with its child.

Each file lies just within the limits of ``lambda/intake`` and is drawn in a process apart, so that neither the drawing's
time nor its memory is measured.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.progress import track

from . import machine

LIMIT_S, LIMIT_MB = 3.0, 700.0
_READ: Final = """
import os, resource, sys, time
sys.path.insert(0, "lambda")
from intake import ImageError, read_image
data = open(sys.argv[1], "rb").read()
warm = open(sys.argv[2], "rb").read()
read_image(warm)  # the child is started, and TIFF's library loaded, once a process
from intake import picture as module

def busy_s():
    # The processor's time of both, whatever else the machine has to do.
    own = time.process_time()
    try:
        fields = open(f"/proc/{module._process.pid}/stat").read().rpartition(")")[2].split()
    except OSError:
        return own
    return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

start = busy_s()
try:
    picture = read_image(data)
    told = f"{picture.width} x {picture.height}"
except ImageError as error:
    told = f"refused: {error.reason}"
seconds = busy_s() - start
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
module._process.close()
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
scale = 1e6 if sys.platform == "darwin" else 1e3
import json
print(json.dumps({"told": told, "seconds": round(seconds, 2), "peak_mb": round((own + child) / scale)}))
"""
_DRAW: Final = """
import io, sys
import numpy as np
from PIL import Image
import imagecodecs, pydicom, tifffile
Image.MAX_IMAGE_PIXELS = None
kind, path = sys.argv[1:]
sample = Image.open("samples/synthetic_pre_01.png").convert("RGB")

def field(megapixels, mode="RGB", noise=0):
    side = round((megapixels * 1e6) ** 0.5) // 16 * 16
    image = sample.resize((side, side)).convert(mode)
    if noise:
        values = np.asarray(image)
        tile = np.random.default_rng(0).integers(0, noise, (512, 512), dtype=np.uint8)
        many = np.tile(tile, (side // 512 + 1, side // 512 + 1))[:side, :side]
        values = values ^ (many if values.ndim == 2 else many[..., None])
        image = Image.fromarray(values, mode)
    return image

def tiff(samples, **options):
    tifffile.imwrite(path, samples, **options)

def scans(side, count):
    file = io.BytesIO()
    Image.new("L", (side, side), 200).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\\xff\\xda")
    open(path, "wb").write(data[:-2] + data[last:-2] * count + b"\\xff\\xd9")

def dicom(samples, syntax, encoded=None):
    from pydicom.dataset import Dataset, FileMetaDataset
    data, meta = Dataset(), FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = pydicom.uid.VLMicroscopicImageStorage, "1.2.3"
    meta.TransferSyntaxUID = syntax
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    data.Rows, data.Columns, data.SamplesPerPixel = *samples.shape[:2], 3
    data.PhotometricInterpretation, data.PlanarConfiguration = "RGB", 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = pydicom.encaps.encapsulate([encoded]) if encoded else samples.tobytes()
    if encoded:
        data["PixelData"].is_undefined_length = True
    pydicom.dcmwrite(path, data, enforce_file_format=True)

rgb = {"photometric": "rgb"}
draw = {
    "JPEG, baseline, 100 MP": lambda: field(100).save(path, "JPEG", quality=60),
    "JPEG, progressive, 100 MP": lambda: field(100).save(path, "JPEG", quality=60, progressive=True),
    "JPEG, 420 scans, 6 MP": lambda: scans(2448, 410),
    "JPEG, 12 bits, 24 MP": lambda: open(path, "wb").write(imagecodecs.jpeg8_encode(np.asarray(field(24)).astype(np.uint16) << 4, bitspersample=12)),
    "JPEG-LS, 24 MP": lambda: open(path, "wb").write(imagecodecs.jpegls_encode(np.asarray(field(24)))),
    "PNG, RGB, 80 MP": lambda: field(79.9).save(path, "PNG", compress_level=1),
    "PNG, RGBA, 80 MP": lambda: field(79.9, "RGBA").save(path, "PNG", compress_level=1),
    "PNG, 16 bits, 40 MP": lambda: open(path, "wb").write(imagecodecs.png_encode(np.asarray(field(39.9)).astype(np.uint16) * 257, level=1)),
    "BMP, 1 bit, 80 MP": lambda: field(79.9).convert("1").save(path, "BMP"),
    "BMP, 24 bits, 8 MP": lambda: field(8).save(path, "BMP"),
    "BMP, run lengths, 16 MP": lambda: rle(4000),
    "WebP, lossless, 24 MP": lambda: field(23.9, "RGBA", noise=2).save(path, "WEBP", lossless=True, method=0, quality=0),
    "WebP, lossy, 24 MP": lambda: field(23.9).save(path, "WEBP", quality=90, method=0),
    "AVIF, 32 MP": lambda: field(31.9).save(path, "AVIF", quality=80, speed=10),
    "HEIC, 32 MP": lambda: heif(31.9),
    "JPEG 2000, lossless, 16 MP": lambda: field(15.9, noise=4).save(path, "JPEG2000"),
    "JPEG 2000, one resolution, 16 MP": lambda: field(15.9, noise=4).save(path, "JPEG2000", num_resolutions=1),
    "TIFF, LZW, 80 MP": lambda: tiff(np.asarray(field(79.9)), compression="lzw", predictor=True, **rgb),
    "TIFF, deflate, 16 bits, 40 MP": lambda: tiff(np.asarray(field(39.9)).astype(np.uint16) * 257, compression="zlib", predictor=True, **rgb),
    "TIFF, JPEG tiles, 80 MP": lambda: tiff(np.asarray(field(79)), compression="jpeg", tile=(256, 256), compressionargs={"level": 60}, **rgb),
    "TIFF, 39,000 tiles of 16, 10 MP": lambda: tiff(np.asarray(field(9.98)), tile=(16, 16), compression="zlib", **rgb),
    "TIFF, 10,000 strips of one row": lambda: tiff(np.asarray(field(79, "L")), rowsperstrip=1, compression="packbits"),
    "TIFF, JPEG 2000, 16 MP": lambda: tiff(np.asarray(field(15.9, noise=4)), compression="jpeg2000", tile=(512, 512), **rgb),
    "TIFF, WebP, 24 MP": lambda: tiff(np.asarray(field(23.9, noise=2)), compression="webp", tile=(512, 512), **rgb),
    "TIFF, LZMA, 16 MP": lambda: tiff(np.asarray(field(15.9, noise=4)), compression="lzma", tile=(512, 512), **rgb),
    "TIFF, LERC, 24 MP": lambda: tiff(np.asarray(field(23.9)), compression="lerc", tile=(512, 512), **rgb),
    "DICOM, deflated, 60 MP": lambda: dicom(np.asarray(field(59.9)), pydicom.uid.DeflatedExplicitVRLittleEndian),
    "DICOM, JPEG 2000, 16 MP": lambda: dicom(np.asarray(field(15.9)), pydicom.uid.JPEG2000Lossless, imagecodecs.jpeg2k_encode(np.asarray(field(15.9, noise=4)), level=0, codecformat="j2k")),
}

def rle(side):
    import struct
    runs = (b"\\x64\\x07" * (side // 100) + b"\\0\\0") * side + b"\\0\\1"
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0)
    palette = bytes(range(256)) * 4
    open(path, "wb").write(b"BM" + struct.pack("<IHHI", 1078 + len(runs), 0, 0, 1078) + header + palette + runs)

def heif(megapixels):
    import pillow_heif
    pillow_heif.from_pillow(field(megapixels)).save(path, quality=70)

if kind == "names":
    print("\\n".join(draw))
else:
    draw[kind]()
"""


def measure(console: Console) -> list[dict[str, Any]]:
    """Measure each format's worst accepted file; gives a row each: name, file, seconds, peak of memory."""
    found = []
    with TemporaryDirectory() as folder:
        path, warm = Path(folder) / "worst", Path(folder) / "warm.tif"
        _draw("TIFF, 39,000 tiles of 16, 10 MP", warm)
        for name in track(names(), "Formats", console=console, transient=True):
            _draw(name, path)
            row = {"name": name, "file_mb": round(path.stat().st_size / 1e6, 2), **_read(path, warm)}
            console.print(
                f"{name}: {row['told']}, {row['file_mb']} MB, {row['seconds']} s, {row['peak_mb']} MB", markup=False
            )
            found.append(row)
    return found


def names() -> list[str]:
    """List the worst files that can be drawn."""
    return _run(_DRAW, "names", "-").splitlines()


def _draw(name: str, path: Path) -> None:
    _run(_DRAW, name, str(path))


def _read(path: Path, warm: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_run(_READ, str(path), str(warm)))
    return told


def _run(program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=machine.ROOT, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    print(json.dumps(measure(Console(stderr=True)), indent=1))

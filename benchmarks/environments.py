"""Throwaway virtual environments of the peers, under .work/peers/; made once for each list of requirements."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from .machine import ROOT

ENVIRONMENTS = ROOT / ".work" / "peers"
PEERS = ROOT / "benchmarks" / "peers"
_TIMEOUT_S = 600


class NotInstallableError(Exception):
    """A peer cannot be installed here; the message is the installer's."""


def environment(name: str, requirements: Path, *extra: str) -> Path:
    """Make a virtual environment, or find the one made before.

    Parameters
    ----------
    name
        Of its folder.
    requirements
        Pinned versions.
    extra
        Further requirements.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    NotInstallableError
        When a requirement cannot be had.
    """
    folder = ENVIRONMENTS / name
    made_of = hashlib.sha256(requirements.read_bytes() + " ".join(("compiled", *extra)).encode()).hexdigest()
    mark = folder / "made-of"
    if mark.exists() and mark.read_text() == made_of:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    uv = _uv()
    _run([uv, "venv", "--quiet", "--python", str(ROOT / ".venv" / "bin" / "python"), str(folder)])
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder / "bin" / "python")]
    _run([*install, "-r", str(requirements), *extra])
    mark.write_text(made_of)
    return folder


def size_mb(folder: Path) -> float:
    """Give the size of an environment's files, in MB (10^6 bytes)."""
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)


def onnx_model(model: Path) -> Path:
    """Convert a TFLite file to ONNX, or find the conversion made before."""
    target = ENVIRONMENTS / f"{hashlib.sha256(model.read_bytes()).hexdigest()[:16]}.onnx"
    if not target.exists():
        converter = environment("onnx_conversion", PEERS / "onnx_conversion" / "requirements.txt")
        command = ["-m", "tf2onnx.convert", "--tflite", str(model), "--output", str(target), "--opset", "17"]
        _run([str(converter / "bin" / "python"), *command])
    return target


def _uv() -> str:
    found = sorted((ROOT / ".tools").glob("uv-*/bin/uv"))
    if not found:
        raise NotInstallableError("uv is not set up: run `make setup`")
    return str(found[-1])


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise NotInstallableError(f"{command[0]} took longer than {_TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise NotInstallableError((done.stderr or done.stdout).strip()[-500:])

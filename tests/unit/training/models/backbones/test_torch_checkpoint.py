import io
import os
import pickle
import struct
import sys
from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest

from training.models.backbones.efficientnet_lite import packaged_checkpoint
from training.models.backbones.torch_checkpoint import MAGIC_NUMBER, PROTOCOL_VERSION, CheckpointError, read_state_dict

NUMBERS = np.arange(6, dtype="<f4")
CONTENT = NUMBERS.tobytes()


class FloatStorage:
    def __init__(self, key="0", elements=NUMBERS.size):
        self.key, self.elements = key, elements


class Tensor:
    def __init__(self, offset, shape, strides, storage=None):
        self.parts = (storage or FloatStorage(), offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.parts


def _rebuild_tensor_v2(*parts):
    raise AssertionError("the reader must not run what the file names")


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return ("storage", FloatStorage, obj.key, "cpu", obj.elements, None) if isinstance(obj, FloatStorage) else None


def dumps(value):
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump(value)
    return buffer.getvalue()


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Write as torch.save did, with stand-ins under PyTorch's names."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    torch.FloatStorage, utils._rebuild_tensor_v2 = FloatStorage, _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    monkeypatch.setattr(FloatStorage, "__module__", "torch")
    monkeypatch.setattr(_rebuild_tensor_v2, "__module__", "torch._utils")

    def write(state, *, magic=MAGIC_NUMBER, keys=("0",), content=CONTENT):
        path = tmp_path / "weights.pth"
        parts = (magic, PROTOCOL_VERSION, {"little_endian": True}, state, list(keys))
        path.write_bytes(b"".join(map(dumps, parts)) + struct.pack("<q", NUMBERS.size) + content)
        return path

    return write


def test_tensors_come_back_in_their_order(save):
    tensors = read_state_dict(save(OrderedDict(rows=Tensor(0, (2, 3), (3, 1)), turned=Tensor(1, (2, 2), (1, 2)))))
    np.testing.assert_array_equal(tensors["rows"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(tensors["turned"], [[1, 3], [2, 4]])


class Attack:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"state": OrderedDict(evil=Attack())}, "asks for posix.system"),
        ({"state": OrderedDict(far=Tensor(4, (3,), (1,)))}, "outside its storage"),
        ({"state": OrderedDict(before=Tensor(5, (6,), (-1,)))}, "outside its storage"),
        ({"state": OrderedDict(a=Tensor(0, (6,), (1,))), "magic": 7}, "format from before"),
        ({"state": OrderedDict(a=Tensor(0, (6,), (1,))), "content": b"1234"}, "cut short"),
        ({"state": OrderedDict(a=Tensor(0, (6,), (1,))), "keys": ("0", "1")}, "lists storages"),
        ({"state": OrderedDict(a=1)}, "not a state dict"),
    ],
    ids=["code", "beyond", "negative", "magic", "short", "keys", "no tensor"],
)
def test_anything_else_is_refused(save, case, message):
    with pytest.raises(CheckpointError, match=message):
        read_state_dict(save(**case))


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"PK\x03\x04 a zip")
    with pytest.raises(CheckpointError, match=r"weights\.pth is not"):
        read_state_dict(path)


def test_the_packaged_weights_are_whole():
    tensors = read_state_dict(packaged_checkpoint())
    assert len(tensors) == 296
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert all(np.isfinite(values).all() for values in tensors.values())

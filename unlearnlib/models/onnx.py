"""The tensors in an ONNX file, and which nodes use them, without the package `onnx`.

An ONNX file is a message of protocol buffers: fields, each a number with a kind in its low three
bits, then a value: a variable-length integer, 8 bytes, a length and as many bytes, or 4 bytes.
A nested message is such bytes. Needed are few of them:

- model: 7 graph
- graph: 1 node, 5 initialiser, each any number of times
- node: 1 input, any number of times; 3 name
- tensor: 1 sizes, 2 type (1: single precision), 8 name, 9 values, little-endian
"""

import struct
from collections import defaultdict
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SpecError

Value = int | memoryview
Array = npt.NDArray[np.float32]
_FIXED = {1: 8, 5: 4}
_SINGLE = 1
"""The number of single precision among ONNX's types."""


def initialisers(file: Path) -> tuple[dict[str, Array], dict[str, list[str]]]:
    """Return the tensors by name, and by the name of a tensor the names of the nodes that use it.

    Args:
        file: An ONNX file that holds its tensors itself, in single precision.

    Raises:
        SpecError: It is none.
    """
    try:
        return _of_graph(_only(memoryview(file.read_bytes()), 7))
    except OSError as error:
        raise SpecError(f"{file} cannot be read: {error.strerror}.") from None
    except (LookupError, ValueError, struct.error) as error:
        raise SpecError(
            f"{file} is no ONNX file with tensors in single precision inside ({error}). Export the "
            "network anew, with its weights in the file."
        ) from None


def _of_graph(graph: memoryview) -> tuple[dict[str, Array], dict[str, list[str]]]:
    """Return what `initialisers` does, of the message of a graph."""
    tensors: dict[str, Array] = {}
    users: defaultdict[str, list[str]] = defaultdict(list)
    for number, value in _fields(graph):
        if number == 5:
            name, array = _tensor(_bytes(value))
            tensors[name] = array
        elif number == 1:
            node = [*_fields(_bytes(value))]
            name = next((_text(v) for k, v in node if k == 3), "")
            for given in (_text(v) for k, v in node if k == 1):
                users[given].append(name)
    if not tensors:
        raise ValueError("there is no tensor")
    return tensors, {name: users[name] for name in tensors}


def _tensor(message: memoryview) -> tuple[str, Array]:
    """Return name and values of a tensor."""
    shape: list[int] = []
    for number, value in _fields(message):
        if number == 1:
            shape += [value] if isinstance(value, int) else _integers(value)
    name = _text(_only(message, 8))
    if [v for k, v in _fields(message) if k == 2] != [_SINGLE]:
        raise ValueError(f"'{name}' is of another type")
    array = np.frombuffer(_only(message, 9), "<f4")
    if array.size != prod(shape):
        raise ValueError(f"'{name}' has {array.size} values and sizes {shape}")
    return name, array.reshape(shape)


def _only(message: memoryview, number: int) -> memoryview:
    """Return the one field of a number."""
    (value,) = (_bytes(v) for k, v in _fields(message) if k == number)
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the fields of a message: their numbers, and integers or bytes."""
    at, end = 0, len(message)
    while at < end:
        key, at = _integer(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _integer(message, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _integer(message, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise ValueError(f"a field of kind {kind} at byte {at}")
        if at + size > end:
            raise ValueError("the file ends early")
        yield number, message[at : at + size]
        at += size


def _integer(message: memoryview, at: int) -> tuple[int, int]:
    """Return the integer at a place, seven bits a byte, the lowest first; and where it ends."""
    value = 0
    for i in range(10):
        byte = message[at + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, at + i + 1
    raise ValueError(f"an integer without an end at byte {at}")


def _integers(message: memoryview) -> list[int]:
    """Return integers that follow each other."""
    found, at = [], 0
    while at < len(message):
        value, at = _integer(message, at)
        found.append(value)
    return found


def _bytes(value: Value) -> memoryview:
    """Return the bytes that a field must have."""
    if isinstance(value, int):
        raise ValueError("an integer where bytes should be")
    return value


def _text(value: Any) -> str:
    """Return a name."""
    return bytes(_bytes(value)).decode()

"""Make the embedded set `fashion_small` from the official Fashion-MNIST files.

    python data/embedded/make_fashion_small.py FOLDER

FOLDER holds the four official files, `train-images-idx3-ubyte.gz` and its three companions. The
first 1200 training and the first 200 test images of each class, in official order, are written
beside this script as idx files of the same names, compressed with xz. The size and SHA-1 of each
file's content are printed: `unlearnlib/data/sets.py` holds them, and the loader checks them.
"""

import gzip
import hashlib
import lzma
import sys
from pathlib import Path

import numpy as np

PER_CLASS = {"train": 1200, "t10k": 200}
HEADER = {"images-idx3": 16, "labels-idx1": 8}  # bytes before the values


def main(source: Path, target: Path) -> None:
    """Write the subset of the files in `source` into the folder `target`."""
    target.mkdir(exist_ok=True)
    for split, per_class in PER_CLASS.items():
        content = {
            kind: gzip.decompress((source / f"{split}-{kind}-ubyte.gz").read_bytes())
            for kind in HEADER
        }
        labels = np.frombuffer(content["labels-idx1"], np.uint8, offset=HEADER["labels-idx1"])
        first = [np.flatnonzero(labels == label)[:per_class] for label in range(10)]
        chosen = np.sort(np.concatenate(first))
        for kind, header in HEADER.items():
            values = np.frombuffer(content[kind], np.uint8, offset=header)
            values = values.reshape(len(labels), -1)[chosen]
            # the header: type and number of dimensions, number of examples, size of an example
            count = len(chosen).to_bytes(4, "big")
            data = content[kind][:4] + count + content[kind][8:header] + values.tobytes()
            (target / f"{split}-{kind}-ubyte.xz").write_bytes(lzma.compress(data, preset=9))
            print(
                f'Part("{split}-{kind}-ubyte", {len(data):_}, "{hashlib.sha1(data).hexdigest()}"),'
            )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(__file__).parent / "fashion_small")

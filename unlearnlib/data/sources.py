"""The files of each data set, where they come from, and their digests."""

from .files import Part, Source

# SHA-1 of the uncompressed files, computed from Debian's package dataset-fashion-mnist, which holds
# the official files recompressed: the MD5 sums on the home page are of its own compressed files.
FASHION = Source(
    folder="fashion-mnist",
    parts=(
        Part("train-images-idx3-ubyte", 47_040_016, "b9bd999c0106c9b8b4b0cefce58c9a6060f27095"),
        Part("train-labels-idx1-ubyte", 60_008, "4bccf37222e01638381eaa326bf730337a597267"),
        Part("t10k-images-idx3-ubyte", 7_840_016, "880056926db704f9f713097915f99da346f5b1d1"),
        Part("t10k-labels-idx1-ubyte", 10_008, "958122e8b4b97fd4e71eca2d08ef754ed77c3ad9"),
    ),
    urls=tuple(
        f"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{name}-ubyte.gz"
        for name in (
            "train-images-idx3",
            "train-labels-idx1",
            "t10k-images-idx3",
            "t10k-labels-idx1",
        )
    ),
)
# As printed by data/embedded/make_fashion_small.py.
FASHION_SMALL = Source(
    folder="fashion_small",
    parts=(
        Part("train-images-idx3-ubyte", 9_408_016, "f1bb1005ab46d43e19cbd62f3bf8365a0809dbc8"),
        Part("train-labels-idx1-ubyte", 12_008, "59a970ec4f2478e0948450e1a5ce0def96ce32e8"),
        Part("t10k-images-idx3-ubyte", 1_568_016, "5532bbf37c76c13a95842c330d14013fba635da6"),
        Part("t10k-labels-idx1-ubyte", 2_008, "d788ac2e46b0f5eedd0a89be94b6ba9a94543fa8"),
    ),
)
# SHA-1 of the files in the official binary archives.
CIFAR10 = Source(
    folder="cifar-10-batches-bin",
    parts=(
        Part("data_batch_1.bin", 30_730_000, "aadd24acce27caa71bf4b10992e9e7b2d74c2540"),
        Part("data_batch_2.bin", 30_730_000, "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795"),
        Part("data_batch_3.bin", 30_730_000, "1dd00a74ab1d17a6e7d73e185b69dbf31242f295"),
        Part("data_batch_4.bin", 30_730_000, "aab85764eb3584312d3c7f65fd2fd016e36a258e"),
        Part("data_batch_5.bin", 30_730_000, "26e2849e66a845b7f1e4614ae70f4889ae604628"),
        Part("test_batch.bin", 30_730_000, "67eb016db431130d61cd03c7ad570b013799c88c"),
    ),
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    others=("cifar-10-python.tar.gz", "cifar-10-batches-py"),
)
CIFAR100 = Source(
    folder="cifar-100-binary",
    parts=(
        Part("train.bin", 153_700_000, "e207cd2e05b73b1393c74c7f5e7bea451d63e08e"),
        Part("test.bin", 30_740_000, "8fb6623e830365ff53cf14adec797474f5478006"),
    ),
    urls=("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",),
    others=("cifar-100-python.tar.gz", "cifar-100-python"),
)
# The official archive, read as it is; MD5 and size as other loaders of it print them, since it was
# not at hand.
TINY_IMAGENET = Source(
    folder="tiny-imagenet",
    parts=(Part("tiny-imagenet-200.zip", 248_100_043, "90528d7ca1a48142e341f4ef8d21d0de"),),
    urls=("http://cs231n.stanford.edu/tiny-imagenet-200.zip",),
)
# The first 20 classes of `wnids.txt` in an archive of the same layout, where somebody has cut one.
TINY_IMAGENET_20 = Source(
    folder="tiny-imagenet",
    parts=(Part("tiny-imagenet-20.zip", 23_976_430, "9bf4c05a91be957eefb687952d553d2548785384"),),
    urls=TINY_IMAGENET.urls,
)
# SHA-1 of a copy of the official files (43,410 and 5,427 lines); the third file is not used.
GOEMOTIONS = Source(
    folder="goemotions",
    parts=(
        Part("train.tsv", 3_519_053, "ee854651cc9a474972960647c7ffc7dd6c12da6c"),
        Part("test.tsv", 436_706, "449ca0301eb6003c1fedfeaee9b28405da4b86c1"),
    ),
    urls=tuple(
        "https://raw.githubusercontent.com/google-research/google-research/master/goemotions/data/"
        + name
        for name in ("train.tsv", "test.tsv")
    ),
)

"""Data sets as tensors, whole in memory, and their batched augmentation.

Begin with :func:`load`; its result is a :class:`Dataset` of two :class:`Labelled`.

- `sets`: a data set by its name: add a set here
- `sizes`: how large each set is, known without its files: add its size there
- `dataset`: what a data set is: training and test examples and the names of classes
- `tensors`: examples with labels and without, checked when they are made; batches
- `augment`: crop, flip and rotation of a batch of images
- `poison`: wrong labels on purpose, `NAME+poison500`
- `text`: GoEmotions, as words; `encoders`: as tokens or features of an encoder
- `lfw`, `tiny_imagenet`: what these two archives hold
- `names`: class names, in the order of their labels
- `sources`: the official files of each set: sizes, digests, home pages
- `files`: finds these files, or has them downloaded, and checks them
- `download`: gets and unpacks what a home page serves, within bounds
"""

from .augment import augment as augment
from .dataset import Dataset as Dataset
from .poison import parsed_name as parsed_name
from .poison import partners as partners
from .poison import poisoned as poisoned
from .sets import NAMES as NAMES
from .sets import fetch as fetch
from .sets import load as load
from .tensors import Inputs as Inputs
from .tensors import Labelled as Labelled

"""Data sets as tensors, whole in memory, and their batched augmentation."""

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

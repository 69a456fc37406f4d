"""Data sets as tensors, whole in memory, and their batched augmentation."""

from unlearnlib.data.sets import NAMES as NAMES
from unlearnlib.data.sets import Dataset as Dataset
from unlearnlib.data.sets import fetch as fetch
from unlearnlib.data.sets import load as load
from unlearnlib.data.tensors import Inputs as Inputs
from unlearnlib.data.tensors import Labelled as Labelled

"""The parts of a data set that a request makes."""

from dataclasses import dataclass, field

from torch import Tensor

from .data import Labelled


@dataclass(frozen=True)
class Splits:
    """The data, split by a request. `forget` and `retain` together are the training set.

    What a method may be handed is a copy, from which the rest cannot be reached.

    Attributes:
        forget: What is to be forgotten, :math:`D_f`.
        retain: The rest of the training set, :math:`D_r`.
        validation: Held out of the training set, seen by neither; may be empty.
        test: The test set.
        test_forget: Test examples of the forgotten kind; empty for a random request.
        test_retain: The other test examples.
        validation_forget: Validation examples of the forgotten kind.
        validation_retain: The other validation examples.
        alike: Which of `test` and of `validation` are of the forgotten kind, (n,), bool.
    """

    forget: Labelled
    retain: Labelled
    validation: Labelled
    test: Labelled
    test_forget: Labelled
    test_retain: Labelled
    validation_forget: Labelled
    validation_retain: Labelled
    alike: dict[str, Tensor] = field(default_factory=dict)

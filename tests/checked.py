"""A plugin of pytest: with `-p tests.checked` each call's shapes and types are checked.

What is refused is then refused by jaxtyping and not in our words: the usual runs go without.
"""

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

ROOMS = [f"unlearnlib.{name}" for name in ("audit", "data", "losses", "metrics")]
check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float too
install_import_hook(ROOMS, f"{__name__}.check")

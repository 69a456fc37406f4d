"""What the server imports first: kernels have a configuration of their own, not that of a user.

Importing this module changes the environment of the process, which is meant for the server alone.
"""

import contextlib
import os
import tempfile

from .kernel import CONFIGURATION

os.environ.pop("PYTHONSTARTUP", None)
os.environ.update(CONFIGURATION)
with (
    tempfile.TemporaryDirectory() as empty,
    contextlib.chdir(empty),  # matplotlib would read a matplotlibrc of the current folder
    contextlib.suppress(ImportError),
):
    import matplotlib  # noqa: F401

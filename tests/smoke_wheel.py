"""Build the wheel, install it as a stranger would, and run every method once: `make wheel`.

The environment holds what the wheel declares and nothing else, and the check runs outside the
repository, so a file that is missing in the wheel or a dependency that is not declared shows here.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CHECK = """
import sys
from pathlib import Path

import torch
from torch import nn

import unlearnlib
from unlearnlib import METHODS, GradientSpace, Labelled, Recipe, access, load, rng
from unlearnlib import fisher_diagonal, output_sensitivity

assert Path(unlearnlib.__file__).is_relative_to(sys.prefix), unlearnlib.__file__

def fresh_model(generator):
    torch.manual_seed(generator.initial_seed())
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))

draw = rng("data", 0)
data = Labelled(torch.randn(24, 6, generator=draw), torch.arange(24) % 3)
forget, retain = data[torch.arange(2)], data[torch.arange(2, 24)]
stored = fisher_diagonal(fresh_model(rng("model", 0)), data)
felt = output_sensitivity(fresh_model(rng("model", 0)), data.inputs)
space = GradientSpace.of(fresh_model(rng("model", 0)), data.inputs)
for name, method in METHODS.items():
    offers = {
        "forget": forget, "forget_inputs": forget.inputs,
        "classes_to_forget": forget.classes, "retain": retain,
        "retain_inputs": retain.inputs, "validation": retain, "fresh_model": fresh_model,
        "recipe": Recipe(epochs=1), "generator": rng("method", 0), "fisher": stored,
        "sensitivity": felt, "gradient_space": space,
    }
    unlearned = method()(fresh_model(rng("model", 0)), **{k: offers[k] for k in access(method())})
    assert unlearned(data.x).isfinite().all(), name
    print(f"  {name}: {', '.join(access(method())) or 'nothing'}")

embedded = load("fashion_small")
print(f"  embedded data: {len(embedded.train)} + {len(embedded.test)} images")
"""


def run(*command: str | Path, folder: Path = ROOT) -> None:
    """Run a command in `folder`, and stop with its status if it fails."""
    done = subprocess.run(command, cwd=folder, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command[:3]))} ... failed: see above.")


def main() -> None:
    """Build, install, check."""
    torch = re.search(r"^torch==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert torch, "requirements.txt pins no torch"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
        run(sys.executable, *pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ".")
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        run(python, *pip, "install", "--no-compile", torch[0], folder=folder)
        run(python, *pip, "install", "--no-compile", *folder.glob("*.whl"), folder=folder)
        (folder / "check.py").write_text(CHECK)
        run(python, "-W", "error", "check.py", folder=folder)


if __name__ == "__main__":
    main()

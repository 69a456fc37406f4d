"""Records of a measurement or two, made by hand."""

import gzip
import json
from pathlib import Path
from typing import Any

from unlearnlib.runs import behaviour, records


def record(name: str = "a", value: Any = 0.5, date: str | None = None, **identity: Any) -> Any:
    """A record of one measurement, under the run id that is its own."""
    own: dict[str, Any] = dict.fromkeys(records.IDENTITY, "x") | {"part": "try", "scale": "paper"}
    own |= dict.fromkeys(("seed_model", "seed_request", "seed_method"), 0)
    own["params"] = json.dumps({"name": name})
    own |= identity
    specification = {"type": "JiT"}
    provenance = {"behaviour": behaviour.of_kind("JiT", "toy"), "seconds": 1.5}
    return {
        "run_id": records.run_id(own, specification), "identity": own,
        "specification": specification,
        "rows": [["accuracy", "forget", value]],
        "provenance": provenance if date is None else provenance | {"date": date},
    }  # fmt: skip


def record_of_two(name: str = "a", **identity: Any) -> Any:
    """A record of two measurements, by JiT; one of them has no short form."""
    one = record(name, **{"method": "JiT", **identity})
    return one | {
        "rows": [["accuracy", "forget", 0.1 + 0.2], ["seconds_unlearn", "", 3]],
        "provenance": one["provenance"] | {"commit": "abc"},
    }


def values() -> dict[str, Any]:
    """The value of each record by its name."""
    known = records.load_all("try", "paper").values()
    return {json.loads(one["identity"]["params"])["name"]: one["rows"][0][2] for one in known}


def loose(lab: Path) -> list[Path]:
    return sorted((lab / "data" / "records" / "try" / "paper").glob("*"))


def put(lab: Path, one: Any, name: str = "") -> Path:
    """Write a loose file whatever is in it."""
    path = lab / "data/records/try/paper" / f"{name or one['run_id']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(one if isinstance(one, str) else json.dumps(one))
    return path


def lines_of(packed: Path) -> list[str]:
    """The lines of a compressed table."""
    return gzip.decompress(packed.read_bytes()).decode().splitlines()


def repack(packed: Path, lines: list[str]) -> None:
    """Write lines into a compressed table, whatever they are."""
    packed.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))

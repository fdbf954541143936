"""Who may import whom, read from the import statements; what the architecture page promises is kept here."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "music_affect"
# A room imports itself and the rooms of the floors below it; those side by side on a floor do not know each other.
FLOORS = (
    ("contracts",),
    ("system",),
    ("features", "models"),
    ("data", "tasks"),
    ("runs",),
    ("evaluation",),
    ("configuration",),
    ("training",),
    ("inference",),
    ("sweep",),
)
NEVER = {
    ("data", "models"),
    ("tasks", "models"),
    ("tasks", "features"),
}  # joined by build alone
LOOSE = {"api", "__main__"}  # and the entry points: all that is not in a room
INSIDE = {"music_affect.features.self_test"}  # a program that stands in a room
WITHOUT_CONFIGURATION = {"contracts", "system", "features", "models", "data", "tasks", "evaluation"}
CONFIGURATION = {"hydra", "omegaconf"}
DRAWERS = {"utils", "util", "core", "helpers", "helper", "common", "misc", "tools"}
HEAVY = {"torch", "torchmetrics", "lightning", "librosa", "sklearn"}  # each costs a second and more

Imports = Mapping[str, set[str]]


def modules(package: Path) -> dict[str, Path]:
    """Files of a package by the name they are imported under."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path, *, at_start: bool = False) -> dict[str, set[str]]:
    """What each module imports anywhere, or, ``at_start``, as soon as it is imported itself."""
    paths = modules(package)
    return {name: set(_imported(_statements(path, at_start), set(paths))) for name, path in paths.items()}


def _statements(path: Path, at_start: bool) -> Iterator[ast.stmt]:
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if at_start and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_for_types(node)):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _imported(statements: Iterator[ast.stmt], own: set[str]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level == 0, "relative imports hide who imports whom"
            for alias in statement.names:  # a module of the package, or a name out of one
                inner = f"{statement.module}.{alias.name}"
                yield inner if inner in own else str(statement.module)


def room(module: str) -> str | None:
    """The folder of a module, or None for one at the top of the package."""
    parts = module.split(".")
    return parts[1] if ".".join(parts[:2]) in ROOMS else None


def entry_points(package: Path) -> set[str]:
    """Modules with a ``main``."""
    return {
        name
        for name, path in modules(package).items()
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in ast.parse(path.read_text()).body)
    }


def is_configuration(name: str) -> bool:
    return name.split(".")[0] in CONFIGURATION


def misplaced(found: Imports) -> list[str]:
    """Imports out of a room that its floor does not allow."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    return [
        f"{module} imports {name}"
        for module, names in found.items()
        for name in sorted(names)
        if (own := room(module)) is not None
        and (
            (is_configuration(name) and own in WITHOUT_CONFIGURATION)
            or (
                name.split(".")[0] == "music_affect"
                and name != "music_affect"
                and (other := room(name)) != own
                and (other is None or floor[other] >= floor[own] or (own, other) in NEVER)
            )
        )
    ]


def circle(found: Imports) -> list[str]:
    """Modules that import one another in a circle, or nothing."""
    own = {name: {other for other in names if other in found} for name, names in found.items()}
    try:
        TopologicalSorter(own).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def reached(module: str, found: Imports) -> set[str]:
    """Everything that comes along when a module is imported."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(found.get(name, ()))
    return seen


ROOMS = {f"music_affect.{name}" for names in FLOORS for name in names}
ALL = imports(PACKAGE)
ENTRY_POINTS = sorted(entry_points(PACKAGE))


def test_every_module_stands_in_a_room() -> None:
    assert {f"music_affect.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")} == ROOMS
    loose = {name for name in ALL if room(name) is None and name != "music_affect"}
    assert loose == {*ENTRY_POINTS, *(f"music_affect.{name}" for name in LOOSE)} - INSIDE


def test_rooms_import_what_their_floor_allows() -> None:
    assert misplaced(ALL) == []


def test_nothing_imports_an_entry_point() -> None:
    assert {"music_affect.train", "music_affect.evaluate", "music_affect.predict"} <= set(ENTRY_POINTS)
    assert [(name, other) for name, others in ALL.items() for other in sorted(others) if other in ENTRY_POINTS] == []


def test_no_circle() -> None:
    assert circle(ALL) == []


def test_no_drawers() -> None:
    assert [name for name in modules(PACKAGE) if DRAWERS & set(name.split("."))] == []


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_a_mistake_on_the_command_line_is_answered_before_anything_heavy_is_imported(name: str) -> None:
    along = reached(name, imports(PACKAGE, at_start=True))
    assert {other.split(".")[0] for other in along} & HEAVY == set()


@pytest.fixture
def small_package(tmp_path: Path) -> Path:
    """A package that breaks every rule."""
    package = tmp_path / "music_affect"
    sources = {
        "__init__": "",
        "train": "import music_affect.tasks.genre\ndef main(): ...\n",
        "contracts/__init__": "",
        "contracts/spec": "",
        "models/__init__": "",
        "models/net": "def build():\n    from music_affect.data import cache\nimport music_affect.contracts.spec\n",
        "data/__init__": "import music_affect.train\n",
        "data/cache": "import typing\nif typing.TYPE_CHECKING:\n    from music_affect.models.net import Net\n",
        "tasks/__init__": "",
        "tasks/genre": "from omegaconf import DictConfig\ntry:\n    import torch\nexcept ImportError:\n    pass\n",
    }
    for name, text in sources.items():
        path = package / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return package


def test_every_kind_of_import_is_seen(small_package: Path) -> None:
    found = imports(small_package)
    assert misplaced(found) == [
        "music_affect.data imports music_affect.train",
        "music_affect.data.cache imports music_affect.models.net",
        "music_affect.models.net imports music_affect.data.cache",
        "music_affect.tasks.genre imports omegaconf",
    ]
    assert set(circle(found)) == {"music_affect.models.net", "music_affect.data.cache"}
    assert entry_points(small_package) == {"music_affect.train"}
    assert "torch" in reached("music_affect.train", imports(small_package, at_start=True))
    assert circle(imports(small_package, at_start=True)) == []

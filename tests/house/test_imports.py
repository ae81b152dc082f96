# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls of the house: which room may import what (docs/architecture.md)."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("core", "inference", "rigs", "interchange", "preference", "cli", "scene", "settings", "operators", "panels", "training")
NO_BPY = ("core", "inference", "rigs", "interchange", "preference")
TORCH_ALLOWED = ("inference", "training")


def sources() -> list[Path]:
    return [p for room in SHIPPED for p in sorted((ROOT / room).rglob("*.py"))] + sorted(ROOT.glob("*.py"))


def imports(path: Path, top_level_only: bool = False) -> list[tuple[int, str]]:
    """(relative level, dotted module) of every import statement; only those run at import time if asked."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if top_level_only:
        def runs_later(node: ast.AST) -> bool:
            never = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            return never or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)

        inside = {n for f in ast.walk(tree) if runs_later(f) for n in ast.walk(f)}
        nodes = [n for n in ast.walk(tree) if n not in inside]
    else:
        nodes = list(ast.walk(tree))
    found = [(0, alias.name) for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            found += [(node.level, f"{node.module or ''}.{alias.name}".strip(".")) for alias in node.names]
    return found


def room(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else ""


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_walls(path: Path) -> None:
    for level, module in imports(path):
        first = module.split(".")[0]
        assert not (level == 0 and first == "facewright"), "imports inside the package are relative: its name differs when installed"
        if room(path) in NO_BPY:
            assert not (level == 0 and first in {"bpy", "bmesh", "mathutils"}), f"{module}: no bpy in {room(path)}/"
        if room(path) not in TORCH_ALLOWED and path.name != "facewright":
            assert not (level == 0 and first == "torch"), f"{module}: torch lives in the worker"
        if path.name != "registration.py" and room(path) not in {"operators", "panels"}:
            target = module.split(".")
            assert not (level > 0 and target[0] in {"operators", "panels"}), f"{module}: nothing imports operators or panels"
        if room(path) in {"core", "rigs", "interchange", "preference"}:
            assert not (level > 1 and module.split(".")[0] in {"inference", "scene", "settings", "cli", "training"}), (
                f"{module}: data does not know its users"
            )


@pytest.mark.parametrize("name", ["client", "protocol", "runtime"])
def test_what_blender_imports_of_the_worker_is_light(name: str) -> None:
    path = ROOT / "inference" / f"{name}.py"
    heavy = {"torch", "numpy", "scipy", "soundfile", "multiprocessing", "pickle"}
    assert not heavy & {module.split(".")[0] for level, module in imports(path) if level == 0}


@pytest.mark.parametrize("path", sorted((ROOT / "preference").glob("*.py")), ids=lambda p: p.name)
def test_voting_needs_python_and_at_most_numpy(path: Path) -> None:
    now = {module.split(".")[0] for level, module in imports(path, top_level_only=True) if level == 0}
    ever = {module.split(".")[0] for level, module in imports(path) if level == 0}
    server = {"sqlalchemy", "psycopg"} if path.name == "server_database.py" else set()
    assert now <= set(sys.stdlib_module_names), "numpy and SQLAlchemy are imported where they are used: Blender starts without them"
    assert ever <= set(sys.stdlib_module_names) | {"numpy"} | server


def test_the_package_itself_imports_nothing_at_start() -> None:
    assert imports(ROOT / "__init__.py", top_level_only=True) == []


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_says_its_licence_and_its_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: GPL-3.0-or-later") or path.read_text().startswith("#!")
    if path.name != "__init__.py":
        assert ast.get_docstring(ast.parse(text)), f"{path.name} has no docstring"

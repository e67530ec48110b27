"""The rules of the house that a machine can hold: which room may import which rooms and which packages."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "orchestrator"
BORDERS = {"inputs", "history", "presentation", "client"}

# room: (rooms it may import, packages it may import)
HOUSE: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "domain": ({"errors"}, {"numpy"}),
    "protocol": ({"errors"}, {"pydantic", "google"}),
    "sandbox": ({"errors"}, set()),
    "inputs": ({"errors", "domain", "sandbox"}, {"yaml", "pydantic", "onnx", "google", "numpy", "tflite"}),
    "history": ({"errors", "domain"}, {"sqlalchemy", "alembic", "pydantic", "obstore"}),
    "presentation": ({"errors", "domain"}, {"jinja2", "markupsafe", "pydantic", "rich"}),
    "client": ({"errors", "domain", "protocol"}, {"httpx", "pydantic"}),
    "localcloud": ({"errors", "protocol", "sandbox"}, {"starlette", "uvicorn", "pydantic", "sqlalchemy"}),
    "localcloud.measure": ({"protocol", "sandbox"}, {"numpy", "onnxruntime", "onnx", "ai_edge_litert", "ml_dtypes"}),
    "conversion": ({"errors", "domain", "inputs", "sandbox"}, {"pydantic"}),
    "conversion.check": ({"sandbox", "localcloud.measure"}, {"numpy", "ai_edge_litert"}),
    "workflow": ({"errors", "domain", "inputs", "history", "client"}, set()),
    "notification": ({"errors", "domain", "client", "history", "presentation"}, {"apprise", "httpx"}),
    "scheduling": ({"errors", "domain", "inputs"}, {"apscheduler"}),
    "workers": (
        {"errors", "domain", "inputs", "history", "client", "workflow"},
        {"procrastinate", "psycopg"},
    ),
    "cli": (
        {
            *("errors", "domain", "protocol", "sandbox", "workflow", "workers", "localcloud", "notification"),
            *("conversion", "scheduling", *BORDERS),
        },
        {"click"},
    ),
}


def room_of(module: str) -> str:
    """The room of a dotted module name below `orchestrator`."""
    parts = module.split(".")[1:]
    inner = ".".join(parts[:2])
    return inner if inner in HOUSE else (parts or [""])[0]


def imports_of(path: Path) -> set[str]:
    """All modules a file imports, wherever in the file it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_its_row_allows(path: Path) -> None:
    module = ".".join(("orchestrator", *path.relative_to(ROOT).with_suffix("").parts))
    room = room_of(module)
    rooms, packages = HOUSE[room]
    for imported in imports_of(path):
        top = imported.split(".")[0]
        if top == "orchestrator":
            target = room_of(imported)
            assert target in rooms | {room} or imported == "orchestrator.__version__", f"{room} imports {imported}"
        elif top not in sys.stdlib_module_names:
            assert top in packages, f"{room} imports {top}"


def test_the_table_has_no_ring() -> None:
    order = list(HOUSE)
    for room, (rooms, _) in HOUSE.items():
        assert all(order.index(below) < order.index(room) for below in rooms), room


def test_every_file_and_public_name_says_what_it_is() -> None:
    silent = []
    for path in FILES:
        tree = ast.parse(path.read_text())
        named = [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ]
        silent += [f"{path.relative_to(ROOT)}"] if not ast.get_docstring(tree) else []
        nested = {
            id(inner)
            for node in named
            for inner in ast.walk(node)
            if inner is not node and not isinstance(node, ast.ClassDef)
        }
        silent += [
            f"{path.relative_to(ROOT)}:{node.name}"
            for node in named
            if not node.name.startswith("_") and id(node) not in nested and not ast.get_docstring(node)
        ]
    assert not silent

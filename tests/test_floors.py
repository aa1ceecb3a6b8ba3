"""Who may import whom: a room imports lower rooms only; torch stays out; files and functions stay short."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = """
errors
arguments progress results
files geometry
graph runtime images figures samples shards
reading
rules
opened_model preprocessing
inverse incremental
network
opening scanning manifest
classes engines
index recording
methods
analyses
report
explorer
cli
__main__
"""  # from the ground up; rooms on one floor do not know each other

TRAINERS_FLOORS = """
errors
progress
files
architectures recipe devices
data export
job
evaluation
training
study options
__main__
"""


def ranks(floors):
    """The floor of each room, by its name."""
    return {room: rank for rank, floor in enumerate(floors.split("\n")) for room in floor.split()}


HOUSES = {"inspectnet": ranks(FLOORS), "trainers": ranks(TRAINERS_FLOORS)}
DOORLESS = {f"trainers.{room}" for room in HOUSES["trainers"]}  # a room holds files and shows nothing itself

HOMES = {
    "onnx": ["graph", "reading", "rules", "inverse"],
    "onnx_ir": ["graph", "reading", "rules", "inverse", "incremental", "opened_model", "preprocessing", "methods"],
    "onnxruntime": ["runtime"],
    "matplotlib": ["figures"],
    "ray": ["engines"],
    "typer": ["cli"],
    "starlette": ["explorer"],
    "uvicorn": ["explorer"],
    "platformdirs": ["explorer"],
    "torch": [],
    "torchvision": [],
    "trainers": [],
}
TYPES_ONLY = {"opened_model": "ir", "preprocessing": "ir"}
OPTIONAL = {"fsspec", "skimage", "ray", "starlette", "uvicorn", "platformdirs"}  # of an extra
BANNED_NAMES = {"utils", "util", "misc", "common", "helpers", "helper"}
LONGEST_FILE, LONGEST_FUNCTION = 300, 40  # lines


# The checkers ----------------------------------------------------------------------------------------------


def imports(path, package):
    """Every module that a file imports, inside functions too, as a dotted name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (home, node.module) if part)
            # `from inspectnet import samples` imports a room as well as the package
            names = [f"{base}.{alias.name}" for alias in node.names]
            yield from names if base in HOUSES or base in DOORLESS else [base]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            yield from [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []


def files(root, house="inspectnet"):
    """Every file of the package, the room it is in, and the package it belongs to."""
    for path in sorted((root / house).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield path, parts[1], ".".join(parts[:-1])


def climbing(root, house="inspectnet"):
    """The imports that lead up, or to a neighbour on the same floor."""
    found, rank = [], HOUSES[house]
    for path, room, package in files(root, house):
        if room == "__init__":
            continue  # the front door, which shows what is upstairs
        for name in imports(path, package):
            other = name.split(".")[1] if name.startswith(f"{house}.") else ""
            if other == "__version__" or not other:
                continue
            if rank.get(other, 99) >= rank[room] and other != room:
                found.append(f"{room} -> {other} ({path.name})")
    return found


def circle(root, house):
    """Files that import each other in a circle, if there are any."""
    known = {".".join(path.relative_to(root).with_suffix("").parts): path for path, _, _ in files(root, house)}
    graph = {}
    for module, path in known.items():
        names = set(imports(path, module.rpartition(".")[0]))
        graph[module] = known.keys() & (names | {name.rpartition(".")[0] for name in names}) - {module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def strangers(root):
    """The imports of packages that have their home elsewhere."""
    return [
        f"{room} -> {top} ({path.name})"
        for path, room, package in files(root)
        for top in {name.split(".")[0] for name in imports(path, package)}
        if top in HOMES and room not in HOMES[top]
    ]


def uses_beyond_types(path, module):
    """Where `module` is used otherwise than in an annotation."""
    tree = ast.parse(path.read_text())
    annotations = [n.annotation for n in ast.walk(tree) if isinstance(n, ast.arg | ast.AnnAssign) and n.annotation]
    annotations += [n.returns for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.returns]
    allowed = {id(name) for annotation in annotations for name in ast.walk(annotation)}
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == module]
    return [f"{path.name}:{name.lineno}" for name in names if id(name) not in allowed]


def neighbours(root, room, shared):
    """The files of a room that import each other, other than the `shared` ones."""
    return [
        f"{path.name} -> {name}"
        for path, here, package in files(root)
        if here == room and path.stem != "__init__"
        for name in imports(path, package)
        if name.startswith(f"inspectnet.{room}.") and name.split(".")[2] not in shared
    ]


def shared_analyses(root):
    """The files of analyses that are no experiments: they define no Result."""
    paths = (root / "inspectnet" / "analyses").glob("*.py")
    return [path.stem for path in paths if "(Result)" not in path.read_text()]


def body_lines(function):
    """How many lines a function has, without its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def overlong(root, package):
    """Files and functions that are longer than one likes to read."""
    found = []
    for path in sorted((root / package).rglob("*.py")):
        text = path.read_text()
        if len(text.splitlines()) > LONGEST_FILE:
            found.append(f"{path.name}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and body_lines(node) > LONGEST_FUNCTION:
                found.append(f"{path.name}: {node.name} has {body_lines(node)} lines")
    return found


OPENERS = {"read_text", "read_bytes"}


def openings(root):
    """Where files of the user are opened otherwise than by `files`, which notes them."""
    return [
        f"{path.name}:{node.lineno}"
        for path, room, _ in files(root)
        if room != "files"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) == "open" or getattr(node.func, "attr", None) in OPENERS)
    ]


def loaded(modules, folder):
    """Which modules are in memory after `modules` were imported, by a fresh Python that starts in `folder`."""
    program = f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


# The house -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", HOUSES)
def test_imports_go_only_down(package):
    assert climbing(ROOT, package) == []


def test_no_files_of_trainers_import_each_other_in_a_circle():
    assert circle(ROOT, "trainers") == []


@pytest.mark.parametrize("package", HOUSES)
def test_every_room_has_its_floor(package):
    assert {room for _, room, _ in files(ROOT, package)} - {"__init__"} == HOUSES[package].keys()


def test_onnx_and_onnxruntime_and_drawing_stay_in_their_rooms_and_torch_outside():
    assert strangers(ROOT) == []


@pytest.mark.parametrize("room", TYPES_ONLY)
def test_above_the_graph_a_model_is_a_type_and_no_more(room):
    assert uses_beyond_types(ROOT / "inspectnet" / f"{room}.py", TYPES_ONLY[room]) == []


def test_the_page_of_the_design_lists_the_floors():
    rows = re.findall(r"^\| (\d+) \| ((?:`\w+` ?)+)\|", (ROOT / "docs" / "design.md").read_text(), re.MULTILINE)
    listed = {room: int(floor) for floor, rooms in rows for room in re.findall(r"\w+", rooms)}
    assert listed == HOUSES["inspectnet"]


def test_analyses_do_not_import_each_other():
    assert neighbours(ROOT, "analyses", shared=shared_analyses(ROOT)) == []


def test_rules_share_the_registry_what_they_do_along_axes_and_what_they_hold_and_nothing_else():
    assert neighbours(ROOT, "rules", shared=("registry", "policy", "broadcasting", "holding")) == []


def test_trainers_and_inspectnet_meet_only_in_a_file():
    for package, other in (("trainers", "inspectnet"), ("inspectnet", "trainers")):
        for path in (ROOT / package).rglob("*.py"):
            assert other not in {name.split(".")[0] for name in imports(path, package)}, path


def test_importing_all_of_inspectnet_brings_no_torch():
    modules = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p, _, _ in files(ROOT)]
    modules = [m.removesuffix(".__init__") for m in modules if not m.endswith("__main__")]
    tops = {name.split(".")[0] for name in loaded(modules, ROOT)}
    assert {"inspectnet", "onnx_ir", "onnxruntime", "matplotlib"} <= tops
    assert tops & {"torch", "torchvision", "captum", "trainers", "onnxscript"} == set()


def test_only_what_draws_brings_matplotlib():
    """Its import costs a third of a second, which `inspectnet --help` and analyses without pictures must not pay."""
    rooms = {room for _, room, _ in files(ROOT)} - {"figures", "report", "explorer", "__init__", "__main__"}
    modules = [f"inspectnet.{room}" for room in sorted(rooms)] + ["inspectnet.report.folder", "inspectnet"]
    tops = {name.split(".")[0] for name in loaded(modules, ROOT)}
    assert "inspectnet" in tops and "matplotlib" not in tops


def test_files_are_opened_where_it_is_noted_that_they_were_read():
    assert openings(ROOT) == []


@pytest.mark.parametrize("package", ["inspectnet", "trainers"])
def test_files_and_functions_are_short(package):
    assert overlong(ROOT, package) == []


@pytest.mark.parametrize("package", ["inspectnet", "trainers", "tests", "benchmarks"])
def test_no_file_is_a_drawer_for_odds_and_ends(package):
    assert [path for path in (ROOT / package).rglob("*.py") if path.stem in BANNED_NAMES] == []


# The checkers can fail -------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path):
    """house(path, text) builds a package with one faulty file in it."""

    def plant(path, text):
        file = tmp_path / "inspectnet" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path

    return plant


@pytest.mark.parametrize(
    ("path", "text", "fault"),
    [
        ("analyses/a.py", "from inspectnet.cli import app", "analyses -> cli (a.py)"),
        ("graph/a.py", "import inspectnet.rules.pools", "graph -> rules (a.py)"),
        ("runtime/a.py", "def f():\n    from inspectnet.graph import fields", "runtime -> graph (a.py)"),
        ("graph/a.py", "from ..rules import pools", "graph -> rules (a.py)"),
        ("graph/a.py", "from inspectnet import network", "graph -> network (a.py)"),
        ("images/a.py", "import importlib\nimportlib.import_module('inspectnet.cli')", "images -> cli (a.py)"),
        ("opened_model.py", "import inspectnet.preprocessing", "opened_model -> preprocessing (opened_model.py)"),
        ("network.py", "from inspectnet.attic import box", "network -> attic (network.py)"),
    ],
)
def test_an_import_that_climbs_is_caught(path, text, fault, house):
    assert climbing(house(path, text)) == [fault]


@pytest.mark.parametrize(
    ("path", "text", "fault"),
    [
        ("images/a.py", "def f():\n    import onnxruntime as rt", "images -> onnxruntime (a.py)"),
        ("analyses/a.py", "from onnx_ir import Model", "analyses -> onnx_ir (a.py)"),
        ("network.py", "import onnx.checker", "network -> onnx (network.py)"),
        ("graph/a.py", "try:\n    import torch.nn\nexcept ImportError:\n    pass", "graph -> torch (a.py)"),
        ("report/a.py", "from matplotlib import pyplot", "report -> matplotlib (a.py)"),
    ],
)
def test_a_package_away_from_home_is_caught(path, text, fault, house):
    assert strangers(house(path, text)) == [fault]


def test_an_import_that_climbs_in_trainers_and_a_circle_are_caught(tmp_path):
    for path, text in (("data/a.py", "from trainers.study import plan"), ("study/plan.py", "import trainers.data.a")):
        file = tmp_path / "trainers" / path
        file.parent.mkdir(parents=True)
        file.write_text(text)
    assert climbing(tmp_path, "trainers") == ["data -> study (a.py)"]
    assert set(circle(tmp_path, "trainers")) == {"trainers.data.a", "trainers.study.plan"}


def test_a_file_that_is_opened_elsewhere_is_caught(house):
    house("files/a.py", "open('x')")
    house("images/a.py", "with open('x') as file:\n    pass")
    assert openings(house("cli/b.py", "\n\npath.read_text()")) == ["b.py:3", "a.py:1"]


def test_analyses_that_know_each_other_are_caught(house):
    root = house("analyses/a.py", "from inspectnet.analyses.b import f")
    assert neighbours(root, "analyses", ()) == ["a.py -> inspectnet.analyses.b"]


def test_a_model_that_is_more_than_a_type_is_caught(house):
    text = "import onnx_ir as ir\n\ndef f(model: ir.Model) -> ir.Model:\n    return ir.from_proto(model)\n"
    assert uses_beyond_types(house("network.py", text) / "inspectnet" / "network.py", "ir") == ["network.py:4"]


def test_torch_in_memory_is_caught(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").touch()
    (tmp_path / "planted.py").write_text("import torch")
    assert "torch" in loaded(["planted"], tmp_path)


def test_what_is_too_long_is_caught(house):
    lines = "\n".join(f"    x = {n}" for n in range(41))
    house("graph/a.py", f'def f(a,\n      b):\n    """{"x" * 9}\n\n    y\n    """\n{lines[: lines.rindex(chr(10))]}\n')
    root = house("graph/b.py", f"def g():\n{lines}\n")
    house("graph/c.py", "x = 1\n" * 301)
    assert overlong(root, "inspectnet") == ["b.py: g has 41 lines", "c.py: 301 lines"]


def needed(root):
    """The modules that `python -m inspectnet` looks for before it does anything, by the package they belong to."""
    tree = ast.parse((root / "inspectnet" / "__main__.py").read_text())
    values = [n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "NEEDED"]
    return {n.value.split(".")[0] for value in values for n in ast.walk(value) if isinstance(n, ast.Constant)}


def test_every_package_that_is_imported_is_looked_for_at_first():
    outside = {name.split(".")[0] for path, _, package in files(ROOT) for name in imports(path, package)}
    assert outside - set(sys.stdlib_module_names) - {"inspectnet"} - OPTIONAL == needed(ROOT)

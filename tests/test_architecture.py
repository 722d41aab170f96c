"""The house rules hold: who may import whom, what loads late, what every public name says of itself, and where things lie."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# the right may import the left, never back
LAYERS = {
    "core": 0, "graphs": 1, "data": 1, "independence": 2, "discovery": 3, "mtp2": 3, "molimage": 3, "mixtures": 4, "portfolio": 4,
    "repurposing": 4,
}  # fmt: skip
SCREEN = {"streamlit", "plotly", "pyvis"}
LATE = {"torch", "rdkit", "pygraphviz", "networkx", "sklearn", "numba", "cvxpy", "skimage", "tifffile", "zarr", "h5py"}
TOP = {
    ".ci", ".gitignore", ".streamlit", "LICENSE", "README.md", "app.py", "assets", "benchmarks", "constraints.txt", "engine", "pages",
    "pyproject.toml", "requirements-cluster.txt", "requirements-cpu.txt", "requirements-dev.txt", "requirements.txt", "start.py", "tests",
}  # fmt: skip


def sources(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if ".venv" not in path.parts)


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def waits(node):
    """Say whether the imports inside a node happen only when something is called, or never at all."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def imports(path, late=True):
    """Yield every module that a file imports; without ``late`` only those that importing the file loads."""

    def walk(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                yield from (f"{child.module}.{alias.name}" for alias in child.names)
            elif late or not waits(child):
                yield from walk(child)

    return set(walk(ast.parse(path.read_text(encoding="utf-8"))))


def package(module, depth):
    return module.split(".")[depth] if module.count(".") >= depth else ""


def ids(path):
    return str(path.relative_to(ROOT))


def is_kernel(name):
    """Say whether a module, by the last part of its name, holds compiled loops: it imports numba, and whoever calls it imports it late."""
    return str(name).endswith("_kernel")


def is_net(name):
    """Say whether a module, by the last part of its name, holds networks: it imports torch, and whoever calls it imports it late."""
    return str(name).endswith("_net")


def forbidden(module, imported):
    """Say why ``module`` must not import ``imported``, or return None."""
    here, there = package(module, 0), package(imported, 0)
    if here == "engine":
        if there in SCREEN | {"pages", "app", "start", "tests", "benchmarks"}:
            return "the engine knows no screen"
        mine, theirs = package(module, 1), package(imported, 1)
        if there == "engine" and mine == "jobs" and theirs not in ("", "core", "jobs", "catalogue", "api", "data", "graphs"):
            return "jobs resolve methods by name and import no area"
        if there == "engine" and mine in LAYERS and theirs not in LAYERS:
            return f"{mine} stands below engine.{theirs}"
        if (
            there == "engine"
            and mine in LAYERS
            and mine != theirs
            and LAYERS[theirs] >= LAYERS[mine]
            and (mine, theirs) != ("data", "graphs")
        ):
            return f"{mine} stands below {theirs}"
    if module.startswith("pages.parts") and there == "pages" and package(imported, 1) != "parts":
        return "a part knows no page"
    if module == "pages.main":
        return None
    if here == "pages" and package(module, 1) != "parts" and there == "pages" and package(imported, 1) != "parts":
        return "a page knows no other page"
    if here in ("pages", "benchmarks") and there in ("tests", "start", "app"):
        return f"{here} stand apart from {there}"
    return None


@pytest.mark.parametrize("path", sources("engine", "pages"), ids=ids)
def test_imports_point_one_way(path):
    module = name_of(path)
    wrong = {imported: why for imported in imports(path) if (why := forbidden(module, imported))}
    assert not wrong


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("engine.core.result", "engine.graphs.Graph"),
        ("engine.core.method", "engine.api.run"),
        ("engine.graphs.metrics", "engine.independence.Oracle"),
        ("engine.graphs.layout", "engine.data.samples"),
        ("engine.independence.rank", "engine.discovery"),
        ("engine.data.read", "streamlit"),
        ("engine.jobs.worker", "engine.discovery.gsp"),
        ("pages.parts.run", "pages.discovery"),
        ("pages.data", "pages.discovery"),
    ],
)
def test_the_rules_would_notice(module, imported):
    assert forbidden(module, imported)


@pytest.mark.parametrize("path", [*sources("engine", "pages"), ROOT / "app.py"], ids=ids)
def test_heavy_packages_load_late(path):
    child = {"sklearn"} if name_of(path) == "engine.mtp2.estimator" else set()  # its class is one of scikit-learn's
    heavy = LATE - child - ({"numba"} if is_kernel(path.stem) else set()) - ({"torch"} if is_net(path.stem) else set())
    assert not {imported for imported in imports(path, late=False) if package(imported, 0) in heavy}
    if not is_kernel(path.stem) and not is_net(path.stem):
        late = {imported for imported in imports(path, late=False) for part in imported.split(".") if is_kernel(part) or is_net(part)}
        assert not late


def test_import_engine_is_small_and_quick():
    code = "import engine, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    best, loaded = None, set()
    for _ in range(3):  # the best of three: other work on the machine must not count
        done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        line = next(line for line in done.stderr.splitlines() if line.split("|")[-1].strip() == "engine")
        seconds = int(line.split("|")[1]) / 1e6
        best = seconds if best is None else min(best, seconds)
        loaded = set(done.stdout.split())
    assert best < 0.3
    assert not loaded & (SCREEN | LATE | {"pandas", "scipy"})


def test_reading_the_table_of_methods_loads_nothing_heavy():
    code = "import engine, sys; engine.methods(); print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & (SCREEN | {"torch", "rdkit", "pygraphviz", "sklearn"})


def test_the_server_is_healthy_before_anything_heavy_loads():
    code = "import app, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & (LATE | {"pyvis", "IPython"})


def public(module):
    """Yield the public functions, classes and methods that a module defines."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            yield name, value
            for inner, member in vars(value).items():
                plain = member.fget if isinstance(member, property) else getattr(member, "__func__", getattr(member, "func", member))
                if not inner.startswith("_") and inspect.isfunction(plain):
                    yield f"{name}.{inner}", plain


@pytest.mark.parametrize("path", sources("engine"), ids=ids)
def test_public_names_are_documented_and_typed(path):
    module = importlib.import_module(name_of(path))
    assert (module.__doc__ or "").strip(), "the module does not say what it is"
    silent = [name for name, value in public(module) if not (value.__doc__ or "").strip() or value.__doc__.startswith(f"{value.__name__}(")]
    untyped = [
        name
        for name, value in public(module)
        if inspect.isfunction(value)
        and any(
            parameter.annotation is inspect.Parameter.empty and place != "self" and place != "cls"
            for place, parameter in inspect.signature(value).parameters.items()
        )
    ]
    unreturned = [name for name, value in public(module) if inspect.isfunction(value) and "return" not in value.__annotations__]
    assert not silent + untyped + unreturned


def test_the_catalogue_names_every_method():
    from engine.catalogue import PLACES

    found = {}
    for path in sources("engine"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for call in getattr(node, "decorator_list", []):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "method":
                    found[call.args[0].value] = name_of(path)
    assert found == PLACES


def test_no_drawer_for_odds_and_ends():
    names = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert not [path for path in sources("engine", "pages", "benchmarks", "tests") if path.stem in names or path.parent.name in names]


def test_the_top_level_holds_what_the_plan_says():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} == TOP


def test_an_area_bears_one_name():
    """A page, a package of the engine and a folder of tests about one area share its name."""
    packages = {path.name for path in (ROOT / "engine").iterdir() if (path / "__init__.py").exists()}
    tested = {path.name for path in (ROOT / "tests" / "engine").iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert tested <= packages

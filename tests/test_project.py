"""Facts about the project's files that must not drift apart."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter

import pytest

from kdutils.files import ROOT

CONDA_NAMES = {"pytorch": "torch"}
COMMANDS = {"kdutils.bench", "kdutils.reproduce", "kdutils.publish"}
ASIDE = {"kdutils.plotting", "kdutils.widgets"}


def direct_dependencies():
    """All that pyproject.toml asks for, tools included: name -> bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    return dict(re.match(r"([a-z0-9-]+)(.*)", line).groups() for line in wanted)


def test_environment_yml_lists_what_pyproject_lists_with_a_reason_each():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "environment.yml").read_text()
    listed = {}
    for line in text.splitlines():
        if match := re.match(r"\s+- ([a-z0-9-]+)(>=[\d.,<]+)?\s*(?:# (.+))?$", line):
            listed[CONDA_NAMES.get(match[1], match[1])] = (match[2], match[3])
    listed.pop("conda-forge")
    assert listed.pop("python")[0] == project["requires-python"]
    assert listed.pop("pip")[1]
    assert {name: bound for name, (bound, _) in listed.items()} == direct_dependencies()
    assert all(reason for _, reason in listed.values())
    assert "- -e ." in text


def test_constraints_pin_every_direct_dependency_and_name_no_place():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    for line in pinned:  # no address, no option, no build for one kind of machine
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9a-z.]+", line), line
        assert not re.match(r"nvidia|cuda|triton", line), line
    names = [line.split("==")[0].lower().replace("_", "-") for line in pinned]
    assert len(names) == len(set(names))
    assert set(direct_dependencies()) <= set(names)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("Makefile", "export OMP_WAIT_POLICY := passive"),
        (".ci/run", "export OMP_WAIT_POLICY=passive"),
        (".github/workflows/test.yml", "OMP_WAIT_POLICY: passive"),
        ("environment.yml", "  OMP_WAIT_POLICY: passive"),
    ],
)
def test_openmp_s_threads_sleep_while_they_wait_wherever_python_is_started(path, line):
    assert line in (ROOT / path).read_text()


@pytest.mark.parametrize(
    ("before", "chosen", "found"),
    [("", None, "passive"), ("import torch; ", None, "None"), ("", "active", "active")],
)
def test_the_package_sets_it_in_time_or_not_at_all(before, chosen, found):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": chosen} if chosen else {}
    code = f"{before}import os, kdutils; print(os.environ.get('OMP_WAIT_POLICY'))"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.stdout.strip() == found, result.stderr


def test_no_big_file_and_no_data_file_is_under_version_control():
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    for name in listing.stdout.splitlines():
        assert not name.endswith((".npz", ".mat", ".gz", ".pt")), name
        if (ROOT / name).exists():
            assert (ROOT / name).stat().st_size < 10e6, name


def read_modules():
    """Every module of the package: dotted name -> its syntax tree, and the packages' names."""
    trees, packages = {}, set()
    for path in (ROOT / "kdutils").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
            packages.add(".".join(parts))
        trees[".".join(parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return trees, packages


def named(tree):
    """Dotted names that a module imports, at the top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that each line says what it gets"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(trees, packages):
    """Each module -> those modules of the package that it makes Python load."""
    found = {}
    for module, tree in trees.items():
        asked, along = set(), set()
        for name in named(tree):
            while name and name not in trees:  # kdutils.data.Split is something in kdutils.data
                name = name.rpartition(".")[0]
            if name:
                asked.add(name)
            while name := name.rpartition(".")[0]:  # with a module, its packages are loaded
                along.add(name)
        around = {p for p in packages if f"{module}.".startswith(f"{p}.")}
        found[module] = asked | along - around  # the module's own are being loaded already
    # experiments/__init__.py imports its n<NN>_….py by name.
    numbered = {m for m in trees if re.match(r"kdutils\.experiments\.n\d\d_", m)}
    if numbered:
        found["kdutils.experiments"] |= numbered
    return found


def room(module):
    """0: lessons, 1: experiments, 2: commands. Pictures and sliders: see ASIDE."""
    if module in COMMANDS:
        return 2
    return int(module.split(".")[1:2] == ["experiments"])


def test_the_test_of_imports_sees_every_module_and_indented_imports():
    trees, packages = read_modules()
    graph = imports(trees, packages)
    assert packages == {"kdutils", "kdutils.data", "kdutils.models", "kdutils.experiments"}
    known = "losses training data.splits models.create experiments.runs experiments.recipe publish"
    assert {f"kdutils.{name}" for name in known.split()} <= set(graph)
    assert set(graph) >= COMMANDS | ASIDE
    assert len(graph) == len([*(ROOT / "kdutils").rglob("*.py")])
    assert "kdutils.data.splits" in graph["kdutils.data"]
    assert "kdutils.data" in graph["kdutils.training"]

    made_up = {
        "kdutils": "",
        "kdutils.a": "from kdutils import b",
        "kdutils.b": "def f():\n    if True:\n        import kdutils.room.c",
        "kdutils.room": "from kdutils.room.c import something",
        "kdutils.room.c": "from kdutils.a import Anything",
        "kdutils.room.d": "from kdutils.room import c, something\nimport os.path",
    }
    trees = {name: ast.parse(text) for name, text in made_up.items()}
    graph = imports(trees, {"kdutils", "kdutils.room"})
    assert graph == {
        "kdutils": set(),
        "kdutils.a": {"kdutils.b"},
        "kdutils.b": {"kdutils.room", "kdutils.room.c"},
        "kdutils.room": {"kdutils.room.c"},
        "kdutils.room.c": {"kdutils.a"},
        "kdutils.room.d": {"kdutils.room", "kdutils.room.c"},
    }
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()


def test_imports_point_one_way():
    graph = imports(*read_modules())
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle
    for module, targets in graph.items():
        for target in targets:
            assert room(target) <= room(module), f"{module} imports {target}"
            if target in ASIDE:
                assert module in ASIDE, f"{module} imports {target}"
        if module in ASIDE:
            assert not any(map(room, targets)), f"{module} draws what it is given, not {targets}"


def test_only_widgets_imports_ipywidgets():
    trees, _ = read_modules()
    users = {m for m, tree in trees.items() if any("ipywidgets" in name for name in named(tree))}
    assert users == {"kdutils.widgets"}

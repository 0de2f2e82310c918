"""Facts about the project's files that must not drift apart."""

import re
import subprocess
import tomllib

import pytest

from kdutils.data import ROOT

CONDA_NAMES = {"pytorch": "torch"}


def test_environment_yml_lists_what_pyproject_lists_with_a_reason_each():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = {}
    for line in (ROOT / "environment.yml").read_text().splitlines():
        if match := re.match(r"\s+- ([a-z-]+)(>=[\d.,<]+)?\s*(?:# (.+))?$", line):
            listed[CONDA_NAMES.get(match[1], match[1])] = (match[2], match[3])
    listed.pop("conda-forge")
    assert listed.pop("python")[0] == project["requires-python"]
    assert listed.pop("pip")[1]
    wanted = dict(re.match(r"([a-z-]+)(.*)", d).groups() for d in project["dependencies"])
    assert {name: bound for name, (bound, _) in listed.items()} == wanted
    assert all(reason for _, reason in listed.values())
    assert "- -e ." in (ROOT / "environment.yml").read_text()


def test_no_big_file_and_no_data_file_is_under_version_control():
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    for name in listing.stdout.splitlines():
        assert not name.endswith((".npz", ".mat", ".gz", ".pt")), name
        if (ROOT / name).exists():
            assert (ROOT / name).stat().st_size < 10e6, name


def test_imports_point_one_way():
    order = (
        "augment data losses metrics files quantize layers composites convnets models transfer "
        "objectives homework snapshots training checkpoints recipe recipes_mnist "
        "recipes_cifar10 recipes_assistant recipes_svhn recipes reports records runs reproduce "
        "publish"
    ).split()
    for position, module in enumerate(order):
        text = (ROOT / "kdutils" / f"{module}.py").read_text()
        lines = re.findall(r"^from kdutils(?:\.(\w+))? import (.+)$", text, re.M)
        names = {n for module_, rest in lines for n in ([module_] if module_ else rest.split(", "))}
        assert names <= set(order[:position]), module
        if position < 6:
            assert not names, module


def test_only_widgets_imports_ipywidgets():
    users = [
        p.stem for p in (ROOT / "kdutils").glob("*.py") if "import ipywidgets" in p.read_text()
    ]
    assert users == ["widgets"]

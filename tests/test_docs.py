"""What the documentation shows is true: every example in a docstring and in the README runs."""

import doctest
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from tests.test_public_face import chain

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = [path for path in sorted((ROOT / "engine").rglob("*.py")) if ">>>" in path.read_text(encoding="utf-8")]


def blocks(language, heading):
    """Return the code blocks of one language under one heading of the README."""
    section = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#+ |\Z)", README, re.MULTILINE | re.DOTALL)
    assert section, f"the README has no heading '{heading}'"
    return re.findall(rf"```{language}\n(.*?)```", section[1], re.DOTALL)


def python(code, folder, **environment):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", **environment}
    return subprocess.run([sys.executable, *code], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_in_docstrings(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert not failed
    assert tried


def test_the_python_of_the_readme_runs(tmp_path):
    for code in blocks("python", "In Python"):
        done = python(["-c", code], tmp_path)
        assert done.returncode == 0, done.stderr


def test_the_command_lines_of_the_readme_run(tmp_path):
    lines = [
        shlex.split(line, comments=True) for block in blocks("sh", "On the command line") for line in block.splitlines() if line.strip()
    ]
    assert lines
    for words in lines:
        assert words[:3] == ["python", "-m", "engine"]
        done = python(words[1:], tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "result" / "meta.json").exists()


def test_a_method_is_added_as_the_readme_says(tmp_path):
    (code,) = blocks("python", "Add a method")
    (tmp_path / "marginal.py").write_text(code)
    chain().to_csv(tmp_path / "chain.csv", index=False)
    named = {"CAUSEWAY_EXTRA_METHODS": "marginal=marginal"}
    assert "CAUSEWAY_EXTRA_METHODS=marginal=marginal" in README
    listed = python(["-m", "engine", "methods"], tmp_path, **named)
    assert "Marginal dependence" in listed.stdout, listed.stderr
    done = python(["-m", "engine", "run", "marginal", "chain.csv", "--alpha", "0.001", "--out", "result"], tmp_path, **named)
    assert done.returncode == 0, done.stderr
    joined = {(edge.source, edge.target) for edge in engine.load(tmp_path / "result").graph.edges()}
    assert joined == {("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"), ("C", "D")}, "all but the two causes of the collider"


def test_the_folders_of_the_readme_are_there():
    (tree,) = blocks("text", "Where things are")
    named = [line.split()[0] for line in tree.splitlines() if line.strip()]
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_methods_of_the_readme_are_those_of_the_catalogue():
    from engine.catalogue import PLACES

    cited = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert sorted(cited) == sorted(PLACES)


def test_pictures_and_files_named_by_the_readme():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]

"""start.py installs once, resumes, repairs, and says in one sentence what to do when it cannot go on."""

import ast
import importlib.util
import os
import shutil
import socket
import sys
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
Usage = namedtuple("Usage", "total used free")
PIP_CANNOT_CONNECT = "Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'\nERROR: ResolutionImpossible"


class Became(Exception):
    """Raised where start.py would turn into another program."""


class Machine:
    """A fresh clone in a folder of its own, with the system calls of start.py replaced by a record of them."""

    def __init__(self, folder, monkeypatch):
        for path in [ROOT / "start.py", *ROOT.glob("requirements*.txt"), ROOT / "constraints.txt"]:
            shutil.copy(path, folder)
        found = importlib.util.spec_from_file_location("start_under_test", folder / "start.py")
        self.start = importlib.util.module_from_spec(found)
        found.loader.exec_module(self.start)
        self.folder, self.calls, self.failing, self.log, self.settings = folder, [], (), "", ""
        self.gb_free, self.programs = 50.0, {}
        monkeypatch.chdir(folder)
        monkeypatch.setenv("CAUSEWAY_BROWSER", "")
        monkeypatch.setenv("OMP_NUM_THREADS", "")
        monkeypatch.setattr(self.start.subprocess, "call", self.call)
        monkeypatch.setattr(self.start.subprocess, "check_output", lambda command: self.settings.encode())
        monkeypatch.setattr(self.start, "become", self.become)
        monkeypatch.setattr(self.start, "answers", lambda url: self.programs.get("cpu index", False))
        monkeypatch.setattr(self.start, "has_nvidia", lambda: False)
        monkeypatch.setattr(self.start.shutil, "disk_usage", lambda path: Usage(0, 0, self.gb_free * 1e9))
        monkeypatch.setattr(self.start.shutil, "which", self.programs.get)

    def call(self, command, **_):
        line = " ".join(command)
        self.calls.append(line)
        if "-m venv" in line:
            self.start.PYTHON.parent.mkdir(parents=True)
            self.start.PYTHON.touch()
        if "--log" in line:
            self.start.LOG.write_text(self.log)
        return int(any(word in line for word in self.failing))

    def become(self, command):
        self.calls.append("become " + " ".join(command))
        raise Became

    def run(self, *arguments):
        """Run start.py to the point where it becomes another program; return what it called on the way."""
        self.calls.clear()
        with pytest.raises(Became):
            self.start.main(list(arguments))
        return list(self.calls)

    def refuses(self, *arguments):
        """Run start.py to the point where it gives up; return its last words."""
        self.calls.clear()
        with pytest.raises(SystemExit) as stopped:
            self.start.main(list(arguments))
        return str(stopped.value)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


def installs(calls):
    return [call for call in calls if "install" in call]


def test_first_start_makes_the_environment_installs_and_serves(machine):
    venv, pip, served = machine.run()
    assert "-m venv" in venv
    assert "pip install" in pip
    assert pip.endswith("-r requirements.txt")
    assert "streamlit run" in served
    assert "app.py" in served


def test_second_start_takes_no_install_step(machine):
    machine.run()
    assert [call.split()[0] for call in machine.run()] == ["become"]


def test_changed_requirements_are_installed(machine):
    machine.run()
    with (machine.folder / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    assert installs(machine.run())


def test_the_tests_bring_what_the_app_needs(machine):
    machine.programs["chromium"] = "/usr/bin/chromium"
    assert "requirements-dev.txt" in installs(machine.run("test"))[0]
    assert not installs(machine.run())


def test_the_app_alone_does_not_do_for_the_tests(machine):
    machine.programs["chromium"] = "/usr/bin/chromium"
    machine.run()
    assert installs(machine.run("test"))


def test_an_interrupted_install_is_taken_up_again(machine):
    def interrupted(command, **_):
        raise KeyboardInterrupt

    whole = machine.start.subprocess.call
    machine.start.subprocess.call = lambda command, **more: (
        interrupted(command) if "pip install" in " ".join(command) else whole(command, **more)
    )
    assert "goes on where it broke off" in machine.refuses()
    machine.start.subprocess.call = whole
    calls = machine.run()
    assert not any("-m venv" in call for call in calls), "what was there is used"
    assert installs(calls)


def test_a_package_cut_short_is_forgotten(machine):
    site = machine.start.VENV / "lib/python3.11/site-packages"
    for name in ("whole-1.0.dist-info", "cut-1.0.dist-info"):
        (site / name).mkdir(parents=True)
    (site / "whole-1.0.dist-info/RECORD").touch()
    machine.start.repair()
    assert [path.name for path in site.iterdir()] == ["whole-1.0.dist-info"]


def test_an_environment_that_does_not_run_is_made_anew(machine):
    machine.run()
    machine.start.STAMP.unlink()
    leftover = machine.start.VENV / "leftover"
    leftover.touch()
    machine.failing = ("import sys, pip", "ensurepip")
    assert any("-m venv" in call for call in machine.run())
    assert not leftover.exists()


def test_an_environment_without_pip_gets_it(machine):
    machine.run()
    machine.start.STAMP.unlink()
    machine.failing = ("import sys, pip",)
    calls = machine.run()
    assert "ensurepip" in calls[1]
    assert not any("-m venv" in call for call in calls)


@pytest.mark.parametrize("version", [(3, 6), (3, 10)])
def test_an_old_python_is_told_so(machine, monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    words = machine.refuses()
    assert "needs Python 3.11 or newer" in words
    assert f"this is {version[0]}.{version[1]}" in words


def test_an_old_python_can_read_the_file():
    ast.parse((ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_standard_library_only():
    tree = ast.parse((ROOT / "start.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_missing_venv_module(machine, monkeypatch):
    monkeypatch.setattr(machine.start.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    assert "apt install python3-venv" in machine.refuses()


def test_full_disk_is_seen_before_anything_is_made(machine):
    machine.gb_free = 0.4
    assert "The disk is full: 0.4 GB are free" in machine.refuses()
    assert not machine.calls


def test_disk_that_fills_up_on_the_way(machine):
    machine.failing, machine.log = ("pip install",), "OSError: [Errno 28] No space left on device"
    assert machine.refuses().startswith("The disk is full")


def test_unreachable_registry(machine):
    machine.failing, machine.log = ("pip install",), PIP_CANNOT_CONNECT
    assert "registry cannot be reached" in machine.refuses()
    machine.failing = ()
    assert installs(machine.run()), "no stamp was left, so the next start tries again"


def test_any_other_failure_names_the_log(machine):
    machine.failing, machine.log = ("pip install",), "ERROR: something new"
    assert "install.log" in machine.refuses()


@pytest.mark.parametrize("how", ["cuda", "cpu index", "own wheels"])
def test_torch_without_cuda_where_it_is_not_needed(machine, monkeypatch, how):
    monkeypatch.setattr(sys, "platform", "linux")
    machine.programs["cpu index"] = how == "cpu index"
    machine.settings = ":env:.find-links='/wheels'\n" if how == "own wheels" else ""
    machine.gb_free = 5.0
    if how == "cuda":  # the CUDA libraries would not fit
        assert "The disk is full" in machine.refuses()
    else:
        assert ("requirements-cpu.txt" in installs(machine.run())[0]) == (how == "cpu index")


def test_uv_is_used_and_given_the_settings_of_pip(machine):
    machine.programs["uv"] = "/bin/uv"
    machine.settings = "global.cert='/etc/ca.crt'\n:env:.find-links='/wheels /more'\ninstall.no-binary='x'\n"
    (call,) = installs(machine.run())
    assert call.startswith("/bin/uv pip install")
    assert "--find-links /wheels --find-links /more" in call


def test_pip_takes_over_when_uv_fails(machine):
    machine.programs["uv"], machine.failing = "/bin/uv", ("/bin/uv",)
    assert [call.startswith("/bin/uv") for call in installs(machine.run())] == [True, False]


def test_a_taken_port_gives_way_to_the_next(machine, capsys):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        served = machine.run("--port", str(port))[-1]
    chosen = int(served.split("--server.port ")[1].split()[0])
    assert port < chosen < port + 100
    assert f"Port {port} is taken; the app is at {chosen}." in capsys.readouterr().out


def test_options_reach_streamlit(machine):
    served = machine.run("--no-browser", "--server.port=8777", "--logger.level", "debug")[-1]
    assert "--server.port 8777 --server.headless true --logger.level debug" in served


@pytest.mark.parametrize(
    ("arguments", "parallel"),
    [([], True), (["-x", "-k", "pc"], True), (["tests/test_docs.py"], False), (["--pdb"], False), (["-n", "3"], False)],
)
def test_the_whole_suite_runs_on_all_cores(machine, arguments, parallel):
    machine.programs["chromium"] = "/usr/bin/chromium"
    last = machine.run("test", *arguments)[-1]
    assert ("-n auto" in last) == parallel == (machine.start.os.environ.get("OMP_NUM_THREADS") == "1")
    assert last.endswith(" ".join(arguments))


def test_the_browser_of_the_machine_is_named_to_the_tests(machine):
    machine.programs["google-chrome"] = "/opt/chrome"
    machine.run("test")
    assert machine.start.os.environ["CAUSEWAY_BROWSER"] == "/opt/chrome"


@pytest.mark.parametrize("user", ["root", "other"])
def test_without_a_browser_one_is_fetched_or_the_tests_say_so(machine, monkeypatch, capsys, user):
    monkeypatch.setattr(machine.start, "playwright_browser", lambda: None)
    monkeypatch.setattr(machine.start.os, "geteuid", lambda: 0 if user == "root" else 1000, raising=False)
    monkeypatch.setattr(machine.start.Path, "exists", lambda path: "Applications" not in str(path) and os.path.exists(path))  # noqa: PTH110
    machine.programs["apt-get"] = "apt-get"
    calls = machine.run("test")
    assert any(call.startswith("apt-get install") and "chromium" in call for call in calls) == (user == "root")
    assert any("playwright install chromium" in call for call in calls)
    assert "pytest" in calls[-1]
    assert "end-to-end tests will skip" in capsys.readouterr().out


def test_pins_bear_no_build_tags(machine):
    machine.settings = "torch==2.13.0+cpu\nnumpy==2.4.6\n"
    machine.start.main(["pin"])
    assert (machine.folder / "constraints.txt").read_text().splitlines()[1:] == ["torch==2.13.0", "numpy==2.4.6"]


# -- the requirement files -----------------------------------------------------------------------------------------


def lines(name):
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def pins(name):
    """Return package -> version of one requirement file; every line but options must be an exact pin."""
    split = [line.split("==") for line in lines(name) if not line.startswith("-")]
    assert all(len(pin) == 2 and "+" not in pin[1] for pin in split), f"{name} has a line without an exact pin"
    return {package.split("[")[0].lower().replace("_", "-"): version for package, version in split}


def test_every_direct_dependency_is_pinned_as_in_the_constraints():
    constraints = pins("constraints.txt")
    for name in ("requirements.txt", "requirements-cluster.txt", "requirements-dev.txt"):
        assert pins(name).items() <= constraints.items()


def test_requirements_end_in_the_constraints_and_name_no_other_index():
    assert lines("requirements.txt")[-1] == "-c constraints.txt"
    assert not [line for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt") for line in lines(name) if "://" in line]


def test_the_constraints_hold_the_whole_closure():
    """Everything that the pinned packages ask for on this machine is pinned too."""
    from importlib.metadata import distribution

    from packaging.requirements import Requirement

    constraints, seen = pins("constraints.txt"), set()
    asked = [
        Requirement(line)
        for name in ("requirements.txt", "requirements-cluster.txt", "requirements-dev.txt")
        for line in lines(name)
        if line[0] != "-"
    ]
    while asked:
        wanted = asked.pop()
        name = wanted.name.lower().replace("_", "-").replace(".", "-")
        for needed in distribution(name).requires or ():
            inner = Requirement(needed)
            extras = [{"extra": extra} for extra in (wanted.extras or {""})]
            if inner.marker and not any(inner.marker.evaluate(extra) for extra in extras):
                continue
            key = inner.name.lower().replace("_", "-").replace(".", "-")
            if (key, tuple(sorted(inner.extras))) not in seen and not key.startswith(("nvidia", "cuda", "triton")):
                seen.add((key, tuple(sorted(inner.extras))))
                asked.append(inner)
        assert name in constraints

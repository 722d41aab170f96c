"""Start Causeway on a machine that has nothing but Python 3.11 or newer.

python start.py [--port N] [--no-browser] [streamlit options]   install what is missing, then open the app
python start.py test [pytest options]                           the same with what the tests need, then run them
python start.py check                                           lint, format and types
python start.py pin                                             write constraints.txt from what is installed in .venv

Standard library only. Old Pythons must be able to read this file to be told that they are too old, so it keeps to the syntax of 3.6.
"""

import argparse
import ast
import hashlib
import http.client
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.txt"
LOG = VENV / "install.log"

NEEDED_GB = 3.0  # installed packages and the wheels on their way in
NEEDED_CUDA_GB = 9.0  # the same with the CUDA libraries that plain torch brings on Linux
AGAIN = "then run the same command again: it goes on where it broke off."


def main(arguments):
    """Do what the command line asks."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before anything has checked the version
        sys.exit(
            "Causeway needs Python 3.11 or newer, and this is {}.{}: install a newer one, then start with it.".format(*sys.version_info)
        )
    os.chdir(str(ROOT))
    verbs = {"test": test, "check": check, "pin": pin}
    verb = verbs.get(arguments[0] if arguments else "", serve)
    try:
        verb(arguments if verb is serve else arguments[1:])
    except KeyboardInterrupt:
        sys.exit(f"Stopped. To go on, {AGAIN[5:]}")


# -- what to do ----------------------------------------------------------------------------------------------------


def serve(arguments):
    """Install the app's packages if need be, and become the Streamlit server; it opens the browser itself."""
    parser = argparse.ArgumentParser(
        prog="start.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--port", "--server.port", dest="port", type=int, default=8501, help="port of the app; the next free one if it is taken"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    known, others = parser.parse_known_args(arguments)
    install("requirements.txt")
    headless = ["--server.headless", "true"] if known.no_browser else []
    become([str(PYTHON), "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", str(free_port(known.port)), *headless, *others])


def test(arguments):
    """Install what the tests need, find a browser, and become pytest; on all cores unless one file or a debugger is asked for."""
    install("requirements-dev.txt")
    browser = find_browser()
    if browser:
        os.environ["CAUSEWAY_BROWSER"] = browser
    else:
        say("No browser found: the end-to-end tests will skip. Install Chromium, Chrome or Edge to run them.")
    narrow = any(".py" in a or a in ("-s", "--pdb", "--collect-only", "--co") or a.startswith(("-n", "--numprocesses")) for a in arguments)
    # in the order that tests/conftest.py gives: the longest files first, so that none ends alone on one core
    spread = [] if narrow else ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    if spread:  # every core has its own tests: threads of one that wait for threads of another only burn time
        os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS") or "1"
    become([str(PYTHON), "-m", "pytest", *spread, *arguments])


def check(_):
    """Install what the tests need, and run lint, format and types; stop at the first that complains."""
    install("requirements-dev.txt")
    for tool in ["ruff check .", "ruff format --check .", "mypy"]:
        say(tool)
        status = subprocess.call([str(PYTHON), "-m", *tool.split()])
        if status:
            sys.exit(status)


def pin(_):
    """Write constraints.txt: every package in .venv at its version, without build tags such as +cpu, which only one index has."""
    frozen = subprocess.check_output([str(PYTHON), "-m", "pip", "freeze", "--all", "--exclude", "pip", "--exclude-editable"]).decode()
    title = "# Every package that requirements*.txt bring along, exactly pinned. Written by: python start.py pin\n"
    (ROOT / "constraints.txt").write_text(title + re.sub(r"\+[\w.]+$", "", frozen, flags=re.MULTILINE))


# -- installing ----------------------------------------------------------------------------------------------------


def install(wanted):
    """Bring .venv to what the requirement file ``wanted`` says; returns at once when the stamp says that it is."""
    if wanted in stamped():
        return
    check_disk(NEEDED_GB)
    make_venv()
    repair()
    settings = pip_settings()
    cpu = wants_cpu_torch(settings)
    if sys.platform == "linux" and not cpu and "find-links" not in settings:
        check_disk(NEEDED_CUDA_GB)
    say(f"Installing {wanted}: about 2 GB and some minutes, once.")
    uv = shutil.which("uv")
    done = bool(uv) and subprocess.call(uv_command(uv, wanted, cpu, settings), env=uv_environment(settings)) == 0
    if uv and not done:
        say("uv could not do it; pip tries.")
    if not done:
        LOG.unlink() if LOG.exists() else None
        chosen = ["-r", wanted] + (["-r", "requirements-cpu.txt"] if cpu else [])
        if subprocess.call([str(PYTHON), "-m", "pip", "install", "--log", str(LOG), *chosen]):
            sys.exit(why_failed(LOG.read_text(errors="replace") if LOG.exists() else ""))
    names = ["requirements.txt", wanted] if wanted != "requirements.txt" else [wanted]
    STAMP.write_text("\n".join([fingerprint(), *names]))


def stamped():
    """Return the requirement files that .venv was brought to, as they are now; none when it is missing, unfinished or out of date."""
    if not (PYTHON.exists() and STAMP.exists()):
        return []
    seen, *names = STAMP.read_text().split("\n")
    return names if seen == fingerprint() else []


def fingerprint():
    """Hash every file that says what is to be installed."""
    digest = hashlib.sha256()
    for path in [*sorted(ROOT.glob("requirements*.txt")), ROOT / "constraints.txt"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_venv():
    """Make .venv, or make it anew when what is there does not run."""
    sound = "import sys, pip; sys.exit(sys.prefix == sys.base_prefix)"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if PYTHON.exists() and any(subprocess.call([str(PYTHON), *way], **quiet) == 0 for way in (["-c", sound], ["-m", "ensurepip"])):
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        sys.exit(
            f"This Python cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv), {AGAIN}"
        )
    say("Making .venv.")
    shutil.rmtree(str(VENV), ignore_errors=True)
    if subprocess.call([getattr(sys, "_base_executable", sys.executable), "-m", "venv", str(VENV)]):
        sys.exit(f"The folder .venv could not be made in {ROOT}: see above, mend it, {AGAIN}")


def repair():
    """Forget packages whose installation was cut short, so that they are installed again: the list of files is written last."""
    for record in [*VENV.glob("lib/*/site-packages/*.dist-info"), *VENV.glob("Lib/site-packages/*.dist-info")]:
        if not (record / "RECORD").exists():
            shutil.rmtree(str(record), ignore_errors=True)


def pip_settings():
    """Return pip's own settings, from its files and from the environment, by name."""
    listed = subprocess.check_output([str(PYTHON), "-m", "pip", "config", "list"]).decode()
    pairs = [line.partition("=") for line in listed.splitlines() if "='" in line or '="' in line]
    return {name.rpartition(".")[2]: ast.literal_eval(value) for name, _, value in pairs}


def wants_cpu_torch(settings):
    """Say whether torch should come from PyTorch's CPU wheels: on Linux without an NVIDIA card, when their index answers.

    Whoever gave pip an index or a folder of wheels has chosen already.
    """
    if sys.platform != "linux" or has_nvidia() or {"find-links", "index-url", "extra-index-url", "no-index"} & set(settings):
        return False
    return answers(re.search(r"--extra-index-url (\S+)", (ROOT / "requirements-cpu.txt").read_text()).group(1) + "/torch/")


def has_nvidia():
    """Say whether an NVIDIA driver is here."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia").exists()


def answers(url, seconds=3.0):
    """Say whether a web address answers soon; in a thread, since looking up a name knows no time limit."""
    heard = []

    def ask():
        try:
            urllib.request.urlopen(url, timeout=seconds).close()
            heard.append(url)
        except (OSError, http.client.HTTPException):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(heard)


def check_disk(needed_gb):
    """Stop with one sentence when the packages will not fit."""
    there = sum(path.stat().st_size for path in VENV.rglob("*") if path.is_file() and not path.is_symlink())
    free_gb = shutil.disk_usage(str(ROOT)).free / 1e9
    if free_gb + there / 1e9 < needed_gb:
        sys.exit(
            f"The disk is full: {free_gb:.1f} GB are free in {ROOT}, about {needed_gb - there / 1e9:.1f} GB are needed; make room, {AGAIN}"
        )


def uv_command(uv, wanted, cpu, settings):
    """Return the uv call that does what pip would do: uv reads none of pip's settings."""
    command = [uv, "pip", "install", "--python", str(PYTHON), "--compile-bytecode", "-r", wanted]
    for name in ("find-links", "index-url", "extra-index-url"):
        for place in settings.get(name, "").split():
            command += [f"--{name}", place]
    if "extra-index-url" in settings:
        command += ["--index-strategy", "unsafe-best-match"]  # pip's way: the best version of all indexes
    return command + (["--torch-backend", "cpu"] if cpu else [])


def uv_environment(settings):
    """Return the environment for uv, with pip's certificates."""
    cert = {"SSL_CERT_FILE": settings["cert"]} if "cert" in settings else {}
    return {**os.environ, **cert}


def why_failed(log):
    """Turn pip's log into one sentence that says what to do."""
    if re.search(r"No space left on device|Errno 28|not enough space", log):
        return f"The disk is full: make room for about {NEEDED_GB:.0f} GB, {AGAIN}"
    if re.search(
        r"NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|Connection refused|ProxyError|SSLError|ConnectionReset", log
    ):
        return f"The package registry cannot be reached: check the network, or pip's proxy and index settings, {AGAIN}"
    return f"Installing failed: the reason stands above and in {LOG}; mend it, {AGAIN}"


# -- starting ------------------------------------------------------------------------------------------------------


def free_port(port):
    """Return this port, or the next free one with a word about it."""
    for candidate in range(port, min(port + 100, 65536)):
        with socket.socket() as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
        if candidate != port:
            say(f"Port {port} is taken; the app is at {candidate}.")
        return candidate
    return sys.exit(f"No port from {port} up is free: name another one with --port.")


def find_browser():
    """Return a browser that the end-to-end tests can drive, or None: the system's, Playwright's, or one that can be installed."""
    named = os.environ.get("CAUSEWAY_BROWSER")
    found = named or system_browser() or playwright_browser()
    apt = shutil.which("apt-get")
    if not found and apt and os.geteuid() == 0:
        say("Installing Debian's chromium for the end-to-end tests.")
        subprocess.call([apt, "update", "-qq"])
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.call([apt, "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-liberation"], env=quiet)
        found = system_browser()
    if not found:
        subprocess.call([str(PYTHON), "-m", "playwright", "install", "chromium"])
        found = playwright_browser()
    return found


def system_browser():
    """Return the Chromium, Chrome or Edge of this machine, or None."""
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge", "chrome"]
    mac = [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Chromium", "Google Chrome", "Microsoft Edge")]
    homes = [os.environ.get(name, "") for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
    windows = [
        f"{home}/{name}"
        for home in homes
        if home
        for name in ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
    ]
    paths = [shutil.which(name) for name in names] + [path for path in mac + windows if Path(path).exists()]
    return next((path for path in paths if path), None)


def playwright_browser():
    """Return the Chromium that Playwright keeps for itself, or None."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    asked = subprocess.run([str(PYTHON), "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    path = asked.stdout.decode().strip()
    return path if path and Path(path).exists() else None


def become(command):
    """Hand over to a command: the same process where the system can do that, so that signals reach it."""
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    sys.stdout.flush()
    os.execv(command[0], command)


def say(sentence):
    """Tell the user what is going on."""
    print(f"[causeway] {sentence}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

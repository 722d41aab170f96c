"""The floor: our code runs nothing it is given, fetches nothing from outside, and answers this machine only."""

import ast
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import psutil
import pytest

import engine
from engine import UserError

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [path for folder in ("engine", "pages") for path in sorted((ROOT / folder).rglob("*.py"))] + [ROOT / "app.py", ROOT / "start.py"]
CARRIERS = {"pickle", "cPickle", "shelve", "marshal", "dill", "cloudpickle", "code", "codeop"}
CLIENTS = {"requests", "httpx", "aiohttp", "urllib3", "http.client", "urllib.request", "ftplib", "smtplib", "telnetlib"}
RUNNERS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "pd.read_pickle",
    "pandas.read_pickle",
    "yaml.load",
    "joblib.load",
}
NAMESPACES = ("http://www.w3.org/",)


def findings(source):
    """Name what a module does that our code never does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in CARRIERS | CLIENTS)
        elif isinstance(node, ast.ImportFrom):
            yield from {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)} & (CARRIERS | CLIENTS)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            options = {option.arg: ast.unparse(option.value) for option in node.keywords}
            if called in RUNNERS or called.endswith((".to_pickle", ".read_pickle")):
                yield called
            yield from (name for name in ("shell", "allow_pickle") if options.get(name, "False") != "False")
            if called.endswith("torch.load") and options.get("weights_only") != "True":
                yield called
            if "unsafe_allow_javascript" in options or called.endswith("components.v1.html"):
                yield "script from Python text"


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_our_code_runs_no_foreign_code_and_calls_no_server(path):
    found = set(findings(path.read_text(encoding="utf-8")))
    if path.name == "start.py":  # the installer asks whether an index answers
        found -= {"http.client", "urllib.request"}
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from urllib.request import urlopen",
        "from urllib import request",
        "eval(text)",
        "run(line, shell=True)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "pd.read_pickle(path)",
        "frame.to_pickle(path)",
        "st.html(text, unsafe_allow_javascript=True)",
    ],
)
def test_the_walk_would_notice(source):
    assert list(findings(source))


def shipped(*endings):
    listed = [path for folder in ("pages", "assets", ".streamlit") for path in (ROOT / folder).rglob("*")]
    return sorted(path for path in listed if path.suffix in endings and path.is_file())


@pytest.mark.parametrize("path", shipped(".js", ".css", ".html", ".svg", ".toml"), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_the_browser_gets_names_no_outside_address(path):
    addresses = re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+[^\s\"')]*", path.read_text(encoding="utf-8"))
    assert not [address for address in addresses if not address.startswith(NAMESPACES)]


@pytest.mark.parametrize("path", shipped(".js"), ids=lambda path: str(path.relative_to(ROOT)))
def test_our_scripts_never_read_text_as_html(path):
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text(encoding="utf-8"))


def test_pyvis_options_that_run_script_are_never_used():
    text = "\n".join(path.read_text(encoding="utf-8") for path in PRODUCT)
    assert not re.findall(r"select_menu\s*=|filter_menu\s*=|Network\([^)]*heading", text)


def test_configuration_keeps_to_this_machine():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    server = config["server"]
    assert server["address"] == "127.0.0.1"
    assert server["enableXsrfProtection"] is True
    assert set(server["allowedHosts"]) <= {"localhost", "127.0.0.1", "::1"}
    assert server["maxUploadSize"] <= 200
    assert config["client"]["showErrorDetails"] == "none"
    assert config["browser"]["gatherUsageStats"] is False


# -- a running server ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The app as ``streamlit run app.py`` serves it: its process and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "CAUSEWAY_VAR": str(tmp_path_factory.mktemp("var"))}
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true", "--server.port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 60
    while time.monotonic() < patience:
        try:
            if ask(port, "/_stcore/health").status == 200:
                break
        except OSError:
            time.sleep(0.1)
    yield process, port
    process.terminate()
    process.wait(20)


def ask(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.body = answer.read()
    connection.close()
    return answer


@pytest.mark.parametrize("path", ["/", "/discovery", "/_stcore/health", "/assets/style.css", "/vendor/vis/vis-network.min.js", "/nowhere"])
def test_every_answer_carries_the_headers(server, path):
    answer = ask(server[1], path)
    policy = {part.split()[0]: part.split()[1:] for part in answer.headers["content-security-policy"].split(";")}
    assert policy["default-src"] == ["'self'"]
    allowed = {"'self'", "'none'", "'unsafe-eval'", "'wasm-unsafe-eval'", "'unsafe-inline'", "blob:", "data:"}
    outside = {source for sources in policy.values() for source in sources if source not in allowed and not source.startswith("'sha256-")}
    assert not outside
    assert "'unsafe-inline'" not in policy["script-src"]
    assert policy["frame-ancestors"] == ["'self'"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_server_listens_on_the_loopback_only(server):
    process, port = server
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    listening = {c.laddr for member in family for c in member.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}
    assert port in {address.port for address in listening}


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../app.py",
        "/assets/%2e%2e/app.py",
        "/assets/..%2fapp.py",
        "/vendor/vis/../../../../app.py",
        "/assets//etc/passwd",
        "/vendor/jsme/scripts/../../../../../app.py",
        "/vendor/jsme/scripts/%2e%2e%2f%2e%2e%2fapp.py",
    ],
)
def test_no_path_leads_out_of_the_assets(server, path):
    answer = ask(server[1], path)
    assert b"Middleware" not in answer.body
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [("127.0.0.1", "http://127.0.0.1", 101), ("evil.example", "http://127.0.0.1", 403), ("127.0.0.1", "http://evil.example", 403)],
)
def test_other_sites_cannot_open_the_channel(server, host, origin, status):
    """A page of another site, or a name bent to this address, gets no session."""
    _, port = server
    lines = [
        "GET /_stcore/stream HTTP/1.1", f"Host: {host}:{port}", f"Origin: {origin}:{port}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall("\r\n".join(lines).encode())
        assert int(line.recv(64).split()[1]) == status


# -- results of unknown origin -------------------------------------------------------------------------------------


def tampered(folder, **changes):
    folder.mkdir(exist_ok=True)
    meta = {"type": "engine.discovery.result:GraphResult", "provenance": None, "digest": "", "parts": {}} | changes
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


@pytest.mark.parametrize(
    "name", ["subprocess:Popen", "os:system", "builtins:eval", "enginex.core:Result", "engine.core.errors:UserError", "engine.api:run"]
)
def test_a_result_names_no_foreign_type(tmp_path, name):
    with pytest.raises(UserError):
        engine.load(tampered(tmp_path / "result", type=name))


def test_a_part_names_no_foreign_type(tmp_path):
    folder = tampered(tmp_path / "result", parts={"graph": {"as": "object", "type": "subprocess:Popen"}})
    (folder / "graph.json").write_text("[]")
    with pytest.raises(UserError):
        engine.load(folder)


def test_an_array_of_objects_is_refused(tmp_path):
    folder = tampered(tmp_path / "result", parts={"graph": {"as": "array"}})
    np.savez(folder / "graph.npz", value=np.array([{"a": 1}], dtype=object))
    with pytest.raises((UserError, ValueError)):
        engine.load(folder)


def test_a_part_cannot_name_a_file_outside_the_result(tmp_path):
    folder = tampered(tmp_path / "result", parts={"../outside": {"as": "frame"}})
    with pytest.raises(UserError, match="unknown part"):
        engine.load(folder)

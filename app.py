"""Entry point: `streamlit run app.py` serves the pages, the assets and vis-network, with security headers on every answer."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Streamlit compiles its tables with eval and WebAssembly, styles its elements inline, and starts with one inline script.
INLINE = re.findall(r"<script>(.*?)</script>", (Path(st.__file__).parent / "static" / "index.html").read_text("utf-8"), re.DOTALL)
HASHES = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in INLINE)
POLICY = (
    f"default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' blob: {HASHES}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' data: blob:; "
    "frame-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
# Handlers that the molecule editor writes as text, which the policy forbids: one that nothing needs, and a way to ask for a touch screen.
HANDLERS = (
    (re.compile(r"onload='this\.__gwtLastUnhandledEvent=[^;]*;'"), ""),
    (re.compile(r'(\w+)\.setAttribute\(\w+,"return;"\)'), r'"ontouchstart" in \1&&(\1.ontouchstart=Function.prototype)'),
)
CLEAR = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
HEADERS = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


class SecurityHeaders:
    """Add the headers that keep a browser from loading or sending anything elsewhere."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to the answer."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        await self.app(scope, receive, answer)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the job runner with the server; runs go on when the server stops."""
    from engine import jobs

    jobs.shared()
    yield


def failed(problem: Exception) -> bool:
    """Show what went wrong as a card instead of a trace."""
    from pages.parts import frame

    return frame.error(problem)


def blank(_: Request) -> Response:
    """Answer with one clear pixel, which the molecule editor asks for and does not bring along."""
    return Response(CLEAR, media_type="image/gif")


@cache
def script(name: str) -> bytes:
    """Return a file of the molecule editor as a script; the file holds it as a text, to be run inline, which the policy forbids."""
    text = re.sub(r"^[^']*'|'[^']*$", "", (jsme / name).read_text("utf-8"))
    text = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
    for handler, instead in HANDLERS:
        text = handler.sub(instead, text)
    return text.encode()


def editor(request: Request) -> Response:
    """Answer with a script of the molecule editor."""
    name = request.path_params["name"]
    return Response(script(name), media_type="text/javascript") if name in scripts else Response(status_code=404)


vis = Path(str(distribution("pyvis").locate_file("pyvis/lib/vis-9.1.2")))  # found without importing pyvis, which loads IPython
# the molecule editor's own files; the package stays unloaded
jsme = Path(str(distribution("streamlit-jsme").locate_file("streamlit_jsme/jsme")))
scripts = {path.relative_to(jsme).as_posix() for path in jsme.rglob("*.cache.js")}
routes = [
    Mount("/vendor/vis", StaticFiles(directory=vis)),
    Route("/vendor/jsme/clear.cache.gif", blank),
    Route("/vendor/jsme/scripts/{name:path}", editor),
    Mount("/vendor/jsme", StaticFiles(directory=jsme)),
    Mount("/assets", StaticFiles(directory=Path(__file__).parent / "assets")),
]
app = st.App("pages/main.py", lifespan=lifespan, routes=routes, middleware=[Middleware(SecurityHeaders)], on_script_error=failed)

"""What every page has around its own content: header, empty state, error card, tables, export, about."""

import inspect
import json
import logging
import re
import secrets
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import Data, Method, Result, Tables, UserError
from engine.core.recipe import recipe

log = logging.getLogger("pages")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~$:])")
THIN_SPACE = "\u2009"


def header(title: str, sentence: str) -> None:
    """Open a page: its title and one sentence that says what it is for."""
    st.title(title, anchor=False)
    st.markdown(f":gray[{sentence}]")


def empty(words: str, fix: str = "") -> None:
    """Say in words that there is nothing to show yet, and what to do about it."""
    with st.container(border=True):
        st.markdown(f"**{escape(words)}**")
        if fix:
            st.markdown(escape(fix))


def error(problem: Exception) -> bool:
    """Show a problem: a `UserError` as a card with its way out, anything else as a reference code whose trace is in the log.

    Returns
    -------
    True, so that the server knows the problem has been shown.
    """
    if isinstance(problem, UserError):
        with st.container(border=True):
            st.markdown(f":orange[:material/error:] **{escape(problem.message)}**")
            if problem.fix:
                st.markdown(escape(problem.fix))
    else:
        code = secrets.token_hex(4).upper()
        log.error("reference %s", code, exc_info=problem)
        with st.container(border=True):
            st.markdown(":orange[:material/report:] **Something went wrong on our side; your data are safe.**")
            st.markdown(
                f"Reload the page and try again. If it happens again, report it with the reference code `{code}` from the server's log."
            )
    return True


def table(
    frame: pd.DataFrame,
    key: str | None = None,
    *,
    empty: str = "There is nothing to list.",
    height: int | str = "auto",
    decimals: Mapping[str, int] | None = None,
) -> None:
    """Show a table with three significant digits.

    Parameters
    ----------
    decimals : column -> digits after the point, where a column of numbers is compared down its length.
    empty : what to say instead of a table without rows.
    """
    if frame.empty:
        st.caption(escape(empty))
        return
    formats: dict[Any, Any] = {
        column: st.column_config.NumberColumn(format=f"%.{decimals[column]}f" if decimals and column in decimals else "%.3g")
        for column in frame.columns
        if pd.api.types.is_float_dtype(frame[column].dtype)
    }
    if isinstance(frame.index, pd.RangeIndex):
        formats["_index"] = None
    st.dataframe(frame, column_config=formats, height=height, key=key)


def fold(sentences: Sequence[str]) -> None:
    """Fold away what a reader should know, behind a button that says how much there is."""
    if not sentences:
        return
    with st.popover(f"Notes ({len(sentences)})", icon=":material/warning:"):
        for sentence in sentences:
            st.markdown(escape(sentence))


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Show label and value pairs in one line that wraps."""
    with st.container(horizontal=True, gap="medium"):
        for label, value in rows:
            st.markdown(f":gray[{escape(label)}]  \n**{escape(value)}**", width="content")


def number(value: float, unit: str = "") -> str:
    """Write a number with three significant digits, thin spaces and its unit: ``7 470 cells``."""
    if value is None or not np.isfinite(value):
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        text = f"{int(value):,}"
    elif value != 0 and not 1e-3 <= abs(value) < 1e6:
        text = f"{value:.2e}"
    else:
        text = f"{float(f'{value:.3g}'):,.15g}"
    return text.replace(",", THIN_SPACE) + (f"{THIN_SPACE}{unit}" if unit else "")


def escape(text: str) -> str:
    """Make a text from a user's file plain in Markdown."""
    return _MARKDOWN.sub(r"\\\1", text)


def export(result: Result, data: Data | None = None) -> None:
    """Offer what makes the result again: the Python, the settings and the whole result as files."""
    made = result.provenance
    if made is None:
        return
    name = f"{made.method}-{result.digest[:8]}"
    with st.container(horizontal=True):
        with st.popover("Show me the Python", icon=":material/code:"):
            st.code(recipe(result, data), language="python")
            tables = list(data.tables.values()) if isinstance(data, Tables) else [data] if data else []
            if any(table.steps and table.steps[0][0] == "engine.read" for table in tables):
                st.caption("Run it in the folder that holds your file.")
        st.download_button(
            "Whole result (ZIP)", lambda: archive(result), f"{name}.zip", "application/zip", on_click="ignore", key=f"export.zip.{name}"
        )
        settings = {part: getattr(made, part) for part in ("method", "version", "data")} | {
            "params": dict(made.params),
            "digest": result.digest,
        }
        text = json.dumps(settings, indent=1, ensure_ascii=False)
        st.download_button("Settings (JSON)", text, f"{name}.json", "application/json", on_click="ignore", key=f"export.json.{name}")
    st.caption(f"Result digest `{result.digest}`. The same data, settings and seed give the same digest.")


def archive(result: Result) -> bytes:
    """Pack the folder that `Result.to_dir` writes into a ZIP file."""
    import io
    import tempfile
    import zipfile
    from pathlib import Path

    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        folder = result.to_dir(Path(place) / "result")
        for path in sorted(folder.rglob("*")):
            files.write(path, path.relative_to(folder))
    return packed.getvalue()


def about(method: Method) -> None:
    """Close a page: what the method computes, its limits and its source, from its own documentation."""
    with st.expander(f"About {method.label}", icon=":material/menu_book:"):
        text = inspect.getdoc(method.function) or ""
        lead, sections = split_docstring(text)
        for paragraph in [*lead, *sections.get("Notes", [])]:
            st.markdown(prose(paragraph))
        st.caption(f'Source: {escape(method.cite)}. In Python: `engine.run("{method.name}", data)`.')


def split_docstring(text: str) -> tuple[list[str], dict[str, list[str]]]:
    """Split a numpydoc text into its leading paragraphs and its sections, each a list of paragraphs."""
    heads = list(re.finditer(r"^(\w[\w ]*)\n-{3,}\n", text, re.MULTILINE))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    lead = _paragraphs(text[: heads[0].start()] if heads else text)
    return lead, {head[1]: _paragraphs(text[head.end() : end]) for head, end in zip(heads, ends, strict=False)}


def prose(paragraph: str) -> str:
    """Turn a docstring paragraph into Markdown: double backticks become code, everything else stays plain."""
    pieces = re.split(r"``(.+?)``", paragraph)
    return "".join(f"`{piece}`" if i % 2 else escape(piece) for i, piece in enumerate(pieces))


def _paragraphs(text: str) -> list[str]:
    return [" ".join(textwrap.dedent(part).split()) for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]

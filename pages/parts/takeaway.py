"""Tables to take away: as CSV files and as an Excel workbook, in which no text becomes a formula."""

import io
import zipfile
from collections.abc import Mapping

import pandas as pd

from engine.graphs.exchange.names import safe_cell

NAMES_IN_SIGHT = 3  # columns wide enough for names
WIDE = 24  # characters


def safe(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts no spreadsheet takes for a formula."""
    made = table.rename(columns=lambda name: safe_cell(str(name)))
    for name in made.columns:
        if pd.api.types.is_string_dtype(made[name].dtype) or made[name].dtype == object:
            made[name] = made[name].map(lambda text: safe_cell(text) if isinstance(text, str) else text)
    return made


def csv(table: pd.DataFrame) -> bytes:
    """Return one table as a CSV file."""
    return safe(table).to_csv(index=False).encode()


def csv_zip(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Return tables, safe already, as CSV files in a ZIP file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        for name, table in tables.items():
            files.writestr(f"{name}.csv", table.to_csv(index=False, date_format="%Y-%m-%d"))
    return packed.getvalue()


def workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Return tables, safe already, as sheets of an Excel workbook, with the names in sight while scrolling."""
    packed = io.BytesIO()
    with pd.ExcelWriter(packed, engine="openpyxl", datetime_format="YYYY-MM-DD") as book:
        for name, table in tables.items():
            table.to_excel(book, sheet_name=name, index=False, freeze_panes=(1, 1))
            sheet = book.sheets[name]
            for cells in sheet.iter_cols(1, min(NAMES_IN_SIGHT, sheet.max_column), 1, 1):
                sheet.column_dimensions[cells[0].column_letter].width = WIDE
    return packed.getvalue()

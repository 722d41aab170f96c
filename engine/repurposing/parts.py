"""Which tables a method of the area is given, by name."""

from collections.abc import Collection

from engine.core import Tables, UserError


def refuse_strange(tables: Tables, known: Collection[str]) -> None:
    """Raise a `UserError` for a table whose name no stage has a use for.

    Parameters
    ----------
    known : names of the tables that the method can use.
    """
    strange = next((part for part in tables.tables if part not in known), None)
    if strange is not None:
        raise UserError(f"There is no use for a table named '{strange}'.", f"Name them {', '.join(known)}.", strange)

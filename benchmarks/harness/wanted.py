"""Which workloads run: all of them, or those that the command line asked for by a part of their name."""

_asked = ""


def only(text: str) -> None:
    """Leave out from now on all workloads whose name does not contain this text."""
    global _asked
    _asked = text


def wanted(workload: str) -> bool:
    """Return whether a workload is to run; an area asks before it draws data or calls anything."""
    return _asked.lower() in workload.lower()

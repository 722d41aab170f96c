"""Methods that live outside this tree, named by the environment."""

import os

VARIABLE = "CAUSEWAY_EXTRA_METHODS"


def plugins() -> dict[str, str]:
    """Return method name -> module, as written in ``CAUSEWAY_EXTRA_METHODS="name=package.module, other=package.other"``.

    Whoever sets the variable trusts these modules: they are imported, and results may hold types defined in them.
    """
    pairs = (pair.partition("=") for pair in os.environ.get(VARIABLE, "").split(",") if "=" in pair)
    return {name.strip(): module.strip() for name, _, module in pairs}

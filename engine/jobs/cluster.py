"""Inner loops on other machines: joblib's work goes to a Dask cluster while the run itself stays a local process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.core import UserError

VARIABLE = "CLUSTER"
ANSWER_S = 5


@contextmanager
def inner_loops() -> Iterator[None]:
    """Send every `joblib.Parallel` in the block to the cluster named by ``CLUSTER=tcp://host:port``; without it nothing changes.

    Raises
    ------
    UserError
        When no scheduler answers at that address.

    Notes
    -----
    The machines of the cluster need the same version of Causeway. A task that kills its worker is reported at once instead of being
    tried on one worker after the other: ``allowed-failures`` is set to 0 on the scheduler.
    """
    address = os.environ.get(VARIABLE, "").strip()
    if not address:
        yield
        return
    import distributed
    import joblib

    client_of: Any = distributed.Client  # carries no types
    try:
        client = client_of(address, timeout=ANSWER_S, set_as_default=True)
    except (OSError, TimeoutError, ValueError) as error:
        raise UserError(
            f"The cluster at {address} does not answer.",
            "Start its scheduler and workers, correct CLUSTER, or unset it to compute on this machine.",
            VARIABLE,
        ) from error

    def report_crashes(dask_scheduler: Any) -> None:  # local, so that it travels by value to a scheduler without Causeway
        dask_scheduler.allowed_failures = 0

    with client:
        client.run_on_scheduler(report_crashes)
        with joblib.parallel_config(backend="dask"):
            yield

"""Many calls of one function on several processes, in rounds small enough to tell how far they are."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any


def rounds(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], threads: int) -> Iterator[list[Any]]:
    """Call a function with each tuple of arguments; yield the answers in the order of the tasks, as many at a time as there are processes.

    Parameters
    ----------
    function : of a module, so that other processes find it.
    threads : number of processes; an active ``joblib.parallel_config``, such as a cluster's, says itself how many there are.
    """
    from joblib import Parallel, delayed, effective_n_jobs

    n_jobs = None if effective_n_jobs(None) > 1 else threads
    with Parallel(n_jobs=n_jobs) as pool:
        at_once = effective_n_jobs(n_jobs)
        for start in range(0, len(tasks), at_once):
            yield list(pool(delayed(function)(*task) for task in tasks[start : start + at_once]))

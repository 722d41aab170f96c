"""Many calls of one function, here or on several processes, whichever is sooner done."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

START_S = 3.0  # seconds that processes take to start: less work than this is done here


def answers(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], threads: int) -> Iterator[Any]:
    """Call a function with each tuple of arguments; yield the answers in the order of the tasks, each as soon as it is there.

    Parameters
    ----------
    function : of a module, so that other processes find it.
    threads : number of processes; an active ``joblib.parallel_config``, such as a cluster's, says itself how many there are.

    Notes
    -----
    Without a cluster the first tasks are done here, until what is left is seen to be worth other processes.
    """
    from joblib import Parallel, delayed, effective_n_jobs

    has_cluster = effective_n_jobs(None) > 1
    spent, done = 0.0, 0
    while not has_cluster and done < len(tasks):
        begun = time.perf_counter()
        answer = function(*tasks[done])
        spent += time.perf_counter() - begun
        done += 1
        yield answer
        if threads > 1 and spent / done * (len(tasks) - done) > START_S:
            break
    if done < len(tasks):
        pool = Parallel(n_jobs=None if has_cluster else threads, return_as="generator")
        yield from pool(delayed(function)(*task) for task in tasks[done:])

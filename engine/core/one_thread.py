"""Numbers that do not depend on how many processors a machine has: torch on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work on one thread in the block, or in the function that this decorates, so that equal questions have equal answers.

    Sums are rounded differently on several threads. The maps here are small: on a busy machine several threads spend more time waiting
    for each other than they save.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

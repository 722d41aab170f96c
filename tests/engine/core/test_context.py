"""A run tells how far it is, stops when it is told to, and keeps what it has when its time is up."""

import pytest

from engine.core import Cancelled, Context


def test_a_limit_ends_only_what_can_be_ended():
    context, done = Context.silent(), []
    context.limit(0.0)
    context.check()  # outside a block that can be left, nothing is stopped
    with context.best_so_far():
        done.append("first")
        context.progress(0.5, "level 2")
        done.append("second")
    assert done == ["first"]
    assert context.stopped == "level 2"


def test_blocks_after_the_limit_are_left_at_their_first_check():
    context, done = Context.silent(), []
    context.limit(0.0)
    for step in ("a", "b"):
        with context.best_so_far():
            context.progress(0.1, step)
            done.append(step)
    assert done == [] and context.stopped == "a"


def test_parts_of_a_run_share_its_clock():
    context = Context.silent()
    part = context.share(0, 0.5)
    context.limit(0.0)
    with part.best_so_far():
        part.check()
    assert context.stopped == "the start"


def test_without_a_limit_nothing_is_stopped():
    context = Context.silent()
    context.limit(None)
    with context.best_so_far():
        context.check()
    assert context.stopped is None


def test_cancelling_is_not_caught():
    context = Context(is_cancelled=lambda: True)
    with pytest.raises(Cancelled), context.best_so_far():
        context.check()

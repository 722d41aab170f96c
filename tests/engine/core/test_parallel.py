"""Answers come in the order of the tasks, whoever gives them, and small work never leaves the process."""

import os
import time

import pytest

from engine.core import parallel
from engine.core.parallel import answers


def square(n):
    return n * n, os.getpid()


def slow(n):
    time.sleep(0.1)
    return n, os.getpid()


def test_small_work_stays_here():
    found = list(answers(square, [(n,) for n in range(20)], threads=2))
    assert found == [(n * n, os.getpid()) for n in range(20)]


def test_long_work_is_shared_and_keeps_its_order(monkeypatch):
    monkeypatch.setattr(parallel, "START_S", 0.5)
    found = list(answers(slow, [(n,) for n in range(12)], threads=2))
    assert [n for n, _ in found] == list(range(12))
    assert found[0][1] == os.getpid() and os.getpid() not in {process for _, process in found[1:]}


def test_one_thread_is_this_one(monkeypatch):
    monkeypatch.setattr(parallel, "START_S", 0.0)
    assert {process for _, process in answers(square, [(n,) for n in range(3)], threads=1)} == {os.getpid()}


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_to_do(threads):
    assert list(answers(square, [], threads)) == []

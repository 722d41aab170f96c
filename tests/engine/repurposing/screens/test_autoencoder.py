"""The autoencoder keeps the weights of the least validation error, no compound straddles the split, and the seed decides every bit."""

import numpy as np
import pytest

from engine.core import Cancelled, Context, UserError
from engine.repurposing.screens.autoencoder import split_by_compound, train


def data(n=90, d=20):
    rng = np.random.default_rng(0)
    values = rng.random((n, 3)) @ rng.random((3, d)) + 0.05 * rng.random((n, d))
    compound = np.array([f"c{k % 15}" for k in range(n)], dtype=object)
    return (values - values.min(axis=1, keepdims=True)) / np.ptp(values, axis=1, keepdims=True), compound, compound == "c0"


def fitted(seed=0, context=None, epochs=8):
    return train(*data(), width=32, epochs=epochs, batch=8, seed=seed, context=context or Context.silent())


@pytest.fixture(scope="module")
def model():
    return fitted()


def test_no_compound_straddles_the_split_and_controls_are_trained_on():
    _, compound, control = data()
    for seed in range(20):
        split = split_by_compound(compound, control, seed)
        assert all(len(set(split[compound == name])) == 1 for name in set(compound))
        assert set(split) == {"train", "validation", "test"}
        assert set(split[control]) == {"train"}
    with pytest.raises(UserError, match="2 compounds"):
        split_by_compound(np.array(["a", "b"], dtype=object), np.array([False, False]), 0)


def test_the_size_is_that_of_the_paper():
    from engine.repurposing.screens.autoencoder_net import WideAutoencoder

    assert sum(weights.numel() for weights in WideAutoencoder(911, 1024).parameters()) == 1_865_728


def test_the_same_seed_gives_the_same_bits_whatever_the_threads():
    import torch

    one = fitted(epochs=2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    torch.rand(3)  # a generator in use elsewhere must not matter either
    try:
        two = fitted(epochs=2)
        assert torch.get_num_threads() == (1 if threads > 1 else 2)
    finally:
        torch.set_num_threads(threads)
    assert one.first.tobytes() == two.first.tobytes()
    assert one.losses.equals(two.losses)
    assert one.first.tobytes() != fitted(seed=1, epochs=2).first.tobytes()


def test_the_weights_kept_are_those_of_the_least_validation_error(model):
    assert model.best == model.losses["epoch"][model.losses["validation"].idxmin()]
    assert model.losses["validation"].min() < model.losses["validation"].iloc[0]
    assert fitted(epochs=model.best).first.tobytes() == model.first.tobytes()  # later epochs, if any, left no trace


def test_it_stops_when_asked():
    with pytest.raises(Cancelled):
        fitted(context=Context(is_cancelled=lambda: True))

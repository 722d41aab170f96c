"""The flow's log-determinant is the Jacobian's, its density integrates to one, and drawing undoes looking."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from engine.molimage.haar import double, halve, log_det
from engine.molimage.level_training import Material, averaged
from engine.molimage.plan import LevelPlan, Plan
from engine.molimage.tone import Tone

torch = pytest.importorskip("torch")


def plan(channels=1, size=16):
    levels = tuple((s, LevelPlan(3, 8, 6, 1 if s > 2 else 0, min(s, 16), 1.0)) for s in (2, 4, 8, 16, 32) if s <= size)
    return Plan(channels, 3, levels)


def flow(channels=1, size=16, dtype=None, seed=0):
    """A flow that is far from the identity: every weight is random."""
    from engine.molimage.pyramid_net import WaveletFlow

    torch.manual_seed(seed)
    net = WaveletFlow(plan(channels, size)).to(dtype or torch.float64)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if not name.endswith("mix"):
                value.add_(0.15 * torch.randn_like(value))
            else:
                value.copy_(value + 0.1 * torch.randn_like(value))
    return net.eval()


def test_haar_comes_back_and_its_determinant_is_the_jacobian():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 3, 8, 8))
    low, details = halve(image)
    np.testing.assert_allclose(double(low, details), image, atol=1e-14)
    np.testing.assert_allclose(low[0, 0, 0, 0], image[0, 0, :2, :2].mean())

    def flat(x):
        low, details = halve(x.reshape(2, 4, 4))
        return torch.cat([low.flatten(), *(d.flatten() for d in details)])

    jacobian = torch.autograd.functional.jacobian(flat, torch.randn(32, dtype=torch.float64))
    assert torch.linalg.slogdet(jacobian)[1].item() == pytest.approx(log_det(2, 4, 4), abs=1e-10)


def test_the_level_log_determinant_is_autograds():
    """On a 1 x 4 x 4 image, whose level has three 2 x 2 details."""
    from engine.molimage.flow_net import LevelFlow

    torch.manual_seed(1)
    level = LevelFlow(3, 1, 2, 3, 8, 6, 1).double()
    with torch.no_grad():
        for value in level.parameters():
            value.add_(0.2 * torch.randn_like(value))
    known, told = torch.randn(1, 1, 2, 2, dtype=torch.float64), torch.randn(1, 2, dtype=torch.float64)
    x = torch.randn(1, 3, 2, 2, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda v: level(v.reshape(1, 3, 2, 2), known, told)[0].flatten(), x.flatten())
    z, nats = level(x, known, told)
    normal = -0.5 * (z**2).sum() - 6 * np.log(2 * np.pi)
    assert nats.item() == pytest.approx((normal + torch.linalg.slogdet(jacobian)[1]).item(), abs=1e-8)


def test_the_whole_log_determinant_is_autograds():
    net = flow(size=16)
    told = torch.randn(1, 3, dtype=torch.float64)
    x = torch.randn(1, 1, 16, 16, dtype=torch.float64)

    def latent(v):
        return torch.cat([z.flatten() for _, z in sorted(net.latents(v.reshape(1, 1, 16, 16), told).items())])

    z = latent(x)
    jacobian = torch.autograd.functional.jacobian(latent, x.flatten())
    expected = -0.5 * (z**2).sum() - 0.5 * len(z) * np.log(2 * np.pi) + torch.linalg.slogdet(jacobian)[1]
    assert sum(net(x, told).values()).item() == pytest.approx(expected.item(), abs=1e-8)


def test_the_density_integrates_to_one():
    """Importance sampling of exp(log p) over images of 1 x 2 x 2: a smallest level of one squeezed pixel block."""
    from engine.molimage.flow_net import LevelFlow

    torch.manual_seed(2)
    level = LevelFlow(4, 0, 2, 3, 8, 6, 0).double()
    with torch.no_grad():
        for name, value in level.named_parameters():
            if not name.endswith("mix"):
                value.add_(0.25 * torch.randn_like(value))
    told = torch.randn(1, 2, dtype=torch.float64)
    n = 40_000
    with torch.no_grad():  # propose from a multivariate t with 3 degrees of freedom where the flow's own samples lie
        own = level.inverse(torch.randn(4000, 4, 1, 1, dtype=torch.float64), None, told.expand(4000, -1)).flatten(1).numpy()
        wide = scipy.stats.multivariate_t(own.mean(0), 1.5 * np.cov(own.T), df=3, seed=0)
        x = wide.rvs(n)
        _, nats = level(torch.from_numpy(x)[:, :, None, None], None, told.expand(n, -1))
    ratio = np.exp(nats.numpy() - wide.logpdf(x))
    assert ratio.std() / np.sqrt(n) < 0.006
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("dtype", "worst"), [("float64", 1e-10), ("float32", 1e-4)])
def test_drawing_undoes_looking(dtype, worst):
    net = flow(channels=2, size=32, dtype=getattr(torch, dtype))
    told = torch.randn(3, 3).to(getattr(torch, dtype))
    x = torch.randn(3, 2, 32, 32).to(getattr(torch, dtype))
    with torch.no_grad():
        drawn = dict(net.sample(net.latents(x, told), told))
    assert (drawn[32] - x).abs().max() < worst
    np.testing.assert_allclose(drawn[16].numpy(), halve(x.numpy())[0], atol=worst)


def test_the_molecule_reaches_every_level():
    net = flow(channels=2, size=32)
    x = torch.randn(1, 2, 32, 32, dtype=torch.float64)
    one, other = (net(x, torch.full((1, 3), value, dtype=torch.float64)) for value in (0.0, 1.0))
    assert all(abs((one[size] - other[size]).item()) > 1e-3 for size in (2, 4, 8, 16, 32))


def test_the_first_mixing_whitens():
    from engine.molimage.pyramid_net import level_flow

    torch.manual_seed(0)
    level = level_flow(plan(2), 16)
    x = torch.randn(400, 6, 4, 4) @ torch.randn(4, 4) * 3 + 5
    level.whiten(x)
    first = level._steps()[0]
    y = torch.nn.functional.conv2d(x, first.mix[:, :, None, None], first.shift).movedim(1, -1).reshape(-1, 6)
    np.testing.assert_allclose(y.mean(0).detach(), 0, atol=1e-4)
    np.testing.assert_allclose(torch.cov(y.T).detach(), np.eye(6), atol=1e-3)


def test_tones_come_back_and_their_determinant_is_the_slope():
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    tone = Tone.fit(images)
    for noise in (0.001, 0.5, 0.999):
        np.testing.assert_array_equal(tone.levels(tone.values(images, noise)), images)
    step = 1e-2
    slope = (tone.values(images, 0.5 + step).astype(float) - tone.values(images, 0.5 - step)) / (2 * step)
    assert tone.log_det(tone.values(images, 0.5))[0] == pytest.approx(np.log(slope).sum(), rel=1e-3)
    assert abs(tone.values(images, 0.5).mean()) < 1e-3
    assert tone.levels(np.full((1, 1, 1, 2), 1e6, np.float32)).max() == 255


def flat(level, size=32):
    """Training material of one image of one grey level, next to a black one that sets the scale but is never drawn."""
    images = np.zeros((2, 1, size, size), np.uint8)
    images[0] = level
    told = np.zeros((1, 2, 3), np.float32)
    return Material(images, np.arange(2), told, np.zeros(2, np.float32), np.array([1.0, 0.0]), Tone.fit(images))


@pytest.mark.parametrize("level", [5, 60, 200])
def test_images_averaged_beforehand_have_the_noise_of_those_averaged_in_each_step(level):
    from engine.molimage.batches_net import LevelBatches

    material, whole = flat(level), plan(1, 32)
    beforehand = dataclasses.replace(material, small=averaged(whole, material.images, material.tone))
    each, once = (LevelBatches(whole, 8, some).draw(300, 0, 0) for some in (material, beforehand))
    assert float(once.new.std()) == pytest.approx(float(each.new.std()), rel=0.05)
    assert float(once.known.mean()) == pytest.approx(float(each.known.mean()), abs=0.02)


def test_pieces_lie_everywhere_in_all_eight_positions_and_go_with_their_molecule():
    from engine.molimage.batches_net import Pieces, generator

    images = np.arange(2 * 6 * 6, dtype=np.uint8).reshape(2, 1, 6, 6)
    told = np.array([[[1.0, 0.0], [2.0, 0.0]], [[3.0, 1.0], [4.0, 1.0]]], np.float32)
    material = Material(images, np.array([1, 0]), told, np.array([0.0, 0.5], np.float32), np.array([0.25, 0.75]), Tone.fit(images))
    cut, conditions, rows = Pieces(torch.from_numpy(images), 2, material, "cpu").draw(8000, generator("cpu", 0))
    corners = {tuple(sorted(piece.flatten().tolist())) for piece in cut}
    assert len(corners) == 2 * 25  # each place of either image
    assert len({tuple(piece.flatten().tolist()) for piece in cut}) == 2 * 25 * 8
    assert ((cut[:, 0, 0, 0] >= 36) == (rows == 0)).all()
    assert float((rows == 0).float().mean()) == pytest.approx(0.75, abs=0.02)
    measured = conditions[:, 1] == 0
    assert float(measured.float().mean()) == pytest.approx(0.5, abs=0.02)
    assert float(conditions[measured & (rows == 1), 0].std()) == pytest.approx(0.5, abs=0.05)
    assert set(conditions[~measured, 0].tolist()) == {3.0, 4.0}


def test_a_plan_comes_back_from_its_text():
    made = Plan.standard(3, 17, 128)
    assert Plan.from_json(made.to_json()) == made
    assert dataclasses.replace(made, channels=5) != made

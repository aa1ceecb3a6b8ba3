import ast
import inspect
import math
from dataclasses import fields, replace

import pytest
import torch

from trainers.architectures.ablations import NETWORKS
from trainers.architectures.modules import build
from trainers.errors import TrainerError
from trainers.recipe import recipe as recipe_file
from trainers.recipe.filter_clip import clip_filters, filter_rms
from trainers.recipe.initialise import initialise, standardise
from trainers.recipe.recipe import CHOICES, LIMITS, PAPER, TINY, Recipe
from trainers.recipe.schedule import Plateau, one_cycle, rate_at


def zfnet_tiny(recipe: Recipe) -> torch.nn.Sequential:
    torch.manual_seed(0)
    net = build(NETWORKS["zfnet-tiny"])
    initialise(net, recipe)
    return net


def test_every_field_has_a_docstring():
    (recipe,) = (n for n in ast.parse(inspect.getsource(recipe_file)).body if isinstance(n, ast.ClassDef))
    pairs = zip(recipe.body, recipe.body[1:], strict=False)
    documented = {a.target.id for a, b in pairs if isinstance(a, ast.AnnAssign) and isinstance(b, ast.Expr)}
    assert documented == {f.name for f in fields(Recipe)}


def test_the_papers_numbers():
    assert (PAPER.batch, PAPER.rate, PAPER.momentum, PAPER.dropout, PAPER.epochs) == (128, 0.01, 0.9, 0.5, 70)
    assert (PAPER.filter_rms, PAPER.std, PAPER.side, PAPER.schedule) == (0.1, 1 / 255, 256, "plateau")


def test_filters_start_as_the_paper_says():
    net = zfnet_tiny(PAPER)
    for module in net:
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            assert module.weight.std().item() == pytest.approx(0.01, rel=0.05)
            assert not module.bias.any()


def test_conv1_of_the_tiny_recipe_starts_quiet():
    net = zfnet_tiny(TINY)
    assert net.conv1.weight.std().item() == pytest.approx(TINY.first_std, rel=0.05)
    assert net.conv3.weight.std().item() == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.05)
    assert net.fc8.weight.std().item() == pytest.approx(0.01, rel=0.05)


def test_a_standard_start_gives_every_unit_mean_0_and_deviation_1_and_leaves_conv1s_filters_and_fc8_alone():
    net = zfnet_tiny(TINY)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    pictures = torch.randn(64, 3, 56, 56) + 0.5
    standardise(net, pictures)
    assert net.training
    net.eval()
    x = pictures
    for name, module in net.named_children():
        x = module(x.clone())
        if name.startswith(("conv", "fc")) and name != "fc8":
            sums = x.transpose(0, 1).flatten(1)
            torch.testing.assert_close(sums.mean(1), torch.zeros(len(sums)), atol=1e-4, rtol=0)
            if name != "conv1":
                torch.testing.assert_close(sums.std(1), torch.ones(len(sums)), atol=1e-3, rtol=0)
    for name in ("conv1.weight", "fc8.weight", "fc8.bias"):
        assert torch.equal(net.get_parameter(name), before[name])


def test_a_unit_that_answers_all_pictures_alike_starts_finite():
    net = zfnet_tiny(TINY)
    standardise(net, torch.zeros(2, 3, 56, 56))
    assert all(p.isfinite().all() for p in net.parameters())


def test_clip_scales_a_filter_back_by_its_rms_and_not_by_its_norm():
    net = zfnet_tiny(PAPER)
    with torch.no_grad():
        net.conv1.weight[0] = 0.3
        net.conv1.weight[1] = 0.09  # its L2 norm is 1.09; only the RMS counts
        net.conv1.weight[2, 0, 0, 0] = 12.0
        net.conv1.weight[3] = 0.0
        net.conv1.bias[:] = 5.0
        net.fc6.weight[:] = 5.0
    before = net.conv1.weight.detach().clone()
    clip_filters(net, PAPER)
    after = net.conv1.weight.detach()
    assert torch.allclose(after[0], torch.full_like(after[0], 0.1))
    assert torch.equal(after[1], before[1])
    assert filter_rms(after)[2].item() == pytest.approx(0.1)
    torch.testing.assert_close(after[2] * (12 / after[2].max()), before[2])  # the filter keeps its shape
    assert torch.equal(after[3:], before[3:])
    assert (net.conv1.bias == 5).all()
    assert (net.fc6.weight == 5).all()


def test_conv1_may_have_a_radius_of_its_own():
    net = zfnet_tiny(PAPER)
    with torch.no_grad():
        net.conv1.weight[:] = 1.0
        net.conv2.weight[:] = 1.0
    clip_filters(net, replace(PAPER, first_filter_rms=0.2))
    assert net.conv1.weight.max().item() == pytest.approx(0.2)
    assert net.conv2.weight.max().item() == pytest.approx(0.1)
    clip_filters(net, replace(PAPER, filter_rms=None))
    assert net.conv2.weight.max().item() == pytest.approx(0.1)


def test_a_plateau_divides_the_rate_by_ten():
    plateau = Plateau(replace(PAPER, plateau_patience=2))
    rates = []
    for error in (0.9, 0.8, 0.8, 0.7, 0.75, 0.7, 0.71, 0.72, 0.6):
        plateau.epoch_ended(error)
        rates.append(plateau.rate)
    assert rates == pytest.approx([0.01] * 5 + [1e-3, 1e-3, 1e-4, 1e-4])


def test_a_plateau_survives_a_checkpoint():
    first, second = Plateau(PAPER), Plateau(PAPER)
    for error in (0.5, 0.6, 0.6, 0.6):
        first.epoch_ended(error)
    second.load_state_dict(first.state_dict())
    for plateau in (first, second):
        plateau.epoch_ended(0.6)
    assert first.rate == second.rate == pytest.approx(1e-3)


def test_one_cycle_rises_and_falls_to_zero():
    rates = [one_cycle(TINY, k / 100) for k in range(101)]
    peak = rates.index(max(rates))
    assert peak == pytest.approx(100 * TINY.warmup)
    assert rates[peak] == pytest.approx(TINY.rate)
    assert rates[0] == pytest.approx(TINY.rate / 20)
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert rates == sorted(rates[:peak]) + sorted(rates[peak:], reverse=True)
    assert rate_at(PAPER, Plateau(PAPER), 0.9) == PAPER.rate


def test_impossible_recipes_are_refused():
    with pytest.raises(TrainerError, match="smallest_area is 0"):
        replace(TINY, smallest_area=0)
    for name, value in (
        ("epochs", 0),
        ("batch", None),
        ("rate", -1.0),
        ("rate", math.nan),
        ("dropout", 2.0),
        ("std", 0),
    ):
        with pytest.raises(TrainerError, match=f"recipe: {name} is {value}, give a number from "):
            replace(TINY, **{name: value})
    assert set(LIMITS) | set(CHOICES) == {f.name for f in fields(Recipe)}


def test_what_was_trained_on_resized_boxes_is_measured_on_whole_pictures():
    assert PAPER.measured_side(224) == 256
    assert TINY.measured_side(56) == 64
    assert replace(TINY, crop="resized").measured_side(56) == 56

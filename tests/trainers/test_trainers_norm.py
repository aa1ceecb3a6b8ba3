import pytest
import torch
import torch.nn.functional as F

from trainers.architectures.lrn import LocalResponseNorm, window_sum


@pytest.mark.parametrize("size, beta", [(5, 0.75), (3, 0.5), (1, 0.75)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_norm_and_its_derivative_are_torchs(size, beta, channels_last):
    torch.manual_seed(0)
    x = 3 * torch.randn(2, 7, 4, 5)
    x = (x.contiguous(memory_format=torch.channels_last) if channels_last else x).requires_grad_()
    top = torch.randn(2, 7, 4, 5)
    ours = LocalResponseNorm(size, 0.7, beta, 2.0)(x)
    theirs = F.local_response_norm(x, size, 0.7, beta, 2.0)
    torch.testing.assert_close(ours, theirs)
    (grad,) = torch.autograd.grad(ours, x, top)
    (wanted,) = torch.autograd.grad(theirs, x, top)
    torch.testing.assert_close(grad, wanted, rtol=1e-4, atol=1e-5)


def test_derivative_agrees_with_differences():
    x = torch.randn(1, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    from trainers.architectures.lrn import _Normalise

    assert torch.autograd.gradcheck(lambda x: _Normalise.apply(x, 5, 2.5, 0.75, 1.0), x)


def test_window_sum_by_hand():
    x = torch.tensor([1.0, 2, 4, 8]).reshape(1, 4, 1, 1)
    assert window_sum(x, 3).flatten().tolist() == [3, 7, 14, 12]


def test_even_windows_are_refused():
    with pytest.raises(ValueError, match="no middle"):
        LocalResponseNorm(4, 1.0, 0.75, 1.0)

"""The network that profiles are squeezed through: one wide layer there, one back, neither with a bias."""

from torch import Tensor, nn


class WideAutoencoder(nn.Module):  # type: ignore[misc]
    """d -> width -> d without biases, leaky ReLU (slope 0.01) after the first layer only."""

    def __init__(self, d: int, width: int):
        super().__init__()
        self.first = nn.Linear(d, width, bias=False)
        self.activation = nn.LeakyReLU(0.01)
        self.second = nn.Linear(width, d, bias=False)

    def forward(self, profiles: Tensor) -> Tensor:
        """Return profiles (B, d) as the network makes them again."""
        return self.second(self.activation(self.first(profiles)))

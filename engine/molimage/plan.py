"""The plan of a flow: which sizes there are, and how much network each one gets."""

import dataclasses
import json
from dataclasses import dataclass

from engine.core import UserError

SIZES = (2, 4, 8, 16, 32, 64, 128, 256, 512)
BASE = 2
DRAWN = (32, 64, 128, 256, 512)  # sizes worth looking at


@dataclass(frozen=True)
class LevelPlan:
    """Network of one level: flow steps and their width, width and depth of what looks at the image below, and how it is trained.

    Attributes
    ----------
    steps, hidden, context, blocks : see `engine.molimage.flow_net.LevelFlow`.
    crop : edge in px of the pieces of an image of this size that it is trained on.
    length : its training steps, relative to the number asked for.
    batch : its images per step, relative to the number asked for; small maps cost little.
    """

    steps: int
    hidden: int
    context: int
    blocks: int
    crop: int
    length: float
    batch: int = 1


# Most of the time goes to the level that turns a smudge into a nucleus.
STANDARD = {
    2: LevelPlan(8, 64, 32, 0, 2, 0.4, 4),
    4: LevelPlan(6, 64, 32, 1, 4, 0.4, 4),
    8: LevelPlan(6, 64, 32, 2, 8, 0.6, 4),
    16: LevelPlan(6, 48, 32, 2, 16, 1.0, 2),
    32: LevelPlan(6, 64, 32, 2, 32, 2.0),
    64: LevelPlan(4, 32, 24, 1, 32, 1.0),
    128: LevelPlan(4, 32, 24, 1, 32, 1.0),
    256: LevelPlan(2, 24, 16, 1, 32, 0.5),
    512: LevelPlan(2, 24, 16, 1, 32, 0.5),
}
# Where a GPU trains: more network where maps are small, so that drawing takes little longer.
WIDE = {
    2: LevelPlan(10, 128, 64, 0, 2, 0.5, 2),
    4: LevelPlan(10, 128, 64, 1, 4, 0.5, 2),
    8: LevelPlan(10, 128, 64, 2, 8, 0.7, 2),
    16: LevelPlan(8, 96, 64, 3, 16, 1.0, 2),
    32: LevelPlan(8, 64, 48, 3, 32, 1.5),
    64: LevelPlan(4, 40, 32, 1, 32, 1.0),
    128: LevelPlan(4, 32, 24, 1, 32, 1.0),
    256: LevelPlan(2, 24, 16, 1, 32, 0.5),
    512: LevelPlan(2, 24, 16, 1, 32, 0.5),
}
NETWORKS = {"standard": STANDARD, "wide": WIDE}


@dataclass(frozen=True)
class Plan:
    """Channels, condition and levels of a flow, smallest size first.

    Examples
    --------
    >>> Plan.standard(channels=3, condition=17, size=64).sizes
    (2, 4, 8, 16, 32, 64)
    """

    channels: int
    condition: int
    levels: tuple[tuple[int, LevelPlan], ...]

    @classmethod
    def standard(cls, channels: int, condition: int, size: int, network: str = "standard") -> "Plan":
        """Return the plan of one of `NETWORKS` for images of this size; a size that is not one of `DRAWN` is a `UserError`."""
        if size not in DRAWN:
            raise UserError(f"Images of {size} pixels cannot be modelled.", f"Choose one of {', '.join(map(str, DRAWN))} pixels.")
        return cls(channels, condition, tuple((n, level) for n, level in NETWORKS[network].items() if n <= size))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes in px, smallest first."""
        return tuple(size for size, _ in self.levels)

    @property
    def size(self) -> int:
        """Largest size in px."""
        return self.sizes[-1]

    def level(self, size: int) -> LevelPlan:
        """Return the plan of one size."""
        return dict(self.levels)[size]

    def to_json(self) -> str:
        """Write the plan as text."""
        levels = [[size, dataclasses.asdict(level)] for size, level in self.levels]
        return json.dumps({"channels": self.channels, "condition": self.condition, "levels": levels})

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` wrote."""
        facts = json.loads(text)
        levels = tuple((int(size), LevelPlan(**level)) for size, level in facts["levels"])
        return cls(int(facts["channels"]), int(facts["condition"]), levels)

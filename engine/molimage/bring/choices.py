"""What a user may choose about the reading of images."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.core import UserError
from engine.molimage.bring.crops import Crop, Cutting
from engine.molimage.bring.intensity import HIGH, LOW
from engine.molimage.bring.stack import Depth


@dataclass(frozen=True)
class Choices:
    """How images are to be read; the defaults ask where only the user knows.

    Attributes
    ----------
    channels : stain of each channel in the order of the files or columns; a channel whose stain is empty text is left out.
    size, crop, shrink, levels : see `engine.molimage.bring.crops.Cutting`.
    depth : what focus planes, time points and unnamed pages mean: ``channels``, ``max``, or empty: ask.
    colours : stain that red, green and blue of an RGB image show.
    percentiles : of each plate's control wells, that become 0 and 255; None keeps 8-bit values as they are.
    leave_out : whether rows with a missing or damaged file or a wrong molecule are left out and counted instead of stopping.
    pixel_um : edge of a pixel of the files in µm, where these do not say.
    encoding : of the table.
    name : of the set.
    """

    channels: Sequence[str] | None = None
    size: int | None = None
    crop: Crop = "whole"
    shrink: int = 1
    levels: int = 3
    depth: Depth = ""
    colours: Sequence[str] = ()
    percentiles: tuple[float, float] | None = (LOW, HIGH)
    leave_out: bool = False
    pixel_um: float | None = None
    encoding: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Check the values that have limits."""
        if self.depth not in ("", "channels", "max"):
            raise UserError(f"There is no depth '{self.depth}'.", "Choose channels or max.", "depth")
        if len(self.colours) not in (0, 3):
            raise UserError("An RGB image has three colours.", "Name the stain of red, green and blue.", "colours")
        if self.percentiles is not None and not 0 <= self.percentiles[0] < self.percentiles[1] <= 100:
            raise UserError("Percentiles run from 0 to 100, the lower first.", "", "percentiles")
        named = [name for name in self.channels or () if name]
        if len(set(named)) < len(named):
            raise UserError("Two channels have the same name.", "Give each its own, or leave one out.", "channels")

    @property
    def cutting(self) -> Cutting:
        """How fields become squares."""
        return Cutting(self.size, self.crop, self.shrink, self.levels)

    def given(self) -> dict[str, Any]:
        """Return the choices that differ from the defaults, JSON-ready."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if getattr(self, each.name) != each.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Choices":
        """Build from named values; an unknown name is a `UserError`."""
        known = [each.name for each in dataclasses.fields(cls)]
        for name in options:
            if name not in known:
                raise UserError(f"There is no option '{name}'.", f"The options are: {', '.join(known)}.", name)
        if options.get("percentiles") is not None:
            options = options | {"percentiles": tuple(options["percentiles"])}
        return cls(**options)

"""What happened to the fields on the way from files to images, counted, and told as findings."""

from dataclasses import dataclass, field

from engine.core.images import Origin
from engine.data.findings import Finding, named, refuse
from engine.molimage.bring.choices import Choices
from engine.molimage.bring.stack import Stack
from engine.molimage.bring.table import FEW, ImageTable


@dataclass
class Tally:
    """Counts over the fields of a set.

    Attributes
    ----------
    unreadable : a sentence for each row that was left out.
    flat, empty : row, by its place in the table, of each image with one value in a channel, or with nothing brighter than the background.
    lost : (pixels outside the squares, side of a square in px) by height and width of the field.
    origins : what the files say of who made them.
    edges_um : edges of the images' pixels in µm.
    """

    findings: list[Finding] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    flat: list[int] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    lost: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    origins: set[str] = field(default_factory=set)
    edges_um: set[float | None] = field(default_factory=set)

    def see(self, stack: Stack, choices: Choices) -> None:
        """Note where a field comes from and how it will be cut."""
        height, width = stack.pixels.shape[1:]
        cutting = choices.cutting
        size, shrink = cutting.fitting(height, width)
        self.lost[(height, width)] = (cutting.lost(height, width), size * shrink)
        edge_um = choices.pixel_um or stack.pixel_um
        self.edges_um.add(None if edge_um is None else round(edge_um * shrink, 9))
        self.origins.add(stack.origin)

    @property
    def origin(self) -> Origin:
        """Who made the images; raises `UserError` when some are real and others are not."""
        if len(self.origins) > 1:
            message = "Some of these images are real, others simulated or generated. They are never mixed: read them as two sets."
            raise refuse("mixed-origin", message)
        return "simulated" if self.origins == {"simulated"} else "real"

    @property
    def pixel_um(self) -> float | None:
        """Edge of a pixel in µm where all images have the same."""
        return next(iter(self.edges_um)) if len(self.edges_um) == 1 else None

    def told(self, table: ImageTable, label: str) -> list[Finding]:
        """Return the findings, those about the counts last."""
        return [*self.findings, *self._left_out(label), *self._shows_nothing(table, label), *self._cropped(), *self._made(label)]

    def _left_out(self, label: str) -> list[Finding]:
        if not self.unreadable:
            return []
        more = f"; and {len(self.unreadable) - FEW:,} more" if len(self.unreadable) > FEW else ""
        one = len(self.unreadable) == 1
        message = f"{len(self.unreadable):,} {'row was' if one else 'rows were'} left out. {'; '.join(self.unreadable[:FEW])}{more}"
        return [Finding("left-out", "warn", message, label)]

    def _shows_nothing(self, table: ImageTable, label: str) -> list[Finding]:
        count = len(self.flat) + len(self.empty)
        if not count:
            return []
        rows = sorted({int(table.rows[place]) for place in (*self.flat, *self.empty)})
        listed = ", ".join(f"{row:,}" for row in rows[:FEW]) + (" and more" if len(rows) > FEW else "")
        message = (
            f"{count:,} {'image shows nothing and was' if count == 1 else 'images show nothing and were'} left out: "
            f"{len(self.flat):,} with one value in a channel, {len(self.empty):,} without anything brighter than the background "
            f"(row {listed}). A dose that kills all cells looks like that too."
        )
        return [Finding("shows-nothing", "warn", message, label)]

    def _cropped(self) -> list[Finding]:
        found = []
        for (height, width), (lost, side) in self.lost.items():
            if lost:
                share = lost / (height * width)
                message = f"Fields of {height:,} × {width:,} px: {lost:,} px of each ({share:.0%}) lie outside the squares of {side:,} px."
                found.append(Finding("cropped", "note", message, "size"))
        return found

    def _made(self, label: str) -> list[Finding]:
        if self.origins != {"simulated"}:
            return []
        message = "These images say of themselves that a simulator or a model made them. They are kept apart from real ones."
        return [Finding("simulated", "warn", message, label)]


def said_of_scaling(plates: list[str], alone: list[str], percentiles: tuple[float, float]) -> Finding:
    """Say on which wells brightness was scaled; ``alone`` are the plates without controls."""
    how = f"Brightness runs from the {percentiles[0]:g}th to the {percentiles[1]:g}th percentile"
    if alone and len(alone) == len(plates):
        of = "the set" if plates == [""] else "a plate"
        message = f"{how} of all wells of {of}: no DMSO wells are named. A strong treatment shifts such a scale."
        return Finding("no-controls", "warn", message, "compound")
    if alone:
        message = (
            f"{how} of each plate's DMSO wells, but of all wells of {named(alone)}, which {'has' if len(alone) == 1 else 'have'} none."
        )
        return Finding("no-controls", "warn", message, "plate")
    return Finding("scaled", "note", f"{how} of the DMSO wells{'' if plates == [''] else ' of each plate'}.")

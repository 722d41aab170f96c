"""A molecule as a 2-D drawing: an SVG without background, for light and dark pages, with atoms coloured by weight or marked as faulty."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from engine.core import UserError

if TYPE_CHECKING:
    from rdkit.Chem import Mol

Theme = Literal["light", "dark"]
Colour = tuple[float, float, float]
# colours that keep apart for colour-blind readers (Okabe, Ito 2008): orange more, blue less, vermilion at fault
MORE: Colour = (0.90, 0.62, 0.0)
LESS: Colour = (0.34, 0.71, 0.91)
FAULT: Colour = (0.84, 0.37, 0.0)
DARK_INK: Colour = (0.13, 0.13, 0.15)
LIGHT_INK: Colour = (0.90, 0.90, 0.92)
FAINTEST = 0.05  # a weight below this share of the largest is not coloured


def drawing(
    smiles: str, *, width_px: int = 360, height_px: int = 260, theme: Theme = "light", weights: Sequence[float] | None = None,
    faulty: Sequence[int] = (), title: str = "",
) -> str:  # fmt: skip
    """Return an SVG of a molecule.

    Parameters
    ----------
    smiles : what to draw; a SMILES of impossible chemistry is drawn too, so that its fault can be shown, one that is not written to the end
        is not.
    width_px, height_px : size of the picture.
    theme : ink of the page; heteroatoms have colours that are legible on it.
    weights : one number for each atom, in the order of the SMILES; above zero orange, below zero blue, the stronger the larger, scaled by
        the largest of them.
    faulty : numbers of atoms to mark, from 0, as `Fault.atoms` has them.
    title : text for readers who hear the page; the SMILES when empty.

    Raises
    ------
    UserError
        When nothing can be drawn, or the weights are not one for each atom.
    """
    from rdkit import rdBase
    from rdkit.Chem import rdDepictor
    from rdkit.Chem.Draw import rdMolDraw2D

    mol, is_sound = _drawable(smiles)
    n_atoms = mol.GetNumAtoms()
    if weights is not None and len(weights) != n_atoms:
        raise UserError(f"{len(weights)} weights for a molecule of {n_atoms} atoms.", "Give one weight for each atom.", "weights")
    colours = _colours(weights, [atom for atom in faulty if atom < n_atoms])
    with rdBase.BlockLogs():
        rdDepictor.Compute2DCoords(mol)
        mol = rdMolDraw2D.PrepareMolForDrawing(mol, kekulize=is_sound, addChiralHs=False, wedgeBonds=is_sound, forceCoords=False)
        canvas = rdMolDraw2D.MolDraw2DSVG(width_px, height_px)
        _dress(canvas.drawOptions(), theme)
        canvas.DrawMolecule(
            mol, highlightAtoms=list(colours), highlightAtomColors={atom: colour[:3] for atom, colour in colours.items()},
            highlightAtomRadii={atom: 0.25 + 0.25 * colour[3] for atom, colour in colours.items()}, highlightBonds=[],
        )  # fmt: skip
        canvas.FinishDrawing()
    return _titled(canvas.GetDrawingText(), title or smiles)


def _drawable(smiles: str) -> tuple["Mol", bool]:
    """Read a molecule for drawing, and say whether its chemistry is sound."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        is_sound = mol is not None
        if mol is None:
            mol = Chem.MolFromSmiles(smiles, sanitize=False)
            if mol is not None:
                mol.UpdatePropertyCache(strict=False)
                Chem.FastFindRings(mol)
    if mol is None or not mol.GetNumAtoms():
        raise UserError("There is nothing to draw.", "Give a SMILES that is written to its end.", "SMILES")
    return mol, is_sound


def _colours(weights: Sequence[float] | None, faulty: Sequence[int]) -> dict[int, tuple[float, float, float, float]]:
    """Colour and strength of each atom that has one; a fault covers a weight."""
    colours = {}
    if weights is not None:
        values = np.nan_to_num(np.asarray(weights, float))
        share = values / max(np.abs(values).max(initial=0.0), 1e-12)
        colours = {int(atom): _tint(share[atom]) for atom in np.flatnonzero(np.abs(share) > FAINTEST)}
    return colours | {int(atom): (*FAULT, 1.0) for atom in faulty}


def _tint(share: float) -> tuple[float, float, float, float]:
    red, green, blue = MORE if share > 0 else LESS
    return red, green, blue, float(abs(share))


def _dress(options: Any, theme: Theme) -> None:
    """Set ink, colours of the elements and a clear background."""
    if theme == "dark":
        from rdkit.Chem.Draw import rdMolDraw2D

        rdMolDraw2D.SetDarkMode(options)
    ink = LIGHT_INK if theme == "dark" else DARK_INK
    options.updateAtomPalette({0: ink, 1: ink, 6: ink})
    options.setBackgroundColour((1.0, 1.0, 1.0, 0.0))
    options.clearBackground = False
    options.padding = 0.06
    options.bondLineWidth = 2
    options.fillHighlights = True
    options.prepareMolsBeforeDrawing = False


def _titled(svg: str, title: str) -> str:
    """Leave only the picture, give it a title, and let a page scale it."""
    from xml.sax.saxutils import escape, quoteattr

    body = svg[svg.index("<svg") :]
    head, rest = body.split(">", 1)
    return f"{head} role='img' aria-label={quoteattr(title)}><title>{escape(title)}</title>{rest}"

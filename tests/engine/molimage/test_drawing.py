"""A drawing has no background, ink for its theme, and colours exactly the atoms that were asked for."""

import re
from xml.etree import ElementTree

import pytest

from engine.core import UserError
from engine.molimage.drawing import FAULT, LESS, MORE, drawing
from engine.molimage.gallery import drugs, find
from engine.molimage.smiles_faults import faults


def hexadecimal(colour):
    return "#" + "".join(f"{int(255 * part):02X}" for part in colour)


def marked(svg):
    """Return the fill colours of highlights: the ellipses of the picture."""
    return re.findall(r"<ellipse[^>]*fill:(#[0-9A-F]{6})", svg)


@pytest.mark.parametrize("smiles", drugs()["smiles"].iloc[::211])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_drawing_is_one_svg_without_background(smiles, theme):
    svg = drawing(smiles, theme=theme, width_px=300, height_px=200)
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg") and root.get("width") == "300px" and root.get("height") == "200px"
    assert "<rect" not in svg and "#FFFFFF" not in svg.upper()


def test_ink_is_dark_on_light_pages_and_light_on_dark_ones():
    for theme, bright in (("light", False), ("dark", True)):
        colours = re.findall(r"stroke:#([0-9A-F]{6})", drawing("CCCCCC", theme=theme))
        assert colours and all((int(colour[:2], 16) > 128) == bright for colour in colours)


def test_weights_colour_the_atoms_they_belong_to():
    svg = drawing("CCCC", weights=[2.0, 0.0, 0.01, -1.0])
    assert marked(svg) == [hexadecimal(MORE), hexadecimal(LESS)]
    assert marked(drawing("CCCC", weights=[0.0] * 4)) == []
    assert marked(drawing("CCCC", weights=[float("nan"), 1.0, 0.0, 0.0])) == [hexadecimal(MORE)]


def test_strong_weights_are_larger():
    sizes = [float(size) for size in re.findall(r"<ellipse[^>]* rx='([\d.]+)'", drawing("CCCC", weights=[1.0, 0.0, 0.0, 0.3]))]
    assert sizes[0] > 1.2 * sizes[1]


def test_one_weight_for_each_atom():
    with pytest.raises(UserError, match="3 weights for a molecule of 4 atoms"):
        drawing("CCCC", weights=[1, 2, 3])


def test_faulty_atoms_are_marked_on_a_molecule_that_cannot_be():
    broken = "CC(C)(C)(C)C(=O)O"
    svg = drawing(broken, faulty=faults(broken)[0].atoms)
    assert marked(svg) == [hexadecimal(FAULT)]
    ring = "c1cccc1C"
    assert len(marked(drawing(ring, faulty=faults(ring)[0].atoms))) == len(faults(ring)[0].atoms) > 1


def test_nothing_to_draw():
    with pytest.raises(UserError, match="nothing to draw"):
        drawing("C1CC")
    with pytest.raises(UserError, match="nothing to draw"):
        drawing("")


def test_title_is_escaped():
    svg = drawing("CCO", title='<script>"&')
    assert ElementTree.fromstring(svg).get("aria-label") == '<script>"&'
    assert "<script" not in svg


def test_stereo_is_drawn_as_wedges():
    smiles = find("epinephrine").smiles
    wedge = r"<path class='bond-\d+ atom-\d+ atom-\d+' d='[^']*' style='fill:#(?!none)"
    flat = smiles.replace("@", "")
    stereo = drawing(smiles)
    assert len(re.findall(wedge, stereo)) + stereo.count("stroke-dasharray") + stereo.count("<path") > drawing(flat).count("<path")

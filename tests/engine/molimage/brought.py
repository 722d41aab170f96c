"""Small sets of images as users bring them: drawn fields, the files they lie in, and the table beside them."""

import io
import zipfile

import numpy as np
import pandas as pd
import tifffile

# the solvent, and five drugs with rings
MOLECULES = {
    "DMSO": "CS(C)=O", "aspirin": "CC(=O)Oc1ccccc1C(=O)O", "caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "ibuprofen": "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "diazepam": "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21", "nicotine": "CN1CCC[C@H]1c1cccnc1",
}  # fmt: skip


def field(seed, height=72, width=80, channels=2, top=4000, nuclei=10):
    """(C, H, W) uint16: bright ellipses in channel 0, broad waves in the others, on a background of 200."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((height, width))
    image = np.full((channels, height, width), 200.0)
    for y, x in rng.uniform(6, [height - 6, width - 6], size=(nuclei, 2)):
        image[0][((rows - y) / 4) ** 2 + ((columns - x) / 3) ** 2 < 1] = top * rng.uniform(0.6, 0.9)
    for channel in range(1, channels):
        image[channel] += top / 4 * (1 + np.sin(rows / rng.uniform(2, 4) + columns / rng.uniform(2, 4) + channel))
    return (image + rng.uniform(0, 40, image.shape)).astype(np.uint16)


def table(names=tuple(MOLECULES), plates=("P1", "P2"), sites=1, **columns):
    """One row per plate, molecule and site, in the order in which the fields are numbered."""
    rows = [
        {
            "plate": plate, "well": f"{'ABCDEFGH'[i]}01", "site": site + 1, "compound": name, "smiles": MOLECULES[name],
            "dose_um": 0.0 if name == "DMSO" else 5.0,
        }
        for plate in plates for i, name in enumerate(names) for site in range(sites)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


def per_channel(folder, facts, fields, stains=("dna", "er")):
    """Write a TIFF per channel, and ``plate.csv`` that names them."""
    told = facts.copy()
    for i, stain in enumerate(stains):
        told[f"image_{stain}"] = [f"{plate}/f{place}_{stain}.tif" for place, plate in enumerate(facts["plate"])]
        for path, pixels in zip(told[f"image_{stain}"], fields, strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / path, pixels[i])
    told.to_csv(folder / "plate.csv", index=False)
    return told


def zipped(folder):
    """Return a folder as the bytes of a ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()


def png(pixels, **options):
    """Return the bytes of a picture file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, **({"format": "PNG"} | options))
    return out.getvalue()


def tif(pixels, **options):
    """Return the bytes of a TIFF."""
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


def npz(**arrays):
    """Return the bytes of an .npz."""
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()

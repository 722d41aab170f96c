"""From what the user names to a set of images: the set itself, or a folder or ZIP of images with the table that says what they show."""

from pathlib import Path
from typing import Any

from engine.core import ImageSet, UserError

WRITTEN = "dataset.json"  # what `ImageSet.to_dir` leaves in a folder


def read_set(place: str | Path) -> ImageSet:
    """Read a folder that `ImageSet.to_dir` wrote, or any folder or ZIP that `engine.molimage.bring.read_images` knows.

    Raises
    ------
    UserError
        When there is nothing there, or it cannot be read as images with a table.
    """
    path = Path(place)
    if not path.exists():
        raise UserError(
            f"There are no images at {path}.", "Give a folder or ZIP of images with a table that says what they show.", str(path)
        )
    if (path / WRITTEN).is_file():
        return ImageSet.from_dir(path)
    from engine.molimage.bring import read_images

    found: ImageSet = read_images(None, path)
    return found


def images_for(data: Any, params: Any) -> ImageSet:
    """Return a set of images as it is, or read one from a path; anything else is a `UserError`."""
    if isinstance(data, ImageSet):
        return data
    if isinstance(data, (str, Path)):
        return read_set(data)
    raise UserError(
        "This method needs images of cells.", "Give a set of images, or the path of a folder or ZIP of images with their table.", "data"
    )

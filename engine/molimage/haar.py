"""The Haar step between two levels of an image pyramid, on NumPy arrays and torch tensors alike."""

from typing import Any

import numpy as np


def halve(image: Any) -> tuple[Any, tuple[Any, Any, Any]]:
    """Split an image into its averages and its three details.

    Parameters
    ----------
    image : (..., H, W) with H and W even.

    Returns
    -------
    Averages of the 2 x 2 blocks (..., H/2, W/2), and the vertical, horizontal and diagonal details of the same shape, each with orthonormal
    weights: of a block (a b / c d) these are (a+b-c-d)/2, (a-b+c-d)/2 and (a-b-c+d)/2.

    Notes
    -----
    The orthonormal transform has determinant one; the average is its first output divided by two, so the log-determinant of the step is
    `log_det`. The method's reference uses weights of 1/4 throughout (log-determinant -4 ln 2 per block).

    Examples
    --------
    >>> import numpy as np
    >>> low, details = halve(np.array([[1.0, 3.0], [5.0, 7.0]]))
    >>> float(low[0, 0]), [float(d[0, 0]) for d in details]
    (4.0, [-4.0, -2.0, 0.0])
    """
    a, b = image[..., 0::2, 0::2], image[..., 0::2, 1::2]
    c, d = image[..., 1::2, 0::2], image[..., 1::2, 1::2]
    return (a + b + c + d) / 4, ((a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2)


def double(low: Any, details: tuple[Any, Any, Any]) -> Any:
    """Put averages and details together again; the inverse of `halve`."""
    vertical, horizontal, diagonal = (detail / 2 for detail in details)
    shape = (*low.shape[:-2], 2 * low.shape[-2], 2 * low.shape[-1])
    image = np.empty(shape, low.dtype) if isinstance(low, np.ndarray) else low.new_empty(shape)
    image[..., 0::2, 0::2] = low + vertical + horizontal + diagonal
    image[..., 0::2, 1::2] = low + vertical - horizontal - diagonal
    image[..., 1::2, 0::2] = low - vertical + horizontal - diagonal
    image[..., 1::2, 1::2] = low - vertical - horizontal + diagonal
    return image


def log_det(channels: int, height: int, width: int) -> float:
    """Log-determinant of `halve` on an image of this shape: -ln 2 for each average."""
    return -channels * (height // 2) * (width // 2) * float(np.log(2.0))

"""The name of a run: the same question about the same data has the same key."""

import hashlib

from engine.core import Method, Params, canonical_json

KEY_DIGITS = 20


def key_of(method: Method, params: Params, dataset: str) -> str:
    """Return the first 20 hexadecimal digits of the SHA-256 of method, version, parameters, dataset digest and seed.

    Parameters
    ----------
    method : its name and version count.
    params : all values count, the seed as a member of its own.
    dataset : digest of the data.
    """
    values = params.to_dict()
    seed = values.pop("seed")
    asked = canonical_json([method.name, method.version, values, dataset, seed])
    return hashlib.sha256(asked.encode()).hexdigest()[:KEY_DIGITS]

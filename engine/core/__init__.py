"""Core types: dataset, parameters, method, context, result, and the errors a user can mend."""

from engine.core.context import Context
from engine.core.dataset import Dataset
from engine.core.digest import canonical_json, digest_of
from engine.core.errors import Cancelled, OutOfTime, UserError
from engine.core.images import ImageSet
from engine.core.kept import Kept
from engine.core.method import Method, method
from engine.core.params import Params, Spec, field, specs
from engine.core.profiles import Profiles
from engine.core.result import Provenance, Result
from engine.core.tables import Data, Tables, read_data

__all__ = [
    "Cancelled", "Context", "Data", "Dataset", "ImageSet", "Kept", "Method", "OutOfTime", "Params", "Profiles", "Provenance", "Result",
    "Spec", "Tables", "UserError", "canonical_json", "digest_of", "field", "method", "read_data", "specs",
]  # fmt: skip

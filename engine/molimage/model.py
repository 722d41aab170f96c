"""A trained model: what it draws for a molecule, how likely it finds an image, and the file it is kept in."""

import dataclasses
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError, digest_of
from engine.molimage.conditions import Asked, Conditions
from engine.molimage.encoder import Encoder
from engine.molimage.phenotype_space import PhenotypeSpace
from engine.molimage.plan import Plan
from engine.molimage.tone import Tone

Floats = NDArray[np.float32]

MODELS = Path(__file__).parents[2] / "assets" / "models"
SMALLEST = 16  # px
HOTTEST = 1.2  # above this temperature samples saturate
FORMAT, HEADER = 1, "cell_model"
IN_RESULT = "model.npz"  # where `Result.to_dir` keeps the part `model` of a training run


@dataclass(frozen=True, eq=False)
class CellModel:
    """A conditional wavelet flow with everything it needs to answer.

    Parameters
    ----------
    plan : sizes and widths.
    tone : scale of the grey levels.
    conditions : what a molecule stands for.
    weights : arrays of the flow by name.
    facts : JSON-ready: ``name``, ``origin`` (``real`` or ``simulated``), ``channels``, ``data``, ``seed``, ``pixel_um``, ``metrics``, ...
    """

    plan: Plan
    tone: Tone
    conditions: Conditions
    weights: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        return tuple(self.facts["channels"])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes in px that are worth looking at, smallest first; the flow itself begins at `plan.BASE`."""
        return tuple(size for size in self.plan.sizes if size >= SMALLEST)

    @property
    def size(self) -> int:
        """Largest size in px."""
        return self.plan.size

    @cached_property
    def id(self) -> str:
        """First 12 digits of the hash of its weights."""
        return digest_of([self.plan.to_json(), *(piece for name in sorted(self.weights) for piece in (name, self.weights[name]))])[:12]

    @cached_property
    def flow(self) -> Any:
        """The network, ready to draw."""
        import torch

        from engine.molimage.pyramid_net import WaveletFlow

        net = WaveletFlow(self.plan)
        net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in self.weights.items()})
        return net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def told(self, asked: Sequence[Asked]) -> Floats:
        """Return the condition vectors (M, E) of molecules at doses; all zero for a model that was trained without molecules."""
        if not self.facts.get("uses_molecule", True):
            return np.zeros((len(asked), self.plan.condition), np.float32)
        return self.conditions.of(asked)

    def sample(
        self, asked: Sequence[Asked], n: int, *, temperature: float = 1.0, seed: int = 0, size: int | None = None
    ) -> NDArray[np.uint8]:
        """Draw n images (M, n, C, S, S) of cells treated with each of M molecules at its dose.

        Parameters
        ----------
        asked : (SMILES or compound name, dose in µM).
        temperature : factor of the noise, in (0, 1.2]; 1 draws from the learnt distribution.
        seed : the same seed is the same noise for every molecule, that is, the same cells.
        size : edge in px, one of `sizes`; the largest if not given.
        """
        return list(self.refine(asked, n, temperature=temperature, seed=seed, size=size))[-1][1]

    def refine(
        self, asked: Sequence[Asked], n: int, *, temperature: float = 1.0, seed: int = 0, size: int | None = None
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield (size, images (M, n, C, size, size)) as `sample` draws them, smallest first."""
        yield from self.draw(self.told(asked), n, temperature=temperature, seed=seed, size=size)

    def draw(
        self, conditions: Floats, n: int, *, temperature: float = 1.0, seed: int = 0, size: int | None = None
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield images as `refine` does, for condition vectors (M, E)."""
        import torch

        size, m = self._checked(size, temperature), len(conditions)
        noise = {s: np.tile(z, (m, 1, 1, 1)) for s, z in self.noise(n, seed, size, temperature).items()}
        told = torch.from_numpy(np.repeat(conditions, n, axis=0))
        latents = {s: torch.from_numpy(z).to(memory_format=torch.channels_last) for s, z in noise.items()}
        with torch.inference_mode():
            for s, values in self.flow.sample(latents, told):
                images = self.tone.levels(np.ascontiguousarray(values.numpy()))
                yield s, images.reshape(m, n, *images.shape[1:])

    def noise(self, n: int, seed: int, size: int, temperature: float = 1.0) -> dict[int, Floats]:
        """Return the noise of n images for each size; image i of a seed is the same whatever n and the largest size are."""
        shapes = {s: self.flow.shape(s) for s in self.plan.sizes if s <= size}
        return {
            s: np.float32(temperature)
            * np.stack([np.random.default_rng([seed, i, s]).standard_normal(shape, np.float32) for i in range(n)])
            for s, shape in shapes.items()
        }

    def log_prob(self, images: NDArray[np.uint8], conditions: Floats, seed: int = 0) -> pd.DataFrame:
        """Return log p in nats of each level's part of N images (N, C, S, S), one column per size, and ``bits_per_dim``.

        Notes
        -----
        Images are dequantised with uniform noise. bits/dim = -log2 p(x | m) / (C S²) for grey levels 0 to 255; it can only be compared
        between models at the same size, channels and grey levels.
        """
        import torch

        noise = np.random.default_rng(seed).random(images.shape, np.float32)
        values = self.tone.values(images, noise)
        with torch.inference_mode():
            nats = self.flow(torch.from_numpy(values).contiguous(memory_format=torch.channels_last), torch.from_numpy(conditions))
        found = pd.DataFrame({size: value.numpy().astype(np.float64) for size, value in sorted(nats.items())})
        total = found.sum(axis=1) + self.tone.log_det(values)
        found["bits_per_dim"] = -total / (np.log(2.0) * images[0].size)
        return found

    def to_bytes(self) -> bytes:
        """Return the model as a safetensors file; the facts are in its header."""
        from safetensors.numpy import save

        arrays = {f"flow.{name}": _smallest(np.ascontiguousarray(value)) for name, value in self.weights.items()}
        arrays |= {"space.centre": self.conditions.space.centre, "space.axes": np.ascontiguousarray(self.conditions.space.axes)}
        arrays["conditions.measured"] = self.conditions.measured
        encoder = self.conditions.encoder
        for k, weights in enumerate(encoder.weights if encoder else ()):
            arrays |= {f"encoder.{k}.{name}": value.astype(np.float16) for name, value in weights.items()}  # exact enough, half the file
        header = {
            "format": FORMAT, "plan": self.plan.to_json(), "tone": json.dumps(dataclasses.asdict(self.tone)),
            "encoder": encoder.kind if encoder else "", "known": self.conditions.known.to_json(orient="split"),
            "facts": json.dumps(dict(self.facts)),
        }  # fmt: skip
        return save(arrays, {HEADER: json.dumps(header)})  # one entry: the library writes several in no fixed order

    def save(self, place: str | Path) -> Path:
        """Write the model to a safetensors file; it appears whole."""
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(self.to_bytes())
        fresh.replace(path)
        return path

    @classmethod
    def load(cls, place: str | Path) -> "CellModel":
        """Read a model by the name of a bundled one, the path of a safetensors file, or the folder of a training run's result.

        Raises
        ------
        UserError
            When there is no such file, or it is not a model of this product.
        """
        path = path_of(place)
        if not path.is_file():
            known = ", ".join(sorted(found.stem for found in MODELS.glob("*.safetensors"))) or "none"
            raise UserError(
                f"There is no model '{place}'.", f"Bundled models: {known}. Or give the path of a .safetensors file.", str(place)
            )
        if path.name == IN_RESULT:
            with np.load(path, allow_pickle=False) as stored:
                return cls.from_bytes(stored["value"].tobytes(), path.name)
        return cls.from_bytes(path.read_bytes(), path.name)

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the file") -> "CellModel":
        """Read what `to_bytes` returned; any other file is a `UserError`, and nothing in a file is ever run."""
        header, arrays = _opened(data, name)
        plan, tone = Plan.from_json(header["plan"]), Tone.from_dict(json.loads(header["tone"]))
        known = pd.read_json(io.StringIO(header["known"]), orient="split", dtype={"smiles": str, "compound": str, "dose_um": float})
        encoder = None
        if header["encoder"]:
            folds = sorted({int(key.split(".")[1]) for key in arrays if key.startswith("encoder.")})
            weights = tuple({name: value.astype(np.float32) for name, value in _under(arrays, f"encoder.{k}.").items()} for k in folds)
            encoder = Encoder(header["encoder"], weights, arrays["conditions.measured"].shape[1])
        conditions = Conditions(PhenotypeSpace(arrays["space.centre"], arrays["space.axes"]), known, arrays["conditions.measured"], encoder)
        flow = {name: value.astype(np.float32) for name, value in _under(arrays, "flow.").items()}
        model = cls(plan, tone, conditions, flow, json.loads(header["facts"]))
        _check_fit(model, name)
        return model

    def _checked(self, size: int | None, temperature: float) -> int:
        if not 0 < temperature <= HOTTEST:
            raise UserError(
                f"A temperature of {temperature:g} is out of range.", f"Choose a value up to {HOTTEST}; above it images saturate."
            )
        if size is not None and size not in self.plan.sizes:
            raise UserError(f"This model does not draw {size} px.", f"It draws {', '.join(map(str, self.sizes))} px.")
        return size or self.size


def path_of(place: str | Path) -> Path:
    """Return the file of a model named as `CellModel.load` takes it; it need not be there."""
    bundled = MODELS / f"{place}.safetensors"
    path = bundled if bundled.is_file() else Path(place)
    return path / IN_RESULT if path.is_dir() else path


def _opened(data: bytes, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    fix = "Give a .safetensors file that this product wrote; other kinds, such as .pth, can run code and are not opened."
    try:
        arrays = load(data)
        stored = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        header = json.loads(stored["__metadata__"][HEADER])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{name} is not a model file.", fix, name) from error
    if header.get("format") != FORMAT:
        raise UserError(f"{name} is not a model of this product, or of another version of it.", fix, name)
    return header, arrays


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}


def rounded(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """Round the weights of networks to half precision, in which a file keeps them; the mixings, which are inverted, stay as they are."""
    exact = (".mix", ".shift")
    return {name: (each if name.endswith(exact) else each.astype(np.float16)).astype(np.float32) for name, each in weights.items()}


def _smallest(value: NDArray[Any]) -> NDArray[Any]:
    """Return an array in half precision where nothing is lost by it."""
    half = value.astype(np.float16)
    return half if np.array_equal(half.astype(value.dtype), value) else value


def _check_fit(model: CellModel, name: str) -> None:
    """Compare the arrays of a file with the plan in its header, before anything is drawn."""
    from engine.molimage.pyramid_net import WaveletFlow

    wanted = {key: tuple(value.shape) for key, value in WaveletFlow(model.plan).state_dict().items()}
    found = {key: value.shape for key, value in model.weights.items()}
    if wanted != found or len(model.channels) != model.plan.channels:
        raise UserError(f"The weights in {name} do not fit the sizes its header names.", "Export the model again.", name)

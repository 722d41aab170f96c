"""Parameters of a method: one frozen dataclass from which form, command line, key and notebook come."""

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, Self

from engine.core.errors import UserError


def field(
    default: Any,
    label: str,
    *,
    help: str = "",
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    unit: str = "",
    log: bool = False,
    paper: Any = None,
    choices: tuple[Any, ...] | None = None,
    advanced: bool = False,
    absent: str = "no limit",
) -> Any:
    """Declare one parameter with everything a form, a flag or a help text needs.

    Parameters
    ----------
    default : value when the user says nothing.
    label : name on screen, in the user's words.
    low, high : inclusive limits; None means unlimited.
    step : step of the form's control.
    unit : unit shown behind the value.
    log : whether a slider should move on a logarithmic scale.
    paper : value used in the method's paper or its authors' code.
    choices : the allowed values, for a drop-down.
    advanced : whether the form hides the field in a fold.
    absent : what no value means, for the empty box of a form.
    """
    metadata = {
        "label": label, "help": help, "low": low, "high": high, "step": step, "unit": unit,
        "log": log, "paper": paper, "choices": choices, "advanced": advanced, "absent": absent,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Params:
    """Base of every method's parameters; values are checked against their limits when made.

    Raises
    ------
    UserError
        When a value has the wrong type, is outside its limits, or is not one of the choices.
    """

    seed: int = field(0, "Seed", low=0, high=2**32 - 1, advanced=True, help="Same seed, same data: same result.")

    def __post_init__(self) -> None:
        """Convert every value to its declared type and check its limits."""
        for spec in specs(type(self)):
            object.__setattr__(self, spec.name, spec.check(getattr(self, spec.name)))

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON-ready types, tuples as lists."""
        values = {spec.name: getattr(self, spec.name) for spec in specs(type(self))}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from named values; an unknown name is a `UserError` that lists the known ones."""
        known = [spec.name for spec in specs(cls)]
        for name in values:
            if name not in known:
                raise UserError(f"There is no parameter '{name}'.", f"The parameters are: {', '.join(known)}.", name)
        return cls(**values)


@dataclass(frozen=True)
class Spec:
    """One parameter as declared: name, type, default and the metadata given to `field`."""

    name: str
    type: type
    optional: bool
    default: Any
    label: str
    help: str
    low: float | None
    high: float | None
    step: float | None
    unit: str
    log: bool
    paper: Any
    choices: tuple[Any, ...] | None
    advanced: bool
    absent: str

    def check(self, value: Any) -> Any:
        """Return ``value`` as the declared type, or raise `UserError` saying what is allowed."""
        if value is None and self.optional:
            return None
        if self.choices is not None:
            if value not in self.choices:
                raise self._error(value, f"Choose one of: {', '.join(map(str, self.choices))}.")
            return value
        if self.type is tuple:
            if isinstance(value, str):
                value = [part.strip() for part in value.split(",") if part.strip()]
            return tuple(value)
        if self.type is bool:
            if not isinstance(value, bool):
                raise self._error(value, "Say true or false.")
            return value
        if self.type in (int, float):
            return self._number(value)
        if not isinstance(value, self.type):
            raise self._error(value, f"It must be of type {self.type.__name__}.")
        return value

    def parse(self, text: str) -> Any:
        """Read a value from the command line; 'none' means no value where that is allowed."""
        if self.optional and text.lower() == "none":
            return None
        if self.type is bool:
            if text.lower() not in ("true", "false"):
                raise self._error(text, "Say true or false.")
            return text.lower() == "true"
        return self.check(self._number(text) if self.type in (int, float) else text)

    def _number(self, value: Any) -> Any:
        try:
            number = float(value)
            if isinstance(value, bool) or (self.type is int and number != int(number)):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            kind = "a whole number" if self.type is int else "a number"
            raise self._error(value, f"It must be {kind}.") from None
        outside = (self.low is not None and number < self.low) or (self.high is not None and number > self.high)
        if outside or math.isnan(number):
            low = "-∞" if self.low is None else f"{self.low:g}"
            high = "∞" if self.high is None else f"{self.high:g}"
            raise self._error(value, f"Choose a value from {low} to {high}.")
        return self.type(value) if self.type is int and not isinstance(value, str) else self.type(number)

    def _error(self, value: Any, fix: str) -> UserError:
        return UserError(f"Parameter {self.label} ({self.name}) cannot be {value!r}.", fix, self.name)


_SPECS: dict[type[Params], list[Spec]] = {}  # reading type hints is slow, and a class never changes


def specs(params: type[Params]) -> list[Spec]:
    """List the parameters of a class in order of declaration, the seed last."""
    if params not in _SPECS:
        hints = typing.get_type_hints(params)
        found = []
        for declared in dataclasses.fields(params):
            plain, optional = _plain_type(hints[declared.name])
            found.append(Spec(declared.name, plain, optional, declared.default, **declared.metadata))
        _SPECS[params] = sorted(found, key=lambda spec: spec.name == "seed")
    return list(_SPECS[params])


def _plain_type(hint: Any) -> tuple[type, bool]:
    """Split ``int | None`` into ``int, True``; turn ``tuple[str, ...]`` and ``Literal`` into their plain types."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = next(option for option in options if option is not type(None))
    origin = typing.get_origin(plain)
    if origin is typing.Literal:
        return str, False
    return (origin or plain), type(None) in options

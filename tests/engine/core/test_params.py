"""Parameters are checked when made, whatever way they come in, and every complaint names the parameter and what is allowed."""

from dataclasses import dataclass
from typing import Literal

import pytest

from engine.core import Params, UserError, field, specs


@dataclass(frozen=True)
class Example(Params):
    alpha: float = field(0.01, "Significance level", low=1e-6, high=0.5, log=True)
    depth: int | None = field(4, "Depth", low=0, high=20)
    stable: bool = field(True, "Stable")
    rule: Literal["first", "majority"] = field("first", "Rule", choices=("first", "majority"))
    columns: tuple[str, ...] = field((), "Columns")
    label: str = field("x", "Label")


def by_name(name):
    return next(spec for spec in specs(Example) if spec.name == name)


def test_declared_order_with_the_seed_last():
    assert [spec.name for spec in specs(Example)] == ["alpha", "depth", "stable", "rule", "columns", "label", "seed"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"alpha": 0.6}, "from 1e-06 to 0.5"),
        ({"alpha": 0}, "from 1e-06 to 0.5"),
        ({"alpha": float("nan")}, "from 1e-06 to 0.5"),
        ({"alpha": "much"}, "a number"),
        ({"alpha": None}, "a number"),
        ({"alpha": True}, "a number"),
        ({"depth": 2.5}, "a whole number"),
        ({"depth": -1}, "from 0 to 20"),
        ({"depth": float("inf")}, "a whole number"),
        ({"stable": 1}, "true or false"),
        ({"stable": "yes"}, "true or false"),
        ({"rule": "last"}, "first, majority"),
        ({"label": 3}, "type str"),
        ({"seed": -1}, "from 0"),
        ({"seed": 2**32}, "from 0"),
        ({"alfa": 0.1}, "alpha, depth"),
    ],
)
def test_what_is_not_allowed_is_named(values, named):
    with pytest.raises(UserError) as error:
        Example.from_dict(values)
    assert named in str(error.value)
    assert error.value.where == next(iter(values))


def test_limits_are_inclusive_and_types_are_kept():
    made = Example(alpha=0.5, depth=20, columns=["a", "b"], seed=2**32 - 1)
    assert (made.alpha, made.depth, made.columns, made.seed) == (0.5, 20, ("a", "b"), 2**32 - 1)
    assert type(Example(depth=3.0).depth) is int
    assert type(Example(alpha="0.1").alpha) is float
    assert Example(depth=None).depth is None


def test_round_trip_through_json_types():
    import json

    made = Example(alpha=0.2, depth=None, columns=("a", "ä b"), stable=False)
    assert Example.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("alpha", "1e-3", 1e-3), ("depth", "7", 7), ("depth", "None", None), ("stable", "False", False), ("rule", "majority", "majority"),
     ("columns", "a, b,", ("a", "b")), ("label", "none", "none"), ("seed", "12", 12)],
)  # fmt: skip
def test_text_of_the_command_line(name, text, value):
    parsed = by_name(name).parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text"), [("alpha", "none"), ("alpha", "2"), ("depth", "1.5"), ("stable", "1"), ("rule", "x"), ("seed", "")]
)
def test_bad_text_of_the_command_line(name, text):
    with pytest.raises(UserError) as error:
        by_name(name).parse(text)
    assert error.value.where == name


def test_parameters_cannot_be_changed():
    with pytest.raises(AttributeError):
        Example().alpha = 0.2

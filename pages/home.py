"""Home: what can be asked here, and what was found last."""

from pages.parts import frame

frame.header("Causeway", "From your own table to causal graphs you can question edge by edge.")

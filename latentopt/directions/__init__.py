"""Directions: what texts that differ in one way differ by, mined from examples and applied to other texts."""

from property_models.first_use import on_first_use

__all__, __getattr__, __dir__ = on_first_use(globals())

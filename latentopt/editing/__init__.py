"""Edit texts towards a goal: search, write, measure, rank."""

from property_models.first_use import on_first_use

__all__, __getattr__, __dir__ = on_first_use(globals())

"""Change what a text is: encode it into a latent vector, move the vector, decode it.

    import latentopt as lo

Its names, which `__init__.pyi` lists, are loaded on first use, so that `import latentopt` costs nothing: torch and
transformers are imported when a latent space is opened, and not before.
"""

from property_models.first_use import on_first_use

__version__ = "0.1.0"

_names, __getattr__, __dir__ = on_first_use(globals())
__all__ = ["__version__", *_names]

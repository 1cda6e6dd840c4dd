"""Regressors and classifiers on vectors: scikit-learn estimators outside, differentiable torch inside.

They know numpy, torch and scikit-learn, and neither text nor latentopt. A fitted one is called a head. The names, which
`__init__.pyi` lists, are loaded on first use: whoever imports `property_models.errors` need not wait for torch.
"""

from property_models.first_use import on_first_use

__all__, __getattr__, __dir__ = on_first_use(globals())

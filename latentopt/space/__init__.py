"""The latent space: encode, decode, invert, interpolate, sample; how dense it is."""

from latentopt.space.density import LatentDensity
from latentopt.space.inversion import Inversion
from latentopt.space.kept import check_kept, kept_latents
from latentopt.space.space import LatentSpace

__all__ = ["Inversion", "LatentDensity", "LatentSpace", "check_kept", "kept_latents"]

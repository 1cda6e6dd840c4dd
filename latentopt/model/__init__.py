"""The network: token ids <-> latent. Only here is T5 known."""

from latentopt.model.config import T5VAEConfig, small_t5
from latentopt.model.t5vae import T5VAE, Memory

__all__ = ["T5VAE", "Memory", "T5VAEConfig", "small_t5"]

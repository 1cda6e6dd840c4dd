"""The shape and the loss of a T5VAE, and of a small T5 inside it."""

from __future__ import annotations

from typing import Any

from transformers.configuration_utils import PretrainedConfig
from transformers.models.t5 import T5Config

REGULARIZERS = ("mmd", "kl", "none")


class T5VAEConfig(PretrainedConfig):
    """Shape and loss of a T5VAE.

    Args:
        t5: the configuration of the T5 inside (a T5Config or its dictionary).
        latent_dim: d, the size of the latent.
        positions: most tokens of a text, its end token included.
        slot_dim: width of the bottleneck's slot for each position; None takes 32, or what the latent needs.
        regularizer: "mmd" (default), "kl" or "none".
        regularizer_weight: its weight beside the cross-entropy (nats per token).
        moments_weight: with "mmd", weight of `regularizers.moments` within the regularization: it keeps mean and
            covariance those of the prior, which the MMD of a small batch hardly sees.
        regularizer_warmup_steps: steps over which the weight rises linearly from 0.
        free_bits: nats per latent dimension that the KL leaves free.
        latent_noise: s, from 0 to 1. Training turns each latent towards Gaussian noise, z' = cos(a) z + sin(a) e with
            e from N(0, I) and an angle a uniform from 0 to arcsin(s). z' follows the prior whatever a is, so the
            decoder cannot tell a draw of the prior from a text's noisy latent: it learns to write what is likely as
            far as the latent leaves it open, and the encoder to put like texts side by side (Shen et al. 2020,
            "Educating text autoencoders", with noise on the latent in place of the tokens).
        least_noise: the angle is never below arcsin of this. As much as `latent_noise` makes it the same for all, so
            that a latent can say -d log2(latent_noise) bits whatever the loss (Xu & Durrett 2018, "Spherical latent
            spaces for stable variational autoencoders", with noise of another form).
        step_input: add memory slot t to the decoder's input at step t, beside attending to the whole memory (the
            "embedding" and "memory" schemes of Li et al. 2020, "Optimus"). The slot tells the decoder where it
            stands, which T5's cross-attention, without positions, cannot.
        tied_output: the output layer is the input embeddings; off for T5-v1.1 and Flan-T5, which have one of its own.
    """

    model_type = "t5_vae"

    def __init__(
        self,
        t5: T5Config | dict[str, Any] | None = None,
        *,
        latent_dim: int = 256,
        positions: int = 64,
        slot_dim: int | None = None,
        regularizer: str = "mmd",
        regularizer_weight: float = 1.0,
        moments_weight: float = 0.0,
        regularizer_warmup_steps: int = 0,
        free_bits: float = 0.1,
        latent_noise: float = 0.0,
        least_noise: float = 0.0,
        step_input: bool = True,
        tied_output: bool = True,
        **kwargs: Any,
    ) -> None:
        if regularizer not in REGULARIZERS:
            raise ValueError(f"regularizer must be one of {', '.join(REGULARIZERS)}, got {regularizer!r}")
        if not 0 <= latent_noise <= 1:
            raise ValueError(f"latent_noise is a share from 0 to 1 of the latent that is noise, got {latent_noise}")
        if not 0 <= least_noise <= latent_noise:
            raise ValueError(f"least_noise is from 0 to latent_noise={latent_noise}, got {least_noise}")
        values = t5.to_dict() if isinstance(t5, T5Config) else dict(t5 or {})
        self.t5 = values
        self.latent_dim = latent_dim
        self.positions = positions
        self.regularizer = regularizer
        self.regularizer_weight = regularizer_weight
        self.moments_weight = moments_weight
        self.regularizer_warmup_steps = regularizer_warmup_steps
        self.free_bits = free_bits
        self.latent_noise = latent_noise
        self.least_noise = least_noise
        self.step_input = step_input
        self.tied_output = tied_output
        config = self.t5_config()
        self.slot_dim = slot_dim or min(config.d_model, max(32, -(-latent_dim // positions)))
        kwargs = {
            "pad_token_id": config.pad_token_id,
            "eos_token_id": config.eos_token_id,
            "decoder_start_token_id": config.pad_token_id,
            "tie_word_embeddings": False,
            **kwargs,
            "is_encoder_decoder": True,
        }
        super().__init__(**kwargs)

    def t5_config(self) -> T5Config:
        """The configuration of the T5 inside."""
        config = T5Config(**self.t5)
        # T5Config derives this from tie_word_embeddings, which it then overwrites: what was saved must win.
        if "scale_decoder_outputs" in self.t5:
            config.scale_decoder_outputs = self.t5["scale_decoder_outputs"]
        return config

    # What generation's caches ask of a configuration.
    @property
    def num_hidden_layers(self) -> int:
        """Decoder layers: what the cache is made for."""
        return int(self.t5_config().num_decoder_layers or 0)

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return int(self.t5_config().vocab_size)


def small_t5(
    vocab_size: int,
    *,
    d_model: int = 256,
    layers: int = 2,
    decoder_layers: int | None = None,
    heads: int = 4,
    d_ff: int = 640,
    positions: int = 64,
) -> T5Config:
    """A small T5 from scratch (gated feed-forward and unscaled output as in T5.1.1) for short texts.

    Relative positions are exact up to `positions` in the decoder and up to half of it in the encoder; T5's default
    rounds all beyond 16 and 8, which costs an autoencoder its word order.
    """
    return T5Config(
        vocab_size=vocab_size,
        d_model=d_model,
        d_kv=d_model // heads,
        d_ff=d_ff,
        num_layers=layers,
        num_decoder_layers=decoder_layers or layers,
        num_heads=heads,
        relative_attention_num_buckets=2 * positions,
        relative_attention_max_distance=2 * positions,
        dropout_rate=0.0,
        feed_forward_proj="gated-silu",  # T5.1.1's tanh GELU is six passes over memory; this is one
        pad_token_id=0,
        eos_token_id=1,
        # T5.1.1's unscaled output; T5VAE ties the weights all the same. (The type's stub lacks this argument.)
        tie_word_embeddings=False,  # type: ignore[call-arg]
    )

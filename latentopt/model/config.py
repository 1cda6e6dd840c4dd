"""The shape of a T5VAE, and of a small T5 inside it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from transformers.configuration_utils import PretrainedConfig
from transformers.models.t5 import T5Config
from transformers.models.umt5 import UMT5Config

FAMILIES = {"t5": T5Config, "umt5": UMT5Config}

# What transformers may say to any configuration: what it writes to config.json, and what `from_pretrained` and its
# loading of weights set. Its own class takes whatever it is given, and a misspelled dimension would be the default one.
TRANSFORMERS = frozenset(PretrainedConfig().to_dict()) | {
    "_attn_implementation",
    "_commit_hash",
    "attn_implementation",
    "auto_map",
    "bos_token_id",
    "decoder_start_token_id",
    "eos_token_id",
    "experts_implementation",
    "name_or_path",
    "num_labels",
    "pad_token_id",
    "quantization_config",
    "tie_word_embeddings",
    "torch_dtype",
    "use_cache",
}


class T5VAEConfig(PretrainedConfig):
    """Shape of a T5VAE.

    Args:
        t5: the configuration of the T5 inside (a T5Config or UMT5Config, or its dictionary).
        latent_dim: d, the size of the latent.
        pooled_dim: m, how many of its dimensions, the first ones, are pooled from all tokens: they say what a text
            means, whatever the places of its words. Fills are given them alone; heads and directions read and move
            them alone. The others copy, position by position. 0 leaves the pooled part out, `latent_dim` the other.
        pooled_slots: states that the decoder attends to in place of the pooled part.
        positions: most tokens of a text, its end token included.
        slot_dim: width of a position's slot in the positional part; None takes 32, or what the latent needs.
        cross_attention: the decoder's layers that attend to the memory; None: all.
        embedding_dim: size of the teacher's sentence embedding that is predicted from the latent; 0: there is none.
        stochastic: the encoder also gives a log variance for each latent dimension (for the KL regularizer).
        tied_output: the output layer is the input embeddings; off for T5-v1.1 and Flan-T5, which have one of its own.
        kwargs: what transformers writes into any config.json, such as `dtype` and `pad_token_id`.

    Raises:
        TypeError: for any other argument.
        ValueError: for a pooled part that is larger than the latent, and for a family that is no T5.
    """

    model_type = "t5_vae"

    def __init__(
        self,
        t5: T5Config | UMT5Config | dict[str, Any] | None = None,
        *,
        latent_dim: int = 256,
        pooled_dim: int = 0,
        pooled_slots: int = 8,
        positions: int = 64,
        slot_dim: int | None = None,
        cross_attention: Sequence[int] | None = None,
        embedding_dim: int = 0,
        stochastic: bool = False,
        tied_output: bool = True,
        **kwargs: Any,
    ) -> None:
        if unknown := ", ".join(sorted(kwargs.keys() - TRANSFORMERS)):
            known = ", ".join(name for name in inspect.signature(T5VAEConfig).parameters if name != "kwargs")
            raise TypeError(f"a T5VAEConfig takes {known}, got {unknown}; is it misspelled?")
        if not 0 <= pooled_dim <= latent_dim:
            raise ValueError(f"pooled_dim is a part of latent_dim={latent_dim}, got {pooled_dim}")
        self.t5 = dict(t5 or {}) if isinstance(t5, dict | None) else t5.to_dict()
        self.latent_dim = latent_dim
        self.pooled_dim = pooled_dim
        self.pooled_slots = pooled_slots
        self.positions = positions
        self.cross_attention = None if cross_attention is None else list(cross_attention)
        self.embedding_dim = embedding_dim
        self.stochastic = stochastic
        self.tied_output = tied_output
        config = self.t5_config()
        self.slot_dim = slot_dim or min(config.d_model, max(32, -(-(latent_dim - pooled_dim) // positions)))
        start = self.t5.get("decoder_start_token_id")  # T5's own is the padding
        kwargs = {
            "pad_token_id": config.pad_token_id,
            "eos_token_id": config.eos_token_id,
            "decoder_start_token_id": config.pad_token_id if start is None else start,
            "tie_word_embeddings": False,
            **kwargs,
            "is_encoder_decoder": True,
        }
        super().__init__(**kwargs)

    def t5_config(self) -> T5Config | UMT5Config:
        """The configuration of the T5 inside.

        Raises:
            ValueError: for a family that is no T5.
        """
        family = self.t5.get("model_type", "t5")
        if family not in FAMILIES:
            raise ValueError(f"the T5 inside is one of {', '.join(FAMILIES)}, got {family!r}")
        config = FAMILIES[family](**self.t5)
        # They derive this from tie_word_embeddings, which they then overwrite: what was saved must win.
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

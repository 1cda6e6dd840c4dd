"""T5VAE: token ids -> latent -> logits."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.generation.utils import GenerationMixin
from transformers.modeling_outputs import Seq2SeqLMOutput
from transformers.models.t5 import T5Config, T5ForConditionalGeneration
from transformers.models.umt5 import UMT5Config, UMT5ForConditionalGeneration
from transformers.utils.generic import ModelOutput

from latentopt.model.bottleneck import Pooled, Positional
from latentopt.model.config import T5VAEConfig

NETWORKS: dict[type, Any] = {T5Config: T5ForConditionalGeneration, UMT5Config: UMT5ForConditionalGeneration}


@dataclass
class Memory(ModelOutput):
    """What the decoder attends to: `encoder_outputs` of `generate` and `forward`.

    last_hidden_state: (b, s, d_model), slots of the latent, then states of a masked source. mask: (b, s), 1 for what
    may be attended to. steps: (b, positions, d_model), added to the decoder's input step by step, or None.
    """

    last_hidden_state: Tensor
    mask: Tensor = None  # type: ignore[assignment]  # a ModelOutput may have but one field that must be given
    steps: Tensor | None = None

    def take(self, rows: Tensor) -> Memory:
        """The memory of some rows."""
        return Memory(**{name: value[rows] for name, value in self.items()})


class T5VAE(PreTrainedModel, GenerationMixin):
    """A T5 encoder, a bottleneck of one latent vector, and a T5 decoder (Greenlee 2020, T5-VAE).

    One network, three uses: it writes a text from its latent alone; it fills the masked spans of a text, given the
    latent (T5's own pretraining task; see `latentopt.model.spans`); and either given the learned null latent, which
    says nothing: it is a language model then, or fills without a wish.

    The T5 is Hugging Face's, unchanged but for the cross-attention that some layers are spared: the decoder is given a
    memory where it expects encoder states, so `generate(encoder_outputs=model.memory(z))` offers every decoding that
    transformers has.
    """

    config_class = T5VAEConfig
    base_model_prefix = "t5_vae"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["T5Block", "UMT5Block"]
    _tied_weights_keys = {
        "t5.encoder.embed_tokens.weight": "t5.shared.weight",
        "t5.decoder.embed_tokens.weight": "t5.shared.weight",
        "t5.lm_head.weight": "t5.shared.weight",
    }

    config: T5VAEConfig

    def __init__(self, config: T5VAEConfig) -> None:
        super().__init__(config)
        t5 = config.t5_config()
        self.t5 = NETWORKS[type(t5)](t5)
        spare_cross_attention(self.t5, config.cross_attention)
        rest = config.latent_dim - config.pooled_dim
        self.pooled = (
            Pooled(t5.d_model, config.pooled_dim, slots=config.pooled_slots, stochastic=config.stochastic)
            if config.pooled_dim
            else None
        )
        self.positional = (
            Positional(
                t5.d_model,
                rest,
                positions=config.positions,
                slot_dim=config.slot_dim,
                stochastic=config.stochastic,
            )
            if rest
            else None
        )
        self.null = nn.Parameter(torch.zeros(config.pooled_dim or config.latent_dim))
        self.to_embedding = nn.Linear(len(self.null), config.embedding_dim) if config.embedding_dim else None
        self.post_init()
        if not config.tied_output:
            for module in (self, self.t5):  # transformers has tied them by now, and would after loading
                module.all_tied_weights_keys = {
                    key: tied for key, tied in module.all_tied_weights_keys.items() if "lm_head" not in key
                }
            self.t5.lm_head.weight = nn.Parameter(self.t5.lm_head.weight.detach().clone())

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        # The T5 inside sets its own; transformers keeps these from touching what was loaded from a file.
        if isinstance(module, Pooled | Positional):
            module.reset_parameters()
        elif module is self:
            nn.init.zeros_(self.null)
            if self.to_embedding is not None:
                nn.init.normal_(self.to_embedding.weight, std=len(self.null) ** -0.5)
                nn.init.zeros_(self.to_embedding.bias)
            t5 = self.t5.config
            if not t5.scale_decoder_outputs:
                # T5's own 1.0 makes logits of +-sqrt(d_model): the first thousand steps only undo that.
                nn.init.normal_(self.t5.shared.weight, std=t5.d_model**-0.5)

    @classmethod
    def from_t5(cls, t5: T5ForConditionalGeneration | UMT5ForConditionalGeneration | str | Path, **shape: Any) -> Self:
        """Start from a T5 with its weights; only the bottleneck is new.

        Args:
            t5: a T5, T5-v1.1, Flan-T5 or UMT5, or its directory or hub name.
            shape: what T5VAEConfig takes beside `t5`.

        Raises:
            TypeError: for what T5VAEConfig does not take.
            ValueError: if there is another model at that name.
        """
        begun: Any = t5
        if isinstance(t5, str | Path):
            found = AutoConfig.from_pretrained(t5)
            if type(found) not in NETWORKS:
                raise ValueError(f"a T5 or UMT5 is needed, and {t5} is {found.model_type!r}")
            begun = NETWORKS[type(found)].from_pretrained(t5)
        # T5-v1.1 and Flan-T5 have an output layer of their own, other T5s write with their input embeddings.
        tied = torch.equal(begun.lm_head.weight, begun.shared.weight)
        model = cls(T5VAEConfig(begun.config, **{"tied_output": tied, **shape}))
        spare_cross_attention(begun, model.config.cross_attention)
        model.t5.load_state_dict(begun.state_dict())  # strict: every weight is really loaded
        return model

    def get_input_embeddings(self) -> nn.Module:
        return self.t5.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.t5.set_input_embeddings(value)

    def get_encoder(self, *args: Any, **kwargs: Any) -> nn.Module:
        return self.t5.get_encoder()

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The encoder's states (b, t, d_model) of token ids (b, t): of a text, or of a source with its spans masked."""
        return self.t5.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    def posterior(self, states: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Latents (b, d), and log variances as large or None, of texts with the encoder's states (b, t, d_model)."""
        parts = [part.encode(states, attention_mask) for part in (self.pooled, self.positional) if part is not None]
        means, log_variances = zip(*parts, strict=True)
        if log_variances[0] is None:
            return torch.cat(means, 1), None
        return torch.cat(means, 1), torch.cat(log_variances, 1)

    def encode(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Token ids (b, t) to latents (b, d), without noise (posterior means)."""
        if attention_mask is None:
            attention_mask = (input_ids != self.config.pad_token_id).long()
        return self.posterior(self.states(input_ids, attention_mask), attention_mask)[0]

    @property
    def pooled_dim(self) -> int:
        """m, size of the part that is moved and that fills are given; d where all of a latent is."""
        return len(self.null)

    def memory(
        self,
        z: Tensor,
        source: Tensor | None = None,
        source_mask: Tensor | None = None,
        *,
        null: Tensor | None = None,
    ) -> Memory:
        """What the decoder attends to.

        Args:
            z: latents, shape (b, d), to write whole texts; or their pooled part, (b, m), for fills.
            source: the encoder's states of masked sources, shape (b, t, d_model). source_mask: (b, t).
            null: (b,), true for rows that shall know nothing of their latent: they are given the null latent.
        """
        m = self.pooled_dim
        if null is not None:
            z = torch.cat([torch.where(null[:, None], self.null.to(z.dtype), z[:, :m]), z[:, m:]], 1)
        at = m if self.pooled is not None else 0
        slots, steps = [], None
        if self.pooled is not None:
            slots.append(self.pooled.decode(z[:, :at]))
        mask = torch.ones(len(z), sum(part.shape[1] for part in slots), dtype=torch.long, device=z.device)
        if self.positional is not None and z.shape[1] > at:
            more, steps = self.positional.decode(z[:, at:])
            slots.append(more)
            seen = mask.new_ones(more.shape[:2])
            if null is not None and at:
                seen, steps = seen * ~null[:, None], steps * ~null[:, None, None]
            mask = torch.cat([mask, seen], 1)
        states = torch.cat(slots, 1)
        if source is not None:
            assert source_mask is not None
            states, mask = torch.cat([states, source], 1), torch.cat([mask, source_mask], 1)
            steps = None  # a fill's place in the target is not that of the text's tokens
        return Memory(last_hidden_state=states, mask=mask, steps=steps)

    def decode(
        self,
        ids: Tensor,
        memory: Memory,
        *,
        mask: Tensor | None = None,
        cache: Any = None,
        use_cache: bool = False,
    ) -> tuple[Tensor, Any]:
        """The decoder's states (b, u, d_model) behind each of the tokens (b, u), and the cache to go on from.

        Args:
            ids: those that the cache has not seen. memory: what is attended to.
            mask: (b, seen + u), 0 for padding on the left; None where there is none.
        """
        x = self.t5.shared(ids)
        if memory.steps is not None:
            at = cache.get_seq_length() if cache is not None else 0
            steps = memory.steps[:, at : at + ids.shape[1]]
            x = x + F.pad(steps, (0, 0, 0, x.shape[1] - steps.shape[1]))
        out = self.t5.decoder(
            inputs_embeds=x,
            attention_mask=mask,
            encoder_hidden_states=memory.last_hidden_state,
            encoder_attention_mask=memory.mask,
            use_cache=use_cache,
            cache=cache,
        )
        hidden = out.last_hidden_state
        if self.t5.config.scale_decoder_outputs:
            hidden = hidden * self.t5.config.d_model**-0.5
        return hidden, out.cache if use_cache else None

    def decode_with_layer(
        self, ids: Tensor, memory: Memory, layer: int, *, mask: Tensor | None = None, cache: Any
    ) -> tuple[Tensor, Tensor, Any]:
        """What `decode` gives, and between states and cache those (b, u, d_model) behind a layer, counted from 0.

        transformers' own `output_hidden_states` leaves hooks in a model that cannot be pickled.
        """
        here = threading.get_ident()  # another thread may be using the model
        found: list[Tensor] = []

        def keep(block: nn.Module, given: Any, out: Any) -> None:
            if threading.get_ident() == here:
                found.append(out[0] if isinstance(out, tuple) else out)

        hook = self.t5.decoder.block[layer].register_forward_hook(keep)
        try:
            hidden, cache = self.decode(ids, memory, mask=mask, cache=cache, use_cache=True)
        finally:
            hook.remove()
        (states,) = found
        return hidden, states, cache

    def forward(
        self,
        decoder_input_ids: Tensor,
        encoder_outputs: Memory,
        cache: Any = None,
        use_cache: bool = False,
        return_dict: Literal[True] = True,  # `generate` says so
    ) -> Seq2SeqLMOutput:
        """Logits (b, u, vocabulary) of the tokens behind each of decoder_input_ids (b, u); what `generate` calls."""
        hidden, cache = self.decode(decoder_input_ids, encoder_outputs, cache=cache, use_cache=use_cache)
        return Seq2SeqLMOutput(logits=self.t5.lm_head(hidden), cache=cache)

    def token_loss(self, memory: Memory, labels: Tensor) -> Tensor:
        """Nats of each token of the labels (b, u), given those before it and the memory, 0 where there is padding."""
        hidden, _ = self.decode(self.shifted(labels), memory)
        logits = self.t5.lm_head(hidden).float()
        targets = labels.masked_fill(labels == self.config.pad_token_id, -100)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(labels)

    def shifted(self, labels: Tensor) -> Tensor:
        """What the decoder reads to write the labels (b, u): the start token and all but the last."""
        return F.pad(labels[:, :-1], (1, 0), value=self.config.decoder_start_token_id)

    def embed(self, z: Tensor) -> Tensor:
        """The sentence embeddings (b, e), of unit length, that pooled latents (b, m) predict; else these themselves."""
        return F.normalize(z if self.to_embedding is None else self.to_embedding(z), dim=1)

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, encoder_outputs: Any = None, cache: Any = None, **others: Any
    ) -> dict[str, Any]:
        """What `generate` feeds to `forward` at each step: only the tokens that the cache has not seen."""
        seen = cache.get_seq_length() if cache is not None else 0
        return {
            "decoder_input_ids": input_ids[:, seen:],
            "cache": cache,
            "encoder_outputs": encoder_outputs,
            "use_cache": True,
        }


def spare_cross_attention(t5: Any, layers: list[int] | None) -> None:
    """Leave cross-attention to the named decoder layers; None leaves it to all."""
    for i, block in enumerate(t5.decoder.block):
        if layers is not None and i not in layers and len(block.layer) == 3:
            block.is_decoder = False  # a block asks this to know whether it has cross-attention, and for nothing else
            del block.layer[1]


AutoConfig.register(T5VAEConfig.model_type, T5VAEConfig)
AutoModel.register(T5VAEConfig, T5VAE)

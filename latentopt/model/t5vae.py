"""T5VAE: token ids -> latent -> logits. Only here and in config.py is T5 known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.cache_utils import EncoderDecoderCache
from transformers.generation.utils import GenerationMixin
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput
from transformers.models.t5 import T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Stack
from transformers.utils.generic import ModelOutput

from latentopt.model import writing
from latentopt.model.bottleneck import Bottleneck
from latentopt.model.config import T5VAEConfig
from latentopt.training import regularizers

BULK = 64  # latents; fewer are decoded in fp32
DOUBT = 0.13  # of a logit; bf16 moves the lead of one token over another by less
# What transformers calls the cache of a decoder, up to version 5.23 and since.
CACHE = "cache" if "cache" in signature(T5Stack.forward).parameters else "past_key_values"


@dataclass
class T5VAEOutput(ModelOutput):
    """What a forward pass gives; losses are scalars, in nats.

    loss: reconstruction + current weight * regularization. reconstruction: cross-entropy per token.
    logits: (b, t, vocabulary). latents: (b, d), before noise.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    reconstruction: Tensor | None = None
    regularization: Tensor | None = None
    latents: Tensor | None = None


class T5VAE(PreTrainedModel, GenerationMixin):
    """A T5 encoder, a bottleneck of one latent vector, and a T5 decoder (Greenlee 2020, T5-VAE).

    The T5 is Hugging Face's, unchanged: the decoder is given the bottleneck's memory where it expects encoder
    states, so `generate(encoder_outputs=model.memory(z))` offers every decoding that transformers has.
    """

    config_class = T5VAEConfig
    base_model_prefix = "t5_vae"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["T5Block"]
    _tied_weights_keys = {
        "t5.encoder.embed_tokens.weight": "t5.shared.weight",
        "t5.decoder.embed_tokens.weight": "t5.shared.weight",
        "t5.lm_head.weight": "t5.shared.weight",
    }

    config: T5VAEConfig
    regularizer_scale: Tensor

    def __init__(self, config: T5VAEConfig) -> None:
        super().__init__(config)
        t5 = config.t5_config()
        self.t5 = T5ForConditionalGeneration(t5)
        self.bottleneck = Bottleneck(
            t5.d_model,
            config.latent_dim,
            positions=config.positions,
            slot_dim=config.slot_dim,
            stochastic=config.regularizer == "kl",
        )
        # A tensor, so that a schedule can change it without recompiling a compiled model.
        self.register_buffer("regularizer_scale", torch.ones(()), persistent=False)
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
        if isinstance(module, Bottleneck):
            module.reset_parameters()
        elif module is self:
            nn.init.ones_(self.regularizer_scale)
            t5 = self.t5.config
            if not t5.scale_decoder_outputs:
                # T5's own 1.0 makes logits of +-sqrt(d_model): the first thousand steps only undo that.
                nn.init.normal_(self.t5.shared.weight, std=t5.d_model**-0.5)

    @classmethod
    def from_t5(cls, name_or_path: str | Path, **config: Any) -> Self:
        """Start from any T5, T5-v1.1 or Flan-T5 with its weights; only the bottleneck is new.

        Args:
            name_or_path: a directory or a hub name.
            config: what T5VAEConfig takes beside `t5`. `step_input` is off unless asked for, as it would
                disturb what the decoder has learned.
        """
        t5 = T5ForConditionalGeneration.from_pretrained(name_or_path)
        # T5-v1.1 and Flan-T5 have an output layer of their own, other T5s write with their input embeddings.
        tied = torch.equal(t5.lm_head.weight, t5.shared.weight)
        model = cls(T5VAEConfig(t5.config, **{"step_input": False, "tied_output": tied, **config}))
        model.t5.load_state_dict(t5.state_dict())  # strict: every weight is really loaded
        return model

    def get_input_embeddings(self) -> nn.Module:
        return self.t5.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.t5.set_input_embeddings(value)

    def get_encoder(self, *args: Any, **kwargs: Any) -> nn.Module:
        return self.t5.get_encoder()

    def encode(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Token ids (b, t) to latents (b, d), without noise (posterior means)."""
        return self._posterior(input_ids, attention_mask)[0]

    def _posterior(self, input_ids: Tensor, attention_mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if attention_mask is None:
            attention_mask = (input_ids != self.config.pad_token_id).long()
        states = self.t5.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.bottleneck.encode(states, attention_mask)

    def memory(self, z: Tensor) -> BaseModelOutput:
        """Latents (b, d) to the `encoder_outputs` of `generate` and `forward`, with states (b, positions, d_model)."""
        return BaseModelOutput(last_hidden_state=self.bottleneck.decode(z))

    @torch.no_grad()
    def generate_greedily(self, z: Tensor, *, batch_size: int = 256) -> Tensor:
        """Latents (n, d) to the likeliest token ids (n, positions), padded: what `generate` gives, sooner.

        On a CPU that is quick at bf16, many latents are decoded in bf16; texts in which a token's lead was so small
        that rounding may have decided are checked in fp32, and decoded again where it has.
        """
        bulk = len(z) >= BULK and z.device.type == "cpu"
        low = bulk and not torch.is_autocast_enabled("cpu") and writing.bf16_is_fast(z.device)
        with torch.autocast(z.device.type, torch.bfloat16) if low else nullcontext():
            parts = [self._greedily(self.bottleneck.decode(part)) for part in z.split(batch_size)]
        ids, lead = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        if low:
            again = self._decided_by_rounding(z, ids, lead < DOUBT)
            for rows in again.split(batch_size) if len(again) else ():
                ids[rows] = self._greedily(self.bottleneck.decode(z[rows]))[0]
        return ids

    def _decided_by_rounding(self, z: Tensor, ids: Tensor, doubtful: Tensor) -> Tensor:
        """Which of the texts ids (n, positions) of z (n, d) fp32 would have written otherwise, at a doubtful token.

        A decoder that takes the same tokens when it is given them would have written them.
        """
        rows = doubtful.any(1).nonzero()[:, 0]
        if not len(rows):
            return rows
        ends = doubtful.shape[1] - doubtful[rows].flip(1).int().argmax(1)  # nothing behind the last doubt is asked for
        order = ends.argsort()
        wrong = []
        for part, end in zip(rows[order].split(BULK), ends[order].split(BULK), strict=True):
            labels = ids[part, : int(end[-1])]
            hidden, _ = self._decode(self.bottleneck.decode(z[part]), self._shift_right(labels), None, use_cache=False)
            row, position = doubtful[part, : labels.shape[1]].nonzero(as_tuple=True)
            differs = self.t5.lm_head(hidden[row, position]).argmax(-1) != labels[row, position]
            wrong.append(part[row[differs].unique()])
        return torch.cat(wrong)

    def _greedily(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        weight = self.t5.lm_head.weight
        if torch.is_autocast_enabled(memory.device.type):
            weight = weight.to(torch.get_autocast_dtype(memory.device.type))  # once, and not at every step
        room = weight.new_empty(len(memory), len(weight))  # new pages of memory at each step would cost as much again

        def step(memory: Tensor, last: Tensor, cache: EncoderDecoderCache) -> Tensor:
            hidden, _ = self._decode(memory, last, cache, use_cache=True)
            return torch.mm(hidden[:, -1].to(weight.dtype), weight.T, out=room[: len(hidden)])

        attention = self.t5.decoder.config._attn_implementation
        if memory.device.type == "cpu":
            self.t5.decoder.config._attn_implementation = "eager"  # for one query, twice to seven times as fast
        try:
            return writing.greedily(
                step,
                memory,
                positions=self.config.positions,
                start=self.config.decoder_start_token_id,
                end=self.config.eos_token_id,
                pad=self.config.pad_token_id,
            )
        finally:
            self.t5.decoder.config._attn_implementation = attention

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: BaseModelOutput | None = None,
        use_cache: bool | None = None,
        widths: Sequence[int] | None = None,
        **others: Any,
    ) -> T5VAEOutput | Seq2SeqLMOutput:
        """Encode, disturb, decode; with labels also the loss.

        Args:
            input_ids: (b, t), perhaps corrupted.
            attention_mask: (b, t); default: all that is not padding.
            labels: (b, u), the text to reconstruct, its end token included; padding and -100 are left out of the loss.
            decoder_input_ids: (b, u); default: the labels, shifted right.
            encoder_outputs: the memory of given latents, instead of input_ids.
            use_cache: for `generate`: go on from the cache of earlier steps, if there is one among `others`, and return
                transformers' output with a new one.
            widths: the batch is that many runs of equally many rows, each of texts of at most so many tokens: training
                computes none of the padding beyond. No logits are returned then.
        """
        if widths is not None and input_ids is not None and labels is not None:
            return self._forward_runs(input_ids, attention_mask, labels, widths)
        latents = log_variance = None
        if encoder_outputs is None:
            if input_ids is None:
                raise ValueError("give input_ids to encode, or encoder_outputs=model.memory(z) to decode")
            latents, log_variance = self._posterior(input_ids, attention_mask)
            encoder_outputs = self.memory(self._disturb(latents, log_variance))
        memory = encoder_outputs[0]
        if decoder_input_ids is None and labels is not None:
            decoder_input_ids = self._shift_right(labels)
        hidden, cache = self._decode(memory, decoder_input_ids, others.get(CACHE), use_cache=bool(use_cache))
        logits = self.t5.lm_head(hidden)  # (b, u, vocabulary)
        if use_cache and labels is None:
            return Seq2SeqLMOutput(**{"logits": logits, CACHE: cache})
        if labels is None:
            return T5VAEOutput(logits=logits, latents=latents)
        targets = labels.masked_fill(labels == self.config.pad_token_id, -100)
        reconstruction = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=-100)
        return self._output(reconstruction, latents, log_variance, logits)

    def _forward_runs(
        self, input_ids: Tensor, attention_mask: Tensor | None, labels: Tensor, widths: Sequence[int]
    ) -> T5VAEOutput:
        """Encode and decode run by run, but regularize all latents together."""
        if attention_mask is None:
            attention_mask = (input_ids != self.config.pad_token_id).long()
        rows = len(input_ids) // len(widths)
        runs = [(slice(i * rows, (i + 1) * rows), width) for i, width in enumerate(widths)]
        parts = [self._posterior(input_ids[run, :width], attention_mask[run, :width]) for run, width in runs]
        latents = torch.cat([mean for mean, _ in parts])
        log_variance = None if parts[0][1] is None else torch.cat([v for _, v in parts if v is not None])
        memory = self.memory(self._disturb(latents, log_variance))[0]
        shifted = self._shift_right(labels)
        kept = (labels != self.config.pad_token_id) & (labels != -100)
        hidden = torch.cat(
            [
                self._decode(memory[run], shifted[run, :width], None, use_cache=False)[0][kept[run, :width]]
                for run, width in runs
            ]
        )  # (tokens, d_model)
        targets = torch.cat([labels[run, :width][kept[run, :width]] for run, width in runs])
        reconstruction = F.cross_entropy(self.t5.lm_head(hidden).float(), targets)
        return self._output(reconstruction, latents, log_variance, None)

    def _output(
        self, reconstruction: Tensor, latents: Tensor | None, log_variance: Tensor | None, logits: Tensor | None
    ) -> T5VAEOutput:
        regularization = (
            self._regularize(latents, log_variance) if latents is not None else reconstruction.new_zeros(())
        )
        weight = self.config.regularizer_weight * self.regularizer_scale
        return T5VAEOutput(
            loss=reconstruction + weight * regularization,
            logits=logits,
            reconstruction=reconstruction,
            regularization=regularization,
            latents=latents,
        )

    def _decode(self, memory: Tensor, ids: Tensor | None, cache: Any, *, use_cache: bool) -> tuple[Tensor, Any]:
        if ids is None:
            raise ValueError("give labels or decoder_input_ids: the decoder needs tokens to start from")
        embeddings = self.t5.shared(ids)
        if self.config.step_input:
            start = cache.get_seq_length() if cache is not None else 0
            embeddings = embeddings + memory[:, start : start + ids.shape[1]]
        out = self.t5.decoder(
            inputs_embeds=embeddings,
            encoder_hidden_states=memory,
            use_cache=use_cache,
            **{CACHE: cache},
        )
        hidden = out.last_hidden_state
        if self.t5.config.scale_decoder_outputs:
            hidden = hidden * self.t5.config.d_model**-0.5
        return hidden, out[CACHE] if use_cache else None

    def _disturb(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        if not self.training:
            return z
        if log_variance is not None:
            z = z + (0.5 * log_variance).exp() * torch.randn_like(z)
        if self.config.latent_noise:
            least, most = math.asin(self.config.least_noise), math.asin(self.config.latent_noise)
            angle = least + (most - least) * torch.rand_like(z[:, :1])
            z = angle.cos() * z + angle.sin() * torch.randn_like(z)
        return z

    def _regularize(self, latents: Tensor, log_variance: Tensor | None) -> Tensor:
        with torch.autocast(latents.device.type, enabled=False):  # squared distances lose all their digits in bf16
            z = latents.float()
            if self.config.regularizer == "kl":
                assert log_variance is not None
                return regularizers.kl(z, log_variance.float(), free_bits=self.config.free_bits)
            z = regularizers.gathered(z)
            if self.config.regularizer == "none" or z.shape[0] < 2:
                return z.new_zeros(())
            found = regularizers.mmd(z, torch.randn_like(z))
            return found + self.config.moments_weight * regularizers.moments(z) if self.config.moments_weight else found

    def _shift_right(self, labels: Tensor) -> Tensor:
        shifted = labels.new_full(labels.shape, self.config.pad_token_id)
        shifted[:, 1:] = labels[:, :-1]
        return shifted.masked_fill(shifted == -100, self.config.pad_token_id)

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, encoder_outputs: Any = None, **others: Any
    ) -> dict[str, Any]:
        """What `generate` feeds to `forward` at each step: only the tokens that the cache has not seen."""
        cache = others.get(CACHE)
        seen = cache.get_seq_length() if cache is not None else 0
        return {
            "decoder_input_ids": input_ids[:, seen:],
            CACHE: cache,
            "encoder_outputs": encoder_outputs,
            "use_cache": True,
        }


AutoConfig.register(T5VAEConfig.model_type, T5VAEConfig)
AutoModel.register(T5VAEConfig, T5VAE)

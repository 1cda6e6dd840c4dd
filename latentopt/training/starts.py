"""What a training begins with: a new network, one of a pretrained language model, or a finished model of ours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from latentopt.errors import LatentoptError, first_line
from latentopt.training.optimizers import Rates

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from latentopt.model import T5VAE

FITTED_ON = 300  # texts that say what a causal language model's positions do
FEWEST_CHARACTERS = 20  # of such a text, as far as there are longer ones


@dataclass(frozen=True)
class Shape:
    """Of the latent and its ways in and out; see `T5VAEConfig`."""

    latent_dim: int = 256
    pooled_dim: int = 128
    pooled_slots: int = 8
    positions: int = 64
    slot_dim: int | None = None
    stochastic: bool = False


class Start(Protocol):
    """What a training begins with.

    new_cross_attention: whether the decoder's cross-attention starts from nothing, and learns as fast as what does.
    rates: with which it usually learns well.
    """

    @property
    def new_cross_attention(self) -> bool: ...

    @property
    def rates(self) -> Rates: ...

    def weights(self) -> str | None:
        """What identifies the weights of a folder, whose name says little; None where the fields say it all."""

    def make(self, texts: Sequence[str], *, embedding_dim: int) -> tuple[T5VAE, PreTrainedTokenizerBase]:
        """The model, in fp32, and its tokenizer.

        Args:
            texts: those of the training.
            embedding_dim: of the sentence embeddings that it shall predict; 0: none.

        Raises:
            LatentoptError: if there is no such model, or it cannot have that shape.
        """


@dataclass(frozen=True)
class NewT5:
    """A small T5 from scratch, and a tokenizer of the training texts."""

    shape: Shape = Shape()
    vocab_size: int = 8192
    d_model: int = 256
    layers: int = 2
    decoder_layers: int | None = None
    heads: int = 4
    d_ff: int | None = None
    new_cross_attention = False  # no newer than the rest
    rates = Rates()

    def weights(self) -> str | None:
        return None

    def make(self, texts: Sequence[str], *, embedding_dim: int) -> tuple[T5VAE, PreTrainedTokenizerBase]:
        from latentopt.model import T5VAE, T5VAEConfig, small_t5
        from latentopt.model.tokenizer import train_tokenizer

        tokenizer = train_tokenizer(texts, vocab_size=self.vocab_size)
        t5 = small_t5(
            len(tokenizer),
            d_model=self.d_model,
            layers=self.layers,
            decoder_layers=self.decoder_layers,
            heads=self.heads,
            d_ff=self.d_ff or 5 * self.d_model // 2,
            positions=self.shape.positions,
        )
        try:
            return T5VAE(T5VAEConfig(t5, embedding_dim=embedding_dim, **asdict(self.shape))), tokenizer
        except ValueError as error:
            raise LatentoptError(f"a network cannot have this shape: {error}") from error


@dataclass(frozen=True)
class FromT5:
    """A pretrained T5, T5 v1.1, Flan-T5 or UMT5, by its directory or hub name."""

    name: str
    shape: Shape = Shape()
    new_cross_attention = False
    rates = Rates(1e-3)

    def weights(self) -> str | None:
        return None

    def make(self, texts: Sequence[str], *, embedding_dim: int) -> tuple[T5VAE, PreTrainedTokenizerBase]:
        from latentopt.model import T5VAE
        from latentopt.model.tokenizer import load_tokenizer

        try:
            tokenizer = load_tokenizer(self.name)
            return T5VAE.from_t5(self.name, embedding_dim=embedding_dim, **asdict(self.shape)), tokenizer
        except Exception as error:  # transformers and safetensors raise many kinds for what is damaged or missing
            raise LatentoptError(f"{self.name}: no T5 could be loaded from there ({first_line(error)})") from error


@dataclass(frozen=True)
class FromCausalLM:
    """A causal language model of Llama's architecture, made a T5: see `latentopt.model.adapt`.

    gguf_file: a file in its directory to read the weights from. layers: of it, for the decoder; None takes all.
    encoder_layers: of it. cross_attention: decoder layers, as they are numbered there, that attend to the memory; None:
    all. vocab_size: tokens that are kept.
    """

    name: str
    shape: Shape = Shape()
    gguf_file: str | None = None
    layers: tuple[int, ...] | None = None
    encoder_layers: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    cross_attention: tuple[int, ...] | None = None
    vocab_size: int = 16384
    new_cross_attention = True
    rates = Rates(1e-3, 0.3, 0.15)

    def weights(self) -> str | None:
        return None

    def make(self, texts: Sequence[str], *, embedding_dim: int) -> tuple[T5VAE, PreTrainedTokenizerBase]:
        from latentopt.model import T5VAE
        from latentopt.model.adapt import t5_from_causal_lm

        fitted_on = [text for text in texts if len(text) > FEWEST_CHARACTERS][:FITTED_ON] or texts[:FITTED_ON]
        try:
            t5, tokenizer = t5_from_causal_lm(
                self.name,
                fitted_on,
                gguf_file=self.gguf_file,
                layers=self.layers,
                encoder_layers=self.encoder_layers,
                vocab_size=self.vocab_size,
                max_tokens=self.shape.positions,
            )
            model = T5VAE.from_t5(
                t5, cross_attention=self.cross_attention, embedding_dim=embedding_dim, **asdict(self.shape)
            )
        except Exception as error:  # transformers and safetensors raise many kinds for what is damaged or missing
            raise LatentoptError(
                f"{self.name}: no causal language model could be adapted from there ({first_line(error)})"
            ) from error
        return model, tokenizer


@dataclass(frozen=True)
class FromModel:
    """A model that was trained before, to be trained further; the shape is its own.

    new_cross_attention: it goes on learning as fast as what began with it.
    """

    directory: Path
    new_cross_attention: bool = False
    rates = Rates(5e-4)

    def weights(self) -> str | None:
        from latentopt.space.loading import located

        return fingerprint(located(self.directory))[:8]

    def make(self, texts: Sequence[str], *, embedding_dim: int) -> tuple[T5VAE, PreTrainedTokenizerBase]:
        from latentopt.space.loading import load, located

        model, tokenizer = load(located(self.directory))
        if embedding_dim not in (0, model.config.embedding_dim):
            raise LatentoptError(
                f"{self.directory}: this model predicts sentence embeddings of {model.config.embedding_dim} "
                f"dimensions, and the teacher's have {embedding_dim}; take the teacher that it was trained with"
            )
        return model, tokenizer


def fingerprint(folder: Path) -> str:
    """Identifies a model or teacher by its files, wherever they lie (SHA-256, hexadecimal)."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.glob("*") if path.suffix in (".json", ".safetensors", ".txt")):
        digest.update(file.read_bytes())
    return digest.hexdigest()

"""LatentSpace: texts <-> latents of one trained model."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from transformers.utils import SAFE_WEIGHTS_NAME

from latentopt.errors import LatentoptError, TruncationWarning
from latentopt.model import T5VAE, quantized
from latentopt.model.bf16 import quick
from latentopt.model.quantized import Precision
from latentopt.model.scoring import surprise_of
from latentopt.model.spans import Masked, Span, Words, masked, with_fills, words_of
from latentopt.model.tokenizer import sentinel_ids, to_texts, token_ids, token_places
from latentopt.model.writing import Sampling, write_fills, write_greedily, write_sampled
from latentopt.space import inversion
from latentopt.space.density import LatentDensity
from latentopt.space.inversion import Inversion
from latentopt.space.loading import load, located
from latentopt.space.paths import arc
from latentopt.space.surprise import Surprise, token_losses
from latentopt.space.texts import checked_texts
from latentopt.space.tokens import TokenStates, batch_of, batches, within
from latentopt.tables import atomic_update

BUNDLED = Path(__file__).parent.parent / "pretrained"
DENSITY_FILE = "density.safetensors"


class LatentSpace:
    """A trained T5VAE with its tokenizer: encode, decode, fill, interpolate, sample.

    Latents are float32 on the CPU, shape (n, d), about N(0, I) over texts like those of the training. Their first m
    dimensions, the pooled part, say what a text means: heads and directions read and move them, and fills are given
    them. The others copy, word by word, and only whole texts are written from them.

    Args:
        model: the trained model, in evaluation mode.
        tokenizer: the tokenizer that it was trained with.
        path: the directory that they were loaded from, where heads/, directions/ and the density live.
    """

    def __init__(self, model: T5VAE, tokenizer: PreTrainedTokenizerBase, *, path: Path | None = None) -> None:
        if model.training:
            raise LatentoptError("a space needs a model in evaluation mode; call model.eval() first")
        self.model = model
        self.tokenizer = tokenizer
        self.path = path

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path | None = None, *, device: str | None = None) -> LatentSpace:
        """Load a model: the bundled one (no argument), a directory, or a name on the Hugging Face hub.

        Of a name, density, heads and directions are found, too; without a network, what was downloaded before is.

        Raises:
            LatentoptError: if there is no such model, or if its files are damaged or of another kind.
        """
        folder = BUNDLED if name_or_path is None else located(name_or_path)
        model, tokenizer = load(folder)
        # transformers wraps `to` in a way that its types do not follow.
        model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))  # type: ignore[arg-type]
        return cls(model, tokenizer, path=folder)

    def save_pretrained(self, directory: str | Path, *, precision: Precision | None = None) -> None:
        """Write model, tokenizer and, where known, density, so that `from_pretrained` finds them.

        All of it or nothing: an earlier model there is replaced in one step, and what else lies there stays.

        Args:
            directory: where to.
            precision: quantize the weights (see `latentopt.model.quantized`), for shipping, not for training.
        """
        with atomic_update(directory, void={DENSITY_FILE, quantized.FILE, SAFE_WEIGHTS_NAME}) as temporary:
            if precision is None:
                self.model.save_pretrained(temporary)
            else:
                quantized.save_quantized(self.model, temporary, precision)
            self.tokenizer.save_pretrained(temporary)
            if self._has("density", DENSITY_FILE):
                self.density.save_pretrained(temporary / DENSITY_FILE)

    def _has(self, name: str, file: str) -> bool:
        return name in self.__dict__ or (self.path is not None and (self.path / file).exists())

    @property
    def latent_dim(self) -> int:
        """d, the size of a latent."""
        return self.model.config.latent_dim

    @property
    def pooled_dim(self) -> int:
        """m, the size of a latent's pooled part; d where the latent has no other."""
        return self.model.pooled_dim

    def pooled(self, z: Tensor) -> Tensor:
        """The pooled part (n, m) of latents (n, d)."""
        return self._checked(z)[:, : self.pooled_dim]

    @property
    def null(self) -> Tensor:
        """The learned null latent, which says nothing, shape (1, m)."""
        return self.model.null.detach().float().cpu()[None]

    @torch.no_grad()
    def embed(self, z: Tensor) -> Tensor:
        """What texts mean: sentence embeddings (n, e), of unit length, of pooled latents (n, m).

        They are those of the teacher that the model was trained with, as far as the latents can tell; without a
        teacher, the latents themselves.
        """
        return self.model.embed(z.to(self.model.device)).float().cpu()

    @property
    def max_tokens(self) -> int:
        """Most tokens that a text may have."""
        return self.model.config.positions - 1  # one is for the end token

    @cached_property
    def fingerprint(self) -> str:
        """What identifies the space: heads and directions of one space mean nothing in another (SHA-256, 16 digits)."""
        digest = hashlib.sha256(json.dumps(self.tokenizer.get_vocab(), sort_keys=True).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            # Weights may be stored with fewer digits than they are used with: these bits decide.
            digest.update(tensor.detach().to("cpu", torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def density(self) -> LatentDensity:
        """How the latents of the training texts are distributed.

        Raises:
            LatentoptError: if the model directory has none.
        """
        file = None if self.path is None else self.path / DENSITY_FILE
        if file is None or not file.exists():
            raise LatentoptError(
                "this model has no density of its training latents; make one: "
                "space.density = LatentDensity.fit(space.encode(texts)), then space.save_pretrained(directory)"
            )
        return LatentDensity.from_pretrained(file)

    def lengths(self, texts: Collection[str]) -> list[int]:
        """Number of tokens of each text, the end token left out."""
        return [len(ids) - 1 for ids in token_ids(self.tokenizer, list(texts))]  # a blank text has a length, too

    def survives(self, texts: Collection[str]) -> list[bool]:
        """Whether each text comes back from its tokens, white space aside: some tokenizers lose characters."""
        texts = checked_texts(texts)
        again = to_texts(self.tokenizer, token_ids(self.tokenizer, texts))
        return [a.split() == b.split() for a, b in zip(texts, again, strict=True)]

    @torch.no_grad()
    def encode(self, texts: Collection[str], *, batch_size: int = 128) -> Tensor:
        """Texts to latents.

        Args:
            texts: n texts, in a list, a tuple, an array or a column of a data frame. What is beyond `max_tokens` does
                not reach the latent; a TruncationWarning says how much.
            batch_size: texts per forward pass.

        Returns:
            Latents, shape (n, d).

        Raises:
            LatentoptError: if a text is blank, missing or no string, or `texts` is one string (see `checked_texts`).
        """
        ids = self._token_ids(texts)
        out = torch.empty(len(ids), self.latent_dim)
        for rows in batches(ids, batch_size):
            with quick(self.model.device):
                out[rows] = self.model.encode(*batch_of(self.model, [ids[i] for i in rows])).float().cpu()
        return out

    @torch.no_grad()
    def decode(
        self,
        z: Tensor,
        *,
        batch_size: int = 256,
        num_beams: int = 1,
        temperature: float | None = None,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[str]:
        """Latents to texts.

        Args:
            z: latents, shape (n, d).
            batch_size: latents decoded together.
            num_beams: beams of a beam search; 1 is greedy.
            temperature: sample tokens at this temperature; None takes the likeliest ones.
            top_p: sample from the likeliest tokens that have this share of the probability (Holtzman et al. 2020).
            seed: of the sampling.

        Raises:
            LatentoptError: if z has another shape, or a value that is not finite.
        """
        z = self._checked(z)
        texts: list[str] = []
        if not len(z):
            return texts
        if num_beams > 1 and temperature is not None:
            raise LatentoptError("beams look for the likeliest text and a temperature samples; ask for one of the two")
        for number, part in enumerate(z.split(batch_size)):
            memory = self.model.memory(part.to(self.model.device))
            if num_beams > 1:
                ids = self.model.generate(
                    encoder_outputs=memory, max_new_tokens=self.model.config.positions, num_beams=num_beams
                )[:, 1:]
            elif temperature is not None:
                first = number * batch_size
                ids = write_sampled(self.model, memory, temperature=temperature, top_p=top_p, seed=seed, first=first)
            else:
                ids = write_greedily(self.model, memory)
            texts += to_texts(self.tokenizer, ids.tolist())
        return texts

    def invert(
        self,
        texts: Collection[str],
        *,
        steps: int = inversion.STEPS,
        step: float = inversion.STEP,
        noise: float = inversion.NOISE,
        pull: float = inversion.PULL,
        batch_size: int = 64,
        seed: int = 0,
    ) -> Inversion:
        """Latents that decode to the texts: the encoder's where those do, else found by gradient steps from them.

        Args:
            texts: n texts. Of one beyond `max_tokens`, the part within is meant; a TruncationWarning says so.
            steps, step, noise, pull, seed: see `latentopt.space.inversion.invert`.
            batch_size: texts that are inverted together.

        Returns:
            Their latents, and whether these decode to the texts; where no step did, the encoder's.

        Raises:
            LatentoptError: as `encode` does.
        """
        encoded = self.encode(texts)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TruncationWarning)  # once is enough
            ids = self._token_ids(texts)
        return inversion.invert_all(
            self.model,
            encoded,
            ids,
            steps=steps,
            step=step,
            noise=noise,
            pull=pull,
            batch_size=batch_size,
            seed=seed,
        )

    def interpolate(self, a: Collection[str], b: Collection[str], *, steps: int = 11) -> list[list[str]]:
        """The texts on the way between each text of `a` and its partner in `b`, both ends included.

        The way is the arc of a great circle (spherical linear interpolation, Shoemake 1985; White 2016, "Sampling
        generative networks", section 2.1): nearly all of N(0, I) lies near a sphere, and the straight line does not.

        Returns:
            For each pair a list of `steps` texts.
        """
        if len(a) != len(b) or steps < 2:
            raise LatentoptError(
                f"interpolation needs as many ends as starts and two steps or more, got {len(a)}, {len(b)}, {steps}"
            )
        start, end = self.encode(a), self.encode(b)  # (n, d)
        texts = self.decode(arc(start, end, steps).flatten(0, 1))
        return [texts[i : i + steps] for i in range(0, len(texts), steps)]

    def sample(self, n: int, *, seed: int = 0, temperature: float | None = None) -> list[str]:
        """Texts of n latents drawn from the prior N(0, I)."""
        return self.decode(self.draw(n, seed=seed), temperature=temperature, seed=seed)

    def draw(self, n: int, *, seed: int = 0) -> Tensor:
        """Draw n latents from the prior N(0, I), shape (n, d)."""
        return torch.randn(n, self.latent_dim, generator=torch.Generator().manual_seed(seed))

    def words(self, texts: Collection[str]) -> list[Words]:
        """The words of texts, and their tokens."""
        return words_of(self.tokenizer, checked_texts(texts))

    @torch.no_grad()
    def fill(
        self,
        words: Words | Sequence[Words],
        spans: Sequence[Sequence[Span]],
        z: Tensor,
        sampling: Sampling,
        *,
        against: Tensor | None = None,
        forbidden: Tensor | None = None,
    ) -> list[str | None]:
        """Write the words of some spans of a text anew, or of n texts.

        Args:
            words: the text, or n of them. spans: n times spans to fill, (first word, the one after the last), in order
                and a word apart; an empty span inserts.
            z: what the fills shall say, pooled latents (n, m).
            sampling: how they are sampled, the guidance included.
            against: what they are steered away from, (n, m); None: nothing, whatever the guidance.
            forbidden: tokens that no fill may have, (vocabulary,) booleans.

        Returns:
            n texts; what is not in a span is kept as it was. None where a fill did not end.

        Raises:
            LatentoptError: if the tokenizer has no sentinels, and the model has therefore never filled a span.
        """
        sentinels = sentinel_ids(self.tokenizer)
        if not sentinels:
            raise LatentoptError("this model was not trained to fill spans: its tokenizer has no <extra_id_0>")
        each = [words] * len(spans) if isinstance(words, Words) else words
        sources = [self._masked(one, there, sentinels) for one, there in zip(each, spans, strict=True)]
        with quick(self.model.device):
            found = write_fills(
                self.model,
                sources,
                z.to(self.model.device),
                None if against is None else against.to(self.model.device),
                sampling,
                sentinels=sentinels,
                special=self.tokenizer.all_special_ids,
                forbidden=forbidden,
            )
        return [
            None if fills is None else with_fills(one, there, [str(self.tokenizer.decode(fill)) for fill in fills])
            for one, there, fills in zip(each, spans, found, strict=True)
        ]

    def at_work(self) -> AbstractContextManager[Any]:
        """A context in which weights that were rounded for quick computing stay so, and are not at each call."""
        return torch.autocast(self.model.device.type, torch.bfloat16, enabled=False)

    def _masked(self, words: Words, spans: Sequence[Span], sentinels: Sequence[int]) -> Masked:
        return masked(words, spans, sentinels, end=self.model.config.eos_token_id)

    @torch.no_grad()
    def log_likelihood(self, texts: Collection[str], z: Tensor | None = None, *, batch_size: int = 64) -> Tensor:
        """Mean log-probability per token (nats), the end token included, of each text, shape (n,).

        Args:
            texts: n texts.
            z: given their latents (n, d) or the pooled parts of these (n, m); None: given the null latent, that is, to
                the network as a language model.
            batch_size: texts per forward pass.
        """
        ids = self._token_ids(texts)
        z = self.null.expand(len(ids), -1) if z is None else z
        losses = token_losses(self.model, ids, z, batch_size)
        return torch.tensor([-loss.mean().item() for loss in losses])

    @torch.no_grad()
    def surprise(self, texts: Collection[str], *, with_states: bool = False, batch_size: int = 64) -> list[Surprise]:
        """What each token of n texts costs the network as a language model, given the null latent.

        Texts that begin as the first does cost less: what they share is read once.

        Args:
            texts: n texts. with_states: keep the decoder's states behind each token, too (`scoring.DEPTH`).
            batch_size: texts per forward pass.
        """
        ids = self._token_ids(texts)
        places = token_places(self.tokenizer, list(texts))
        found: list[Surprise] = []
        for start in range(0, len(ids), batch_size):
            with quick(self.model.device):
                read = surprise_of(self.model, ids[start : start + batch_size])
            for place, (nats, states) in enumerate(read, start):
                characters = places[place][: len(states)]
                kept = TokenStates(states, characters) if with_states else None
                found.append(Surprise([end for _, end in characters], nats.tolist(), kept))
        return found

    def _token_ids(self, texts: Collection[str]) -> list[list[int]]:
        return within(self.max_tokens, token_ids(self.tokenizer, checked_texts(texts)))

    def _checked(self, z: Tensor) -> Tensor:
        z = torch.as_tensor(z, dtype=torch.float32)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise LatentoptError(f"latents of this space have the shape (n, {self.latent_dim}), got {tuple(z.shape)}")
        if not torch.isfinite(z).all():
            raise LatentoptError("latents must be finite numbers, but some are infinite or not a number")
        return z

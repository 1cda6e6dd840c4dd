"""A T5 from a causal language model of Llama's architecture: its weights, its vocabulary cut, its positions fitted.

A Llama block is a UMT5 block (T5 v1.1 with relative biases in every layer) but for its positions. T5Gemma adapts a
causal model to an encoder-decoder in the same way (Zhang et al. 2025, "Encoder-Decoder Gemma"); there both sides are
rotary, so that positions carry over. Here rotary positions (Su et al. 2021) become relative biases by least squares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from latentopt.model.padding import padded
from latentopt.model.tokenizer import END, PAD, SENTINELS

FAR = 64  # distances counted one by one; all beyond are taken for the last that was seen often enough
BUCKETS = 128  # of UMT5: exact below 64 in the decoder, below 32 each way in the encoder
LEAST_GAIN = 1e-3  # a smaller one would be divided by
SEEN_OFTEN = 1.0  # attention that a distance has got in all, below which its bias is not to be trusted
START = "<s>"


def cut_tokenizer(tokenizer: PreTrainedTokenizerBase, size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE with its first merges alone, padding, start and end, and sentinels behind them.

    Every byte keeps its token, so that every text can still be written.

    Args:
        tokenizer: a fast byte-level BPE tokenizer.
        size: tokens of the new vocabulary in all; those kept have the ids that they had.

    Raises:
        ValueError: if the tokenizer is of another kind, or `size` does not hold its bytes.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    if state["model"]["type"] != "BPE":
        raise ValueError(f"the vocabulary of a BPE can be cut, this one is {state['model']['type']}")
    added = [PAD, START, END, *SENTINELS]
    # Some vocabularies lack rare bytes: control characters, and those that UTF-8 never has.
    rare = sorted(set(ByteLevel.alphabet()) - set(state["model"]["vocab"]))
    kept = size - len(added) - len(rare)
    vocabulary = {token: i for token, i in state["model"]["vocab"].items() if i < kept}
    vocabulary |= {letter: kept + i for i, letter in enumerate(rare)}
    if any(letter not in vocabulary for letter in ByteLevel.alphabet()):
        raise ValueError(f"a byte-level vocabulary of {size} tokens must hold all 256 bytes; take a larger size")
    first = kept + len(rare)
    merges = []
    for merge in state["model"]["merges"]:
        left, right = merge if isinstance(merge, list) else merge.split(" ")
        if left in vocabulary and right in vocabulary and left + right in vocabulary:
            merges.append([left, right])
    state["model"] |= {"vocab": vocabulary | {token: first + i for i, token in enumerate(added)}, "merges": merges}
    state["model"]["unk_token"] = None
    state["post_processor"] = None
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    state["added_tokens"] = [{"id": first + i, "content": token, **plain} for i, token in enumerate(added)]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        additional_special_tokens=list(SENTINELS),
        clean_up_tokenization_spaces=False,
        split_special_tokens=True,  # a text that happens to contain "</s>" means these four characters
    )


@dataclass
class _Moments:
    """Weighted sums over the pairs of positions of real texts, for each layer: what the fit needs.

    With P_f(m, n) the part of q_m . k_n / sqrt(d) in frequency pair f, s the rotary score, w the weight of a pair:
    count, score: sums of w and w s by distance, (layers, h, FAR). part: of w P_f by distance, (layers, h, FAR, d / 2).
    square: of w P_f P_g, (layers, h, d / 2, d / 2). cross: of w P_f s, (layers, h, d / 2).
    """

    count: Tensor
    score: Tensor
    part: Tensor
    square: Tensor
    cross: Tensor

    @classmethod
    def zeros(cls, layers: int, heads: int, half: int) -> _Moments:
        shape = (layers, heads)
        return cls(
            torch.zeros(*shape, FAR),
            torch.zeros(*shape, FAR),
            torch.zeros(*shape, FAR, half),
            torch.zeros(*shape, half, half),
            torch.zeros(*shape, half),
        )

    def add(self, layer: int, q: Tensor, k: Tensor, mask: Tensor, theta: float) -> None:
        """See a batch: q and k before rotation, (b, h, t, d), and mask (b, t), true for a token."""
        size, time = q.shape[3], torch.arange(q.shape[2])
        angle = time[:, None] * theta ** -(torch.arange(0, size, 2) / size)  # (t, d / 2)
        score = _rotated(q, angle) @ _rotated(k, angle).mT / size**0.5  # (b, h, t, t)
        seen = (time[:, None] >= time) & mask[:, None, None] & mask[:, None, :, None]
        weight = score.masked_fill(~seen, -1e9).softmax(-1) + 0.3 / (time[:, None] + 1)
        weight = weight * seen
        part = torch.einsum("bhmcf,bhncf->bhmnf", *(x.unflatten(3, (2, -1)) for x in (q, k))) / size**0.5
        at = F.one_hot((time[:, None] - time).clamp(0, FAR - 1), FAR).float()  # (t, t, FAR)
        self.count[layer] += torch.einsum("bhmn,mnt->ht", weight, at)
        self.score[layer] += torch.einsum("bhmn,mnt->ht", weight * score, at)
        flat = (weight[..., None] * part).sum(0)  # (h, t, t, d / 2)
        self.part[layer] += torch.einsum("hmnf,mnt->htf", flat, at)
        rows = part.transpose(0, 1).flatten(1, 3)  # (h, b t t, d / 2)
        weighted = rows * weight.transpose(0, 1).flatten(1)[..., None]
        self.square[layer] += weighted.mT @ rows
        self.cross[layer] += (weighted.mT @ score.transpose(0, 1).flatten(1)[..., None])[..., 0]

    def solve(self, layer: int) -> tuple[Tensor, Tensor]:
        """The factors (h, d / 2) and biases (h, FAR) that come nearest to the rotary scores.

        For given factors the best bias at a distance is a mean, b = E[s] - sum_f a_f E[P_f]; put in, the factors solve
        the normal equations of moments about these means, with a ridge of 1%.
        """
        count = self.count[layer].clamp(min=1e-6)
        part, score = self.part[layer] / count[..., None], self.score[layer] / count
        square = self.square[layer] - torch.einsum("ht,htf,htg->hfg", count, part, part)
        cross = self.cross[layer] - torch.einsum("ht,htf,ht->hf", count, part, score)
        ridge = 0.01 * square.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(square.shape[1])
        factors = torch.linalg.solve(square + ridge, cross[..., None])[..., 0]
        bias = score - torch.einsum("hf,htf->ht", factors, part)
        rare = self.count[layer] < SEEN_OFTEN
        last = ((~rare).long().sum(1, keepdim=True) - 1).clamp(min=0)
        return factors, torch.where(rare, bias.gather(1, last), bias)


def _rotated(x: Tensor, angle: Tensor) -> Tensor:
    cos, sin = (torch.cat([f(angle)] * 2, -1) for f in (torch.cos, torch.sin))
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


@torch.no_grad()
def fit_positions(model: LlamaForCausalLM, batches: Iterator[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Relative biases, and factors of q's frequency pairs, that come nearest to a model's rotary positions.

    For each head, over real texts, q R(distance) k / sqrt(d) is fitted by sum_f a_f (q k)_f / sqrt(d) + b(distance)
    in least squares, each pair of positions weighted by the attention that it gets and a little more.

    Args:
        model: in evaluation mode.
        batches: token ids (b, t) and mask (b, t), true for a token; 300 texts will do.

    Returns:
        For each layer the factors (heads, d / 2) and the biases by distance (heads, FAR).

    Raises:
        ValueError: for rotary positions of another kind than Llama's own.
    """
    config = model.config
    rope: dict[str, Any] = config.rope_parameters  # type: ignore[assignment]  # its type allows for none
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"only plain rotary positions can be fitted, this model has {rope['rope_type']!r}")
    heads, size = config.num_attention_heads, _head_size(config)
    moments = _Moments.zeros(config.num_hidden_layers, heads, size // 2)
    seen: dict[str, Tensor] = {}
    hooks = []
    for layer in model.model.layers:
        for name in ("q_proj", "k_proj"):

            def keep(_module: nn.Module, _inputs: Any, out: Tensor, name: str = name) -> None:
                x = out.unflatten(2, (-1, size)).transpose(1, 2)
                seen[name] = x.repeat_interleave(heads // x.shape[1], 1)

            hooks.append(getattr(layer.self_attn, name).register_forward_hook(keep))

        def add(module: Any, _inputs: Any, _out: Any) -> None:
            moments.add(module.layer_idx, seen["q_proj"], seen["k_proj"], mask, rope["rope_theta"])

        hooks.append(layer.self_attn.register_forward_hook(add))
    try:
        for ids, mask in batches:
            model.model(ids, attention_mask=mask.long())
    finally:
        for hook in hooks:
            hook.remove()
    return [moments.solve(i) for i in range(config.num_hidden_layers)]


def _head_size(config: Any) -> int:
    return int(config.head_dim or config.hidden_size // config.num_attention_heads)


def adapted_config(
    llama: Any, *, vocab_size: int, layers: Sequence[int], encoder_layers: Sequence[int], pad: int, start: int, end: int
) -> UMT5Config:
    """The configuration of a UMT5 that takes over layers of a Llama."""
    return UMT5Config(
        vocab_size=vocab_size,
        d_model=llama.hidden_size,
        d_kv=_head_size(llama),
        d_ff=llama.intermediate_size,
        num_layers=len(encoder_layers),
        num_decoder_layers=len(layers),
        num_heads=llama.num_attention_heads,
        relative_attention_num_buckets=BUCKETS,
        relative_attention_max_distance=BUCKETS,
        dropout_rate=0.0,
        layer_norm_epsilon=llama.rms_norm_eps,
        feed_forward_proj=f"gated-{llama.hidden_act}",
        pad_token_id=pad,
        eos_token_id=end,
        decoder_start_token_id=start,
        # It says only that outputs are not scaled: UMT5 always ties. (The stub of its type lacks this argument.)
        tie_word_embeddings=False,  # type: ignore[call-arg]
    )


@torch.no_grad()
def copy_block(block: Any, layer: Any, *, position: tuple[Tensor, Tensor] | None, backward: bool, config: Any) -> None:
    """Put the weights of a Llama layer into the self-attention and feed-forward of a UMT5 block.

    Args:
        block: of the decoder or encoder. layer: a LlamaDecoderLayer.
        position: factors (h, d / 2) and biases (h, FAR) of its rotary positions; None leaves positions out.
        backward: whether the block looks back only, as a decoder's does; else the biases are mirrored.
        config: the Llama's.
    """
    heads, size = config.num_attention_heads, _head_size(config)
    attention, theirs = block.layer[0].SelfAttention, layer.self_attn
    factors = torch.ones(heads, size // 2) if position is None else position[0]
    q = theirs.q_proj.weight.unflatten(0, (heads, size))  # (h, d, d_model)
    # T5 leaves out the 1 / sqrt(d) of the scores.
    attention.q.weight.copy_((q * torch.cat([factors, factors], 1)[..., None] * size**-0.5).flatten(0, 1))
    for ours, name in ((attention.k, "k_proj"), (attention.v, "v_proj")):
        grouped = getattr(theirs, name).weight.unflatten(0, (-1, size))
        ours.weight.copy_(grouped.repeat_interleave(heads // grouped.shape[0], 0).flatten(0, 1))
    attention.o.weight.copy_(theirs.o_proj.weight)
    attention.relative_attention_bias.weight.zero_()
    if position is not None:
        distance = torch.arange(BUCKETS)
        for sign in (-1,) if backward else (-1, 1):
            bucket = attention._relative_position_bucket(sign * distance)
            for b in bucket.unique().tolist():
                there = position[1][:, distance[bucket == b].clamp(max=FAR - 1)]
                attention.relative_attention_bias.weight[b] = there.mean(1)
    block.layer[0].layer_norm.weight.copy_(layer.input_layernorm.weight)
    feed, theirs = block.layer[-1].DenseReluDense, layer.mlp
    feed.wi_0.weight.copy_(theirs.gate_proj.weight)
    feed.wi_1.weight.copy_(theirs.up_proj.weight)
    feed.wo.weight.copy_(theirs.down_proj.weight)
    block.layer[-1].layer_norm.weight.copy_(layer.post_attention_layernorm.weight)


@torch.no_grad()
def t5_from_causal_lm(
    name_or_path: str | Path,
    texts: Sequence[str],
    *,
    gguf_file: str | None = None,
    layers: Sequence[int] | None = None,
    encoder_layers: Sequence[int] = range(6),
    vocab_size: int = 16384,
    max_tokens: int = 64,
) -> tuple[UMT5ForConditionalGeneration, PreTrainedTokenizerFast]:
    """A UMT5 that starts as good as a causal language model of Llama's architecture.

    Its decoder writes as the language model does until its cross-attention, whose output starts at zero, is trained.
    Its encoder has the same layers looking both ways; the gains of its last norm make every dimension of real texts of
    unit size, since one massive dimension would drown the others.

    Args:
        name_or_path: a directory or a hub name. gguf_file: a file in it to read the weights from.
        texts: some hundred real texts, to fit the positions and to measure the encoder's states on.
        layers: of the language model, for the decoder; None takes all.
        encoder_layers: for the encoder.
        vocab_size: tokens that are kept, sentinels included.
        max_tokens: of each text that are read.

    Returns:
        The network in fp32, and its tokenizer.

    Raises:
        ValueError: if the model is no Llama, or has biases, or positions of another kind.
    """
    options = {"gguf_file": gguf_file} if gguf_file else {}
    llama = AutoModelForCausalLM.from_pretrained(name_or_path, dtype=torch.float32, **options).eval()
    old = AutoTokenizer.from_pretrained(name_or_path, **options)
    config = llama.config
    if config.model_type != "llama" or config.attention_bias or config.mlp_bias:
        raise ValueError(f"a causal model of Llama's architecture without biases is needed, got {config.model_type!r}")
    tokenizer = cut_tokenizer(old, vocab_size)
    layers = list(range(config.num_hidden_layers)) if layers is None else list(layers)
    ids = [old(text, add_special_tokens=False).input_ids[: max_tokens - 1] for text in texts]
    start = old.bos_token_id if old.bos_token_id is not None else old.eos_token_id
    positions = fit_positions(llama, _batches([[start, *row] for row in ids], pad=start))
    new = adapted_config(
        config,
        vocab_size=vocab_size,
        layers=layers,
        encoder_layers=encoder_layers,
        pad=tokenizer.pad_token_id,
        start=tokenizer.bos_token_id,
        end=tokenizer.eos_token_id,
    )
    t5 = UMT5ForConditionalGeneration(new).eval()
    # The new tokens start as what the old model knows most like them.
    old_ids, vocabulary = old.get_vocab(), tokenizer.get_vocab()
    embeddings = llama.model.embed_tokens.weight[:vocab_size].clone()
    new_ones = sorted(i for token, i in vocabulary.items() if old_ids.get(token) != i)
    noise = torch.randn(len(new_ones), embeddings.shape[1], generator=torch.Generator().manual_seed(0))
    embeddings[new_ones] = embeddings.mean(0) + 0.02 * noise
    embeddings[tokenizer.bos_token_id] = llama.model.embed_tokens.weight[start]
    if old.eos_token_id is not None:
        embeddings[tokenizer.eos_token_id] = llama.model.embed_tokens.weight[old.eos_token_id]
    t5.shared.weight.copy_(embeddings)
    for block, number in zip(t5.decoder.block, layers, strict=True):
        copy_block(block, llama.model.layers[number], position=positions[number], backward=True, config=config)
    t5.decoder.final_layer_norm.weight.copy_(llama.model.norm.weight)
    for block, number in zip(t5.encoder.block, encoder_layers, strict=True):
        copy_block(block, llama.model.layers[number], position=positions[number], backward=False, config=config)
    new_ids = [tokenizer(text, add_special_tokens=False).input_ids[: max_tokens - 1] for text in texts]
    total, count = torch.zeros(config.hidden_size), 0
    for batch, mask in _batches([[*row, tokenizer.eos_token_id] for row in new_ids], pad=tokenizer.pad_token_id):
        states = t5.encoder(input_ids=batch, attention_mask=mask.long()).last_hidden_state[mask]
        total += states.square().sum(0)
        count += len(states)
    t5.encoder.final_layer_norm.weight.copy_((total / count).clamp(min=1e-8).rsqrt())
    start_cross_attention(t5)
    return t5, tokenizer


@torch.no_grad()
def start_cross_attention(t5: UMT5ForConditionalGeneration) -> None:
    """Let cross-attention look at the encoder's states as its layer looks at its own, with an output of zero.

    The gains of the encoder's last norm are taken back as far as they go. Attention that looks at something from the
    first step on learns sooner than one that must find out what there is.
    """
    gains = t5.encoder.final_layer_norm.weight.clamp(min=LEAST_GAIN)
    block: Any  # the types of a ModuleList's modules are lost
    for block in t5.decoder.block:
        own, cross = block.layer[0].SelfAttention, block.layer[1].EncDecAttention
        norm = block.layer[0].layer_norm.weight
        cross.q.weight.copy_(own.q.weight)
        cross.k.weight.copy_(own.k.weight * norm / gains)
        cross.v.weight.copy_(own.v.weight * norm / gains)
        cross.o.weight.zero_()
        block.layer[1].layer_norm.weight.copy_(norm)


def _batches(rows: list[list[int]], *, pad: int, size: int = 20) -> Iterator[tuple[Tensor, Tensor]]:
    rows = sorted(rows, key=len)
    for first in range(0, len(rows), size):
        part = rows[first : first + size]
        ids, mask = padded(part, pad, width=len(part[-1]))
        yield ids, mask.bool()

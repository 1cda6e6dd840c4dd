"""Train or load a tokenizer that loses no input byte."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, BatchEncoding, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from latentopt.errors import LatentoptError

PAD, END, MASK = "<pad>", "</s>", "<mask>"  # ids 0, 1, 2; T5's numbers for the first two
SENTINELS = tuple(f"<extra_id_{i}>" for i in range(8))


def train_tokenizer(texts: Iterable[str], *, vocab_size: int = 8192) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer (Sennrich et al. 2016; bytes as in Radford et al. 2019).

    Every byte is in the vocabulary and nothing is normalised, so that any string of Unicode characters comes back
    exactly.

    Args:
        texts: the corpus.
        vocab_size: number of token ids, at least 267 (256 bytes and 11 special tokens).
    """
    if vocab_size < 267:
        raise LatentoptError(
            f"the vocabulary must hold 256 bytes and 11 special tokens, got vocab_size={vocab_size}; use at least 267"
        )
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[PAD, END, MASK, *SENTINELS],
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        mask_token=MASK,
        additional_special_tokens=list(SENTINELS),
        clean_up_tokenization_spaces=False,
        split_special_tokens=True,  # a text that happens to contain "</s>" means these four characters
    )


def load_tokenizer(directory: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a saved model (or of any T5: then what it loses is lost)."""
    return AutoTokenizer.from_pretrained(directory)


def sentinel_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids of the sentinels that stand for masked spans, in order: T5's `<extra_id_0>` and so on; empty without any."""
    known = tokenizer.get_vocab()
    return [known[token] for token in SENTINELS if token in known]


def token_places(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    """The characters, from and to, that each token of `token_ids` covers, those of the end token left out.

    Args:
        tokenizer: a fast one. texts: n texts.
    """
    return [[*places] for places in encoded_texts(tokenizer, texts, return_offsets_mapping=True)["offset_mapping"]]


def token_ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, its end token included, whatever its length.

    Raises:
        LatentoptError: for a text with a lone surrogate, which is no character and has no bytes.
    """
    if not texts:
        return []
    try:
        encoded = encoded_texts(tokenizer, texts)
    except (UnicodeEncodeError, TypeError) as error:
        broken = [i for i, text in enumerate(texts) if any("\ud800" <= c <= "\udfff" for c in text)]
        if not broken:
            raise
        raise LatentoptError(
            f"a text must be made of Unicode characters, but text {broken[0]} holds a lone surrogate; "
            "read the file with errors='replace' or remove it"
        ) from error
    return [[*ids, tokenizer.eos_token_id] for ids in encoded["input_ids"]]


def encoded_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], **asked: bool) -> BatchEncoding:
    """Texts as they are read everywhere, without an end: what spells a special token means its characters."""
    return tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True, verbose=False, **asked)


def to_texts(tokenizer: PreTrainedTokenizerBase, ids: Sequence[Sequence[int]]) -> list[str]:
    """Token ids back to texts, each up to its first end token; bytes that make no character are left out."""
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    cut = []
    for row in ids:
        row = list(row)
        row = row[: row.index(end)] if end in row else row
        cut.append([i for i in row if i != pad])
    texts = tokenizer.batch_decode(cut, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return [_whole(tokenizer, ids, text) for ids, text in zip(cut, texts, strict=True)]


def token_texts(tokenizer: PreTrainedTokenizerBase, n: int) -> list[str]:
    """What each of n tokens says behind others: of one that begins a word, the space too; of a special one nothing."""
    anchor = token_ids(tokenizer, ["a"])[0][:-1]  # alone, tokens of SentencePiece lose their space
    decode = tokenizer.backend_tokenizer.decode_batch
    (said,) = decode([anchor])
    return [text.removeprefix(said) for text in decode([[*anchor, i] for i in range(n)])]


def _whole(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], text: str) -> str:
    """A decoded text without the U+FFFD that stand for bytes of no character; those that its tokens spell stay."""
    if "\ufffd" not in text:
        return text
    letters = "".join(tokenizer.convert_ids_to_tokens(list(ids), skip_special_tokens=True))
    if not all(letter in BYTE_OF for letter in letters):  # tokens of another kind
        return text
    return bytes(BYTE_OF[letter] for letter in letters).decode(errors="ignore")


def _bytes_of_letters() -> dict[str, int]:
    """The letters that stand for bytes in byte-level tokens (Radford et al. 2019): printable ones for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


BYTE_OF = _bytes_of_letters()

"""Tokenizers: WordPiece (BERT), byte-level BPE (GPT-2), SentencePiece.

    tokenizer = ath.text.WordPiece("vocab.txt")
    batch = tokenizer(["a text", "another"], max_length=128)   # ids, types, mask, lengths: int64 tensors
    logits = model(batch["ids"], types=batch["types"], mask=batch["mask"])
"""
import os

from . import _athanor as _c
from . import errors


class Tokenizer:
    """What all tokenizers do."""

    def __init__(self, native, start=None, separator=None, padding=0):
        self._native = native
        #: ids of the tokens that stand before, and behind each text, and fill a batch; None: no token
        self.start_id, self.separator_id, self.padding_id = start, separator, padding

    def __len__(self):
        return len(self._native)

    def encode(self, text):
        """The ids of a text's tokens, a list of ints, without special ones around it."""
        return self._native.encode(text)

    def spans(self, text):
        """(id, begin, end) of each token; begin and end count characters of the text."""
        return self._native.spans(text)

    def tokens(self, text):
        """The tokens of a text as texts."""
        return [self._native.token(i) for i in self._native.encode(text)]

    def decode(self, ids):
        """The text of ids: a sequence of ints or an integer tensor."""
        return self._native.decode(ids.tolist() if isinstance(ids, _c.Tensor) else list(ids))

    def id_to_token(self, number):
        return self._native.token(number)

    def token_to_id(self, token):
        """The id of a token, or None."""
        return self._native.id_of(token)

    def __call__(self, texts, pairs=None, max_length=0, pad_to_max_length=False):
        """Texts as one batch: {"ids", "types", "mask": int64 [N, T], "lengths": int64 [N], "cut": int}.

        pairs: a second text for each. max_length, special tokens included: longer ones are cut, the longer of a
        pair first, and "cut" says how many; 0: no limit.
        """
        if isinstance(texts, str):
            raise TypeError("a batch needs a list of texts; for one text use [text] or encode(text)")
        if max_length < 0 or (pad_to_max_length and not max_length):
            raise errors.ValueError(f"max_length is {max_length}; it must be positive, or 0 for no limit")
        return self._native.batch(list(texts), None if pairs is None else list(pairs), self.start_id,
                                  self.separator_id, max_length, self.padding_id, pad_to_max_length)


class WordPiece(Tokenizer):
    """BERT's tokenizer. vocabulary: the path of a vocab.txt, or a list of tokens.

    lower_case; strip_accents: default as lower_case; split_chinese: each Chinese character is a word; max_word:
    characters, a longer word is unknown. Batches are [CLS] a [SEP] b [SEP].
    """

    def __init__(self, vocabulary, lower_case=True, strip_accents=None, split_chinese=True, max_word=100,
                 unknown="[UNK]"):
        given = os.fspath(vocabulary) if isinstance(vocabulary, (str, os.PathLike)) else list(vocabulary)
        native = _c._wordpiece(given, lower_case, strip_accents, split_chinese, max_word, unknown)
        super().__init__(native, native.id_of("[CLS]"), native.id_of("[SEP]"), native.id_of("[PAD]") or 0)


class BytePairEncoding(Tokenizer):
    """GPT-2's byte-level BPE. vocabulary: vocab.json; merges: merges.txt.

    special: tokens that are kept whole in a text. Batches have no special tokens and are filled with the first.
    """

    def __init__(self, vocabulary, merges, special=("<|endoftext|>",)):
        native = _c._byte_pair(os.fspath(vocabulary), os.fspath(merges), list(special))
        ends = [native.id_of(s) for s in special]
        super().__init__(native, padding=next((i for i in ends if i is not None), 0))


class SentencePiece(Tokenizer):
    """A SentencePiece model (unigram or bpe). path: the .model file. Batches begin with <s> and end with </s>."""

    def __init__(self, path):
        native = _c._sentencepiece(os.fspath(path))
        self.unknown_id, start, end, padding = native.special()
        super().__init__(native, start, end, padding or 0)

    def normalize(self, text):
        """The text as the model sees it, spaces as U+2581."""
        return self._native.normalized(text)


__all__ = ["BytePairEncoding", "SentencePiece", "Tokenizer", "WordPiece"]

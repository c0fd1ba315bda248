"""Tokenizers against the published ones: SentencePiece's own library, and the algorithms of BERT and GPT-2."""
import json
import os
import pathlib
import random
import re
import tempfile
import unicodedata
import unittest

import sentencepiece

import athanor as ath

DATA = pathlib.Path(os.environ.get("ATHANOR_TEST_DATA",
                                   pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))
VOCAB = DATA / "vocab"
if not VOCAB.is_dir():
    raise SystemExit(f"{VOCAB} is missing: set ATHANOR_TEST_DATA to the folder of test data")

POOLS = ["abcdefgh ijk lmn  opqrst uvwxyz", "ABC Éàöß ÑİΣσς ", "0123456789 ½²③", ".,;:!?'\"()[]{}<>-_/\\@#$%^&*+=`~|",
         "中文字符日本語テキストかなハングル한국어", "\t\n\r \u00a0\u2003\u2028\u2029\u3000\x85\x1c", "😀🎉👩‍👩‍👧é\u0301\u0308ﬁ①㍿", "the 's 't 're can't we'll "]


def texts(count, seed):
    """Random texts of all kinds of characters, and lines of a book."""
    draw = random.Random(seed)
    for _ in range(count):
        yield "".join(draw.choice(draw.choice(POOLS)) for _ in range(draw.randrange(40)))
    book = (DATA / "lm" / "botchan.txt").read_text(encoding="utf-8").splitlines()
    yield from book[:count]


# BERT's tokenizer as google-research/bert publishes it, in the plainest Python.

def bert(text, vocabulary, lower):
    def punctuation(c):
        return 33 <= ord(c) <= 47 or 58 <= ord(c) <= 64 or 91 <= ord(c) <= 96 or 123 <= ord(c) <= 126 or \
            unicodedata.category(c).startswith("P")

    def chinese(c):
        return any(a <= ord(c) <= b for a, b in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF),
                                                 (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
                                                 (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)))
    cleaned = ""
    for c in text:
        if c in " \t\n\r" or unicodedata.category(c) == "Zs":
            cleaned += " "
        elif ord(c) not in (0, 0xFFFD) and not unicodedata.category(c).startswith("C"):
            cleaned += f" {c} " if chinese(c) else c
    out = []
    for word in cleaned.split():
        if lower:
            word = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn")
        parts = [""]
        for c in word:
            parts += [c, ""] if punctuation(c) else []
            if not punctuation(c):
                parts[-1] += c
        for part in filter(None, parts):
            pieces, start = [], 0
            while start < len(part) and len(part) <= 100:
                for end in range(len(part), start, -1):
                    piece = ("##" if start else "") + part[start:end]
                    if piece in vocabulary:
                        break
                else:
                    break
                pieces.append(vocabulary[piece])
                start = end
            out += pieces if start == len(part) else [vocabulary["[UNK]"]]
    return out


class WordPiece(unittest.TestCase):
    def test_published_examples(self):
        tokens = ["[UNK]", "[CLS]", "[SEP]", "want", "##want", "##ed", "wa", "un", "runn", "##ing", ","]
        t = ath.text.WordPiece(tokens)
        self.assertEqual(t.tokens("UNwant\u00E9d,running"), ["un", "##want", "##ed", ",", "runn", "##ing"])
        self.assertEqual(t.encode("unwantedX running"), [0, 8, 9])
        real = ath.text.WordPiece(VOCAB / "bert-base-uncased-vocab.txt")
        self.assertEqual(len(real), 30522)
        self.assertEqual(real.encode("Hello, my dog is cute"), [7592, 1010, 2026, 3899, 2003, 10140])
        self.assertEqual(real.tokens("unaffable"), ["una", "##ffa", "##ble"])

    def test_as_the_published_algorithm(self):
        for name, lower in (("bert-base-uncased-vocab.txt", True), ("bert-base-chinese-vocab.txt", False),
                            ("bert-base-chinese-vocab.txt", True)):
            lines = (VOCAB / name).read_text(encoding="utf-8").split("\n")
            vocabulary = {t: i for i, t in enumerate(line.rstrip("\r") for line in lines)}
            t = ath.text.WordPiece(VOCAB / name, lower_case=lower)
            for text in texts(400, 1):
                self.assertEqual(t.encode(text), bert(text, vocabulary, lower), repr(text))

    def test_spans_cover_the_characters_of_a_token(self):
        t = ath.text.WordPiece(VOCAB / "bert-base-chinese-vocab.txt")
        text = "我爱 北京Hello"
        self.assertEqual([text[b:e] for _, b, e in t.spans(text)], ["我", "爱", "北", "京", "Hello"])
        self.assertEqual([(b, e) for _, b, e in t.spans("我爱 é")][:2], [(0, 1), (1, 2)])
        self.assertEqual(t.spans("É")[0][1:], (0, 1))

    def test_batches_of_pairs(self):
        t = ath.text.WordPiece(VOCAB / "bert-base-uncased-vocab.txt")
        b = t(["hello world", "a"], ["my dog is cute", "b"], max_length=8)
        self.assertEqual(b["ids"].tolist(), [[101, 7592, 2088, 102, 2026, 3899, 2003, 102],
                                             [101, 1037, 102, 1038, 102, 0, 0, 0]])
        self.assertEqual(b["types"].tolist(), [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0, 0]])
        self.assertEqual(b["mask"].tolist(), [[1] * 8, [1, 1, 1, 1, 1, 0, 0, 0]])
        self.assertEqual((b["lengths"].tolist(), b["cut"]), ([8, 5], 1))
        self.assertEqual(t(["a"], max_length=6, pad_to_max_length=True)["ids"].shape, (1, 6))
        self.assertEqual(t.encode("a [MASK] b"), [1037, 103, 1038])
        self.assertEqual(t.decode([101, 7592, 2088, 102]), "hello world")

    def test_threads_give_the_same(self):
        t = ath.text.WordPiece(VOCAB / "bert-base-uncased-vocab.txt")
        lines = list(texts(300, 5))
        before, found = ath.get_num_threads(), []
        for count in (1, 2, 4):
            ath.set_num_threads(count)
            found.append(t(lines)["ids"].tolist())
        ath.set_num_threads(before)
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])


class Gpt2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.t = ath.text.BytePairEncoding(VOCAB / "gpt2-encoder.json", VOCAB / "gpt2-vocab.bpe")
        letters = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
        rest = [b for b in range(256) if b not in letters]
        cls.alphabet = {b: chr(b) for b in letters} | {b: chr(256 + i) for i, b in enumerate(rest)}
        cls.ids = json.loads((VOCAB / "gpt2-encoder.json").read_text(encoding="utf-8"))
        lines = (VOCAB / "gpt2-vocab.bpe").read_text(encoding="utf-8").split("\n")[1:]
        cls.ranks = {tuple(line.split()): i for i, line in enumerate(lines) if line}

    def published(self, text):
        """openai/gpt-2 encoder.py; its expression needs Unicode categories, which stand here as letters."""
        kinds = {"L": "a", "N": "0"}
        space = {*"\t\n\v\f\r\x85 \u00a0\u1680\u2028\u2029\u202f\u205f\u3000", *map(chr, range(0x2000, 0x200B))}
        shape = "".join(c if c in " 'strevmld" else "\n" if c in space else
                        kinds.get(unicodedata.category(c)[0], "!") for c in text)
        word = "[astrevmld]"
        expression = rf"'s|'t|'re|'ve|'m|'ll|'d| ?{word}+| ?0+| ?(?:!|')+|[ \n]+(?![^ \n])|[ \n]+"
        out = []
        for match in re.finditer(expression, shape):
            parts = [self.alphabet[b] for b in text[match.start():match.end()].encode()]
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
                if best not in self.ranks:
                    break
                joined, i = [], 0
                while i < len(parts):
                    if tuple(parts[i:i + 2]) == best:
                        joined.append(parts[i] + parts[i + 1])
                        i += 2
                    else:
                        joined.append(parts[i])
                        i += 1
                parts = joined
            out += [self.ids[p] for p in parts]
        return out

    def test_published_examples(self):
        self.assertEqual(len(self.t), 50257)
        self.assertEqual(self.t.encode("Hello world"), [15496, 995])
        self.assertEqual(self.t.encode("Hello, my dog is cute"), [15496, 11, 616, 3290, 318, 13779])
        self.assertEqual(self.t.encode("a<|endoftext|>b"), [64, 50256, 65])

    def test_as_the_published_algorithm(self):
        for text in texts(400, 2):
            self.assertEqual(self.t.encode(text), self.published(text), repr(text))

    def test_every_text_comes_back(self):
        for text in texts(400, 3):
            ids = self.t.encode(text)
            self.assertEqual(self.t.decode(ids), text)
            self.assertEqual([i for i, _, _ in self.t.spans(text)], ids)
        self.assertEqual(self.t.decode(ath.tensor([15496, 995])), "Hello world")

    def test_a_word_of_a_million_letters(self):
        ids = self.t.encode("ab" * 500_000)
        self.assertEqual(self.t.decode(ids), "ab" * 500_000)

    def test_broken_files_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            vocabulary, merges = os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt")
            good = json.dumps({c: i for i, c in enumerate(self.alphabet.values())})
            for v, m, text in (("[1]", "", "no JSON object"), ('{"a": 5}', "", "token 'a' has the number 5"),
                               ('{"a": 0}', "", "no token for byte 0"), (good, "#version: 0.2\na b c\n", "line 2 is 'a b c'"),
                               (good, "a b\n", "merge 1 joins 'a' and 'b'; 'ab' is not in the vocabulary")):
                pathlib.Path(vocabulary).write_text(v, encoding="utf-8")
                pathlib.Path(merges).write_text(m, encoding="utf-8")
                with self.assertRaisesRegex(ath.errors.FormatError, text):
                    ath.text.BytePairEncoding(vocabulary, merges)
        with self.assertRaises(ath.errors.IoError):
            ath.text.BytePairEncoding("/nowhere/vocab.json", "/nowhere/merges.txt")


class SentencePiece(unittest.TestCase):
    def compare(self, path, count=400, seed=4):
        judge = sentencepiece.SentencePieceProcessor(model_file=str(path))
        t = ath.text.SentencePiece(path)
        self.assertEqual(len(t), judge.vocab_size())
        for text in texts(count, seed):
            wanted = judge.encode(text)
            self.assertEqual(t.encode(text), wanted, repr(text))
            self.assertEqual(t.decode(wanted), judge.decode(wanted), repr(text))
        return t

    def test_the_librarys_own_models(self):
        for name in ("sentencepiece-test.model", "sentencepiece-test-ja.model"):
            self.compare(VOCAB / name)

    def test_models_trained_here(self):
        with tempfile.TemporaryDirectory() as folder:
            for i, options in enumerate((
                    dict(model_type="unigram", byte_fallback=True, character_coverage=0.99),
                    dict(model_type="bpe", byte_fallback=True, character_coverage=0.99),
                    dict(model_type="bpe", user_defined_symbols=["<mask>", "Botchan"], normalization_rule_name="nfkc_cf"),
                    dict(model_type="unigram", user_defined_symbols=["<mask>", "the "], pad_id=3),
                    dict(model_type="unigram", add_dummy_prefix=False, remove_extra_whitespaces=False,
                         normalization_rule_name="identity"),
                    dict(model_type="bpe", treat_whitespace_as_suffix=True))):
                prefix = os.path.join(folder, f"m{i}")
                sentencepiece.SentencePieceTrainer.train(input=str(DATA / "lm" / "botchan.txt"), model_prefix=prefix,
                                                         vocab_size=800, minloglevel=2, **options)
                with self.subTest(**options):
                    self.compare(prefix + ".model", 200)

    def test_spans_and_special_tokens(self):
        t = ath.text.SentencePiece(VOCAB / "sentencepiece-test.model")
        self.assertEqual((t.unknown_id, t.start_id, t.separator_id), (0, 1, 2))
        text = "  I  saw a girl"
        self.assertEqual("".join(text[b:e] for _, b, e in t.spans(text)).replace(" ", ""), "Isawagirl")
        self.assertEqual(t(["a girl"])["ids"].tolist()[0][0], 1)
        self.assertEqual(t.normalize(" ①  ａ "), "▁1▁a")

    def test_broken_files_are_refused(self):
        good = (VOCAB / "sentencepiece-test.model").read_bytes()
        for data, text in ((b"", "has no pieces"), (good[:1000], "bytes wanted"), (b"\x0a\x02\x0a\x00", "piece 0 is empty"),
                           (b"\x0a\x03\x0a\x01a", "none of the 1 pieces is the unknown one"),
                           (b"\x0a\x05\x0a\x01a\x18\x09", "a piece of kind 9")):
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                with self.assertRaisesRegex(ath.errors.FormatError, text):
                    ath.text.SentencePiece(file.name)


class Mistakes(unittest.TestCase):
    def test_they_are_named(self):
        t = ath.text.WordPiece(["[UNK]", "[CLS]", "[SEP]", "a"])
        for call, error, text in ((lambda: t("a"), TypeError, "a batch needs a list of texts"),
                                  (lambda: t.encode(3), TypeError, "a text must be a str, not int"),
                                  (lambda: t.decode([7]), IndexError, r"token 7 is outside the vocabulary \[0, 4\)"),
                                  (lambda: t(["a"], max_length=2), ValueError, "leaves no room beside 2 special"),
                                  (lambda: t(["a", "a"], ["a"]), ValueError, "2 texts and 1 second texts"),
                                  (lambda: ath.text.WordPiece(["a"]), ValueError, "lacks its unknown token"),
                                  (lambda: ath.text.WordPiece("/nowhere.txt"), OSError, "nowhere.txt")):
            with self.assertRaisesRegex(error, text):
                call()


if __name__ == "__main__":
    unittest.main()

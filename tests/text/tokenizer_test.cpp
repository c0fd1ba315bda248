#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/text/byte_pair.hpp"
#include "athanor/text/piece_trie.hpp"
#include "athanor/text/sentencepiece.hpp"
#include "athanor/text/unicode.hpp"
#include "athanor/text/wordpiece.hpp"
#include "tests/support/files.hpp"

namespace athanor::text {
namespace {

using testing::ElementsAre;

std::vector<std::int64_t> ids_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int64_t> out;
  for (const Token& t : tokenizer.encode(text)) out.push_back(t.id);
  return out;
}

TEST(Unicode, BytesThatAreNoUtf8AreKeptApart) {
  // Overlong, a surrogate, a cut character, a lone continuation.
  for (const char* bytes : {"\xC0\x80", "\xED\xA0\x80", "a\xE4\xB8", "\x80", "\xF8\x88\x80\x80"}) {
    const CodePoints points = decode(bytes);
    EXPECT_EQ(encode(points.data(), points.data() + points.size()), bytes);
  }
  EXPECT_EQ(valid_utf8("a\xFF"), "a\xEF\xBF\xBD");
  EXPECT_EQ(decode("\xF0\x9F\x98\x80")[0].value, 0x1F600u);
}

TEST(Unicode, LowerCaseKnowsTheFinalSigma) {
  const auto lower = [](std::string_view s) {
    const CodePoints points = to_lower(decode(s));
    return encode(points.data(), points.data() + points.size());
  };
  EXPECT_EQ(lower("ΣΑΣ Σ"), "σας σ");
  EXPECT_EQ(lower("İÀ"), "i\u0307à");
}

TEST(WordPiece, RealVocabularies) {
  const auto t = WordPiece::from_file(test::test_data("vocab/bert-base-uncased-vocab.txt"));
  EXPECT_THAT(ids_of(*t, "Hello, my dog is cute"),
              ElementsAre(7592, 1010, 2026, 3899, 2003, 10140));
  EXPECT_THAT(ids_of(*t, "[CLS] a\xFF [MASK]"), ElementsAre(101, 1037, 103));
  EXPECT_THAT(ids_of(*t, std::string(101, 'a')), ElementsAre(100));  // too long for a word
  EXPECT_THAT(ids_of(*t, ""), ElementsAre());
}

TEST(WordPiece, SeparatorsOfLinesSplitWordsAndADoubleTokenHasItsLastNumber) {
  const WordPiece t({"[UNK]", "a", "b", "a"});
  EXPECT_THAT(ids_of(t, "a\u2028b\u2029a"), ElementsAre(3, 2, 3));
}

TEST(WordPiece, WordsSeenBeforeHaveTheSameTokens) {
  const auto path = test::test_data("vocab/bert-base-uncased-vocab.txt");
  const auto used = WordPiece::from_file(path);
  // Words of all lengths around what the cache keeps, seen often enough to push each other out.
  Random random({3, 4});
  for (int round = 0; round < 4; ++round) {
    std::string text;
    for (int i = 0; i < 2000; ++i) {
      for (std::uint64_t k = 1 + random.below(40); k > 0; --k)
        text += static_cast<char>('a' + random.below(i % 2 ? 3 : 26));
      text += random.below(4) ? " " : "é, ";
    }
    const auto fresh = WordPiece::from_file(path);
    ASSERT_EQ(used->encode(text), fresh->encode(text));
    ASSERT_EQ(used->encode(text), fresh->encode(text));
  }
}

TEST(WordPiece, CaseOfSigmaLooksBeyondPunctuation) {
  const WordPiece t({"[UNK]", "ας", "ασ", "'", "β"});
  EXPECT_THAT(ids_of(t, "ΑΣ ΑΣ'"), ElementsAre(1, 1, 3));
  EXPECT_THAT(ids_of(t, "ΑΣ'Β"), ElementsAre(2, 3, 4));
}

TEST(BytePair, AnyBytesComeBack) {
  const auto t = BytePair::from_files(test::test_data("vocab/gpt2-encoder.json"),
                                      test::test_data("vocab/gpt2-vocab.bpe"));
  EXPECT_THAT(ids_of(*t, "Hello world"), ElementsAre(15496, 995));
  Random random({1, 2});
  for (int i = 0; i < 200; ++i) {
    std::string bytes;
    for (std::uint64_t k = random.below(60); k > 0; --k)
      bytes += static_cast<char>(random.below(i % 2 ? 256 : 128));
    EXPECT_EQ(t->decode(ids_of(*t, bytes)), bytes);
  }
}

TEST(SentencePiece, RealModels) {
  const auto t = SentencePiece::from_file(test::test_data("vocab/sentencepiece-test.model"));
  EXPECT_EQ(t->size(), 1000);
  const auto ids = ids_of(*t, "I saw a girl with a telescope.");
  EXPECT_EQ(t->decode(ids), "I saw a girl with a telescope.");
  EXPECT_THAT(ids_of(*t, "   "), ElementsAre());
  const auto ja = SentencePiece::from_file(test::test_data("vocab/sentencepiece-test-ja.model"));
  EXPECT_EQ(ja->decode(ids_of(*ja, "吾輩は猫である。")), "吾輩は猫である。");
}

// Fields of Protocol Buffers.
std::string field(int number, std::string_view content) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  std::size_t size = content.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  return out + static_cast<char>(size) + std::string(content);
}
std::string refusal(const std::string& model) {
  try {
    (void)SentencePiece::parse(model, "m.model");
  } catch (const FormatError& error) {
    return error.what();
  }
  return "it was taken";
}

TEST(SentencePiece, AFileMayNotAskForEndlessWork) {
  using testing::HasSubstr;
  const std::string unknown = field(1, field(1, "<unk>") + std::string("\x18\x02", 2));
  ASSERT_EQ(refusal(unknown + field(1, field(1, std::string(4096, 'a')))), "it was taken");
  EXPECT_THAT(refusal(unknown + field(1, field(1, std::string(4097, 'a')))),
              HasSubstr("m.model: piece 1 has 4097 bytes; 4096 are the most"));
  std::string many = unknown;
  for (int i = 0; i < 4100; ++i)
    many += field(1, field(1, std::to_string(i) + std::string(4090, 'a')));
  EXPECT_THAT(refusal(many), HasSubstr("more than 16777216 bytes together"));
  const auto rules = [&](std::size_t length) {
    std::string blob("\4\0\0\0\0\0\0\0", 8);
    blob += std::string(length, 'x') + '\0';
    return unknown + field(3, field(2, blob));
  };
  ASSERT_EQ(refusal(rules(1024)), "it was taken");
  EXPECT_THAT(refusal(rules(1025)), HasSubstr("gives 1025 bytes; 1024 are the most"));
}

TEST(PieceTrie, FindsEveryBeginning) {
  const std::string text("ab\xE2\x96\x81\0c", 7);
  std::vector<std::pair<std::string_view, std::int32_t>> pieces;
  for (std::size_t i = 0; i < text.size(); ++i)
    for (std::size_t n = 1; n <= text.size() - i; n += 1 + i % 2)
      pieces.emplace_back(std::string_view(text).substr(i, n), static_cast<int>(i * 100 + n));
  const PieceTrie trie(pieces);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::vector<std::int32_t> expected, found;
    for (std::size_t n = 1; n <= text.size() - i; n += 1 + i % 2)
      expected.push_back(static_cast<int>(i * 100 + n));
    trie.prefixes(text, i, [&](std::size_t length, std::int32_t value) {
      EXPECT_EQ(length, static_cast<std::size_t>(value % 100));
      found.push_back(value);
    });
    EXPECT_EQ(found, expected);
  }
  PieceTrie().prefixes(text, 0, [](std::size_t, std::int32_t) { ADD_FAILURE(); });
}

TEST(Frame, CutsTheLongerTextFirst) {
  const std::vector<Token> a(5, Token{7, 0, 1}), b(2, Token{8, 0, 1});
  const Framed f = frame(a, b, true, {.start = 1, .separator = 2, .max_length = 8});
  EXPECT_THAT(f.ids, ElementsAre(1, 7, 7, 7, 2, 8, 8, 2));
  EXPECT_THAT(f.types, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1));
  EXPECT_TRUE(f.cut);
  EXPECT_THROW(frame(a, b, true, {.start = 1, .separator = 2, .max_length = 3}), ValueError);
}

}  // namespace
}  // namespace athanor::text

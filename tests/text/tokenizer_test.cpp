#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/text/byte_pair.hpp"
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

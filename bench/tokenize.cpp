// Tokenizers, in megabytes of text a second.
//
//   bench_tokenize FOLDER [--seconds S] [--threads N] [--processor] [WORKLOAD...]
//
// FOLDER holds the test data (vocab/, lm/). Prints one JSON line for each tokenizer and text: lines
// as a batch, on the compute threads, from warm caches.

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "athanor/base/file.hpp"
#include "athanor/text/byte_pair.hpp"
#include "athanor/text/sentencepiece.hpp"
#include "athanor/text/wordpiece.hpp"
#include "bench/program.hpp"

namespace {

using namespace athanor;

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  const std::string content = read_text_file(path, std::uint64_t{1} << 30);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    out.push_back(content.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

struct Workload {
  const char* name;
  const char* text;
  std::function<std::unique_ptr<text::Tokenizer>()> make;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr,
               "usage: bench_tokenize FOLDER [--seconds S] [--threads N] [--processor] "
               "[WORKLOAD...]\nFOLDER: the test data, with vocab/ and lm/\n");
    return 2;
  }
  const std::filesystem::path data = argv[1], vocabulary = data / "vocab";
  const auto options = bench::read_options(argc - 1, argv + 1, 1);
  const Workload workloads[] = {
      {"wordpiece_english", "lm/tinyshakespeare.txt",
       [&] { return text::WordPiece::from_file(vocabulary / "bert-base-uncased-vocab.txt"); }},
      {"wordpiece_chinese", "text/zh-poem-author.train.tsv",
       [&] { return text::WordPiece::from_file(vocabulary / "bert-base-chinese-vocab.txt"); }},
      {"byte_pair_english", "lm/tinyshakespeare.txt",
       [&] {
         return text::BytePair::from_files(vocabulary / "gpt2-encoder.json",
                                           vocabulary / "gpt2-vocab.bpe");
       }},
      {"unigram_english", "lm/tinyshakespeare.txt",
       [&] { return text::SentencePiece::from_file(vocabulary / "sentencepiece-test.model"); }},
      {"unigram_japanese", "text/zh-poem-author.train.tsv",
       [&] { return text::SentencePiece::from_file(vocabulary / "sentencepiece-test-ja.model"); }},
  };
  for (const Workload& w : workloads) {
    if (!options.wants(w.name)) continue;
    const auto tokenizer = w.make();
    const std::vector<std::string> lines = lines_of(data / w.text);
    std::size_t bytes = 0, tokens = 0;
    for (const std::string& line : lines) bytes += line.size();
    for (const auto& row : text::encode_all(*tokenizer, lines)) tokens += row.size();
    const bench::Times times =
        bench::measure(options.seconds, [&] { (void)text::encode_all(*tokenizer, lines); });
    fmt::print(
        "{{\"workload\":\"{}\",\"bytes\":{},\"tokens\":{},\"threads\":{},\"mb_per_s\":{:.1f}}}\n",
        w.name, bytes, tokens, compute_threads(), static_cast<double>(bytes) / times.median / 1e3);
    std::fflush(stdout);
  }
  return 0;
}

#include "athanor/text/byte_pair.hpp"
#include "athanor/text/sentencepiece.hpp"
#include "athanor/text/wordpiece.hpp"
#include "binding.hpp"

namespace athanor::python {

namespace {

py::list ids_of(const std::vector<text::Token>& tokens) {
  py::list out;
  for (const text::Token& t : tokens) out.append(t.id);
  return out;
}

// UTF-8 of a str; lone surrogates, which UTF-8 does not have, become unknown characters.
std::string text_from(const py::handle& value) {
  if (!py::isinstance<py::str>(value))
    throw py::type_error(fmt::format("a text must be a str, not {}",
                                     std::string(py::str(py::type::of(value).attr("__name__")))));
  return py::reinterpret_borrow<py::object>(value)
      .attr("encode")("utf-8", "surrogatepass")
      .cast<std::string>();
}

py::object text_of(const std::string& bytes) {
  return py::bytes(bytes).attr("decode")("utf-8", "replace");
}

// Texts, or pairs of them, as one rectangle of numbers: ids, types, mask, lengths.
py::dict batch(const text::Tokenizer& tokenizer, const py::sequence& texts, const py::object& pairs,
               const text::Framing& framing, std::int64_t padding, bool pad_to_limit) {
  std::vector<std::string> first, second;
  for (const py::handle item : texts) first.push_back(text_from(item));
  const bool paired = !pairs.is_none();
  if (paired)
    for (const py::handle item : pairs) second.push_back(text_from(item));
  require(!paired || second.size() == first.size(), "{} texts and {} second texts were given",
          first.size(), second.size());
  std::vector<text::Framed> rows;
  Tensor ids, types, mask, lengths;
  std::int64_t cut = 0;
  {
    const py::gil_scoped_release release;
    const auto a = text::encode_all(tokenizer, first), b = text::encode_all(tokenizer, second);
    std::int64_t width = pad_to_limit ? framing.max_length : 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      rows.push_back(
          text::frame(a[i], paired ? b[i] : std::vector<text::Token>(), paired, framing));
      width = std::max(width, static_cast<std::int64_t>(rows.back().ids.size()));
      cut += rows.back().cut ? 1 : 0;
    }
    const Shape shape{static_cast<std::int64_t>(rows.size()), width};
    ids = Tensor::full(shape, static_cast<double>(padding), DType::i64);
    types = Tensor::zeros(shape, DType::i64);
    mask = Tensor::zeros(shape, DType::i64);
    lengths = Tensor::zeros({shape[0]}, DType::i64);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t at = static_cast<std::int64_t>(i) * width;
      std::copy(rows[i].ids.begin(), rows[i].ids.end(), ids.data<std::int64_t>() + at);
      std::copy(rows[i].types.begin(), rows[i].types.end(), types.data<std::int64_t>() + at);
      std::fill_n(mask.data<std::int64_t>() + at, rows[i].ids.size(), std::int64_t{1});
      lengths.data<std::int64_t>()[i] = static_cast<std::int64_t>(rows[i].ids.size());
    }
  }
  py::dict out;
  out["ids"] = ids;
  out["types"] = types;
  out["mask"] = mask;
  out["lengths"] = lengths;
  out["cut"] = cut;
  return out;
}

py::object optional_id(const std::optional<std::int64_t>& id) {
  return id ? py::object(py::int_(*id)) : py::none();
}

}  // namespace

void bind_text(py::module_& m) {
  py::class_<text::Tokenizer>(m, "_Tokenizer")
      .def("encode", [](const text::Tokenizer& t,
                        const py::object& s) { return ids_of(t.encode(text_from(s))); })
      .def("spans",
           [](const text::Tokenizer& t, const py::object& s) {
             py::list out;
             for (const text::Token& token : t.encode(text_from(s)))
               out.append(py::make_tuple(token.id, token.begin, token.end));
             return out;
           })
      .def("decode", [](const text::Tokenizer& t,
                        const std::vector<std::int64_t>& ids) { return text_of(t.decode(ids)); })
      .def("token", [](const text::Tokenizer& t, std::int64_t id) { return text_of(t.token(id)); })
      .def("id_of",
           [](const text::Tokenizer& t, const std::string& s) { return optional_id(t.id_of(s)); })
      .def("batch",
           [](const text::Tokenizer& t, const py::sequence& texts, const py::object& pairs,
              std::optional<std::int64_t> start, std::optional<std::int64_t> separator,
              std::int64_t max_length, std::int64_t padding, bool pad_to_limit) {
             return batch(t, texts, pairs, {start, separator, max_length}, padding, pad_to_limit);
           })
      .def("__len__", &text::Tokenizer::size);
  py::class_<text::WordPiece, text::Tokenizer>(m, "_WordPiece");
  py::class_<text::BytePair, text::Tokenizer>(m, "_BytePair");
  py::class_<text::SentencePiece, text::Tokenizer>(m, "_SentencePiece")
      .def("normalized", [](const text::SentencePiece& t,
                            const py::object& s) { return text_of(t.normalized(text_from(s))); })
      .def("special", [](const text::SentencePiece& t) {
        return py::make_tuple(t.unknown(), optional_id(t.start()), optional_id(t.end()),
                              optional_id(t.padding()));
      });
  m.def("_wordpiece",
        [](const py::object& vocabulary, bool lower_case, std::optional<bool> strip_accents,
           bool split_chinese, std::int64_t max_word, const std::string& unknown) {
          text::WordPieceOptions o;
          o.lower_case = lower_case;
          o.strip_accents = strip_accents;
          o.split_chinese = split_chinese;
          o.max_word = max_word;
          o.unknown = unknown;
          if (py::isinstance<py::str>(vocabulary))
            return text::WordPiece::from_file(vocabulary.cast<std::string>(), o);
          return std::make_unique<text::WordPiece>(vocabulary.cast<std::vector<std::string>>(), o);
        });
  m.def("_byte_pair", [](const std::string& vocabulary, const std::string& merges,
                         const std::vector<std::string>& special) {
    return text::BytePair::from_files(vocabulary, merges, {special});
  });
  m.def("_sentencepiece",
        [](const std::string& path) { return text::SentencePiece::from_file(path); });
}

}  // namespace athanor::python

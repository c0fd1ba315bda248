#include "athanor/nn/random_scope.hpp"
#include "athanor/text/models/bert.hpp"
#include "athanor/text/models/gpt.hpp"
#include "athanor/text/models/lstm_classifier.hpp"
#include "athanor/vision/models/model.hpp"
#include "athanor/vision/models/vit.hpp"
#include "binding.hpp"

// The models of the framework as Python modules: the C++ module computes, the Python one around it
// (athanor/models.py) holds the same tensors.
namespace athanor::python {

namespace {

// A field of an options struct by name, from a dict whose every key must be used.
class Fields {
 public:
  Fields(const char* model, const py::dict& given) : model_(model), given_(given) {}
  template <class T>
  Fields& take(const char* name, T& field) {
    names_ += (names_.empty() ? "" : ", ") + std::string(name);
    if (!given_.contains(name)) return *this;
    try {
      field = given_[name].cast<T>();
    } catch (const py::cast_error&) {
      throw py::type_error(
          fmt::format("{}: {} cannot be {}", model_, name, std::string(py::repr(given_[name]))));
    }
    ++used_;
    return *this;
  }
  void done() const {
    if (used_ == given_.size()) return;
    for (const auto& item : given_) {
      const std::string name = py::str(item.first);
      if ((", " + names_ + ", ").find(", " + name + ", ") == std::string::npos)
        throw py::type_error(fmt::format(
            "{}() got an unexpected keyword argument '{}'; it takes {}", model_, name, names_));
    }
  }

 private:
  const char* model_;
  const py::dict& given_;
  std::string names_;
  std::size_t used_ = 0;
};

text::BertOptions bert_options(const py::dict& given, text::BertHead& head, std::int64_t& labels) {
  text::BertOptions o;
  std::string kind = "sequence";
  Fields fields("bert", given);
  fields.take("head", kind).take("labels", labels).take("vocabulary", o.vocabulary);
  fields.take("width", o.width).take("layers", o.layers).take("heads", o.heads);
  fields.take("hidden", o.hidden).take("positions", o.positions).take("types", o.types);
  fields.take("tasks", o.tasks).take("activation", o.activation).take("dropout", o.dropout);
  fields.take("epsilon", o.epsilon).take("deviation", o.deviation).done();
  require(kind == "sequence" || kind == "token" || kind == "masked",
          "bert: head is '{}'; it can be sequence, token or masked", kind);
  head = kind == "token"    ? text::BertHead::token
         : kind == "masked" ? text::BertHead::masked
                            : text::BertHead::sequence;
  return o;
}

std::unique_ptr<nn::Module> make(const std::string& kind, const py::dict& given,
                                 std::uint64_t seed) {
  std::unique_ptr<nn::Module> model;
  if (kind == "bert") {
    text::BertHead head;
    std::int64_t labels = 2;
    const text::BertOptions o = bert_options(given, head, labels);
    model = std::make_unique<text::BertModel>(o, head, labels);
  } else if (kind == "gpt") {
    text::GptOptions o;
    std::string form = "gpt2";
    Fields fields("gpt", given);
    fields.take("form", form).take("vocabulary", o.vocabulary).take("width", o.width);
    fields.take("layers", o.layers).take("heads", o.heads).take("key_heads", o.key_heads);
    fields.take("hidden", o.hidden).take("positions", o.positions).take("dropout", o.dropout);
    fields.take("epsilon", o.epsilon).take("rope_base", o.rope_base);
    fields.take("rope_interleaved", o.rope_interleaved).take("tied", o.tied);
    fields.take("deviation", o.deviation).done();
    require(form == "gpt2" || form == "llama", "gpt: form is '{}'; it can be gpt2 or llama", form);
    o.form = form == "llama" ? text::GptOptions::Form::llama : text::GptOptions::Form::gpt2;
    model = std::make_unique<text::Gpt>(o);
  } else if (kind == "lstm_classifier") {
    text::LstmClassifierOptions o;
    Fields fields("lstm_classifier", given);
    fields.take("vocabulary", o.vocabulary).take("width", o.width).take("hidden", o.hidden);
    fields.take("layers", o.layers).take("bidirectional", o.bidirectional);
    fields.take("labels", o.labels).take("dropout", o.dropout).done();
    model = std::make_unique<text::LstmClassifier>(o);
  } else if (kind == "vit") {
    vision::VitOptions o;
    Fields fields("vit", given);
    fields.take("image", o.image).take("patch", o.patch).take("channels", o.channels);
    fields.take("width", o.width).take("layers", o.layers).take("heads", o.heads);
    fields.take("hidden", o.hidden).take("classes", o.classes).take("dropout", o.dropout);
    fields.take("epsilon", o.epsilon).done();
    model = std::make_unique<vision::Vit>(o);
  } else {
    vision::ModelOptions o;
    Fields fields(kind.c_str(), given);
    fields.take("classes", o.num_classes).take("channels", o.in_channels);
    fields.take("dropout", o.dropout).take("width", o.width).done();
    o.seed = seed;
    return vision::make_model(kind, o);
  }
  model->initialize(seed);
  return model;
}

Tensor optional_tensor(const py::object& value) {
  return value.is_none() ? Tensor() : value.cast<Tensor>();
}

template <class M>
M& as(nn::Module& module, const char* what) {
  auto* model = dynamic_cast<M*>(&module);
  require(model != nullptr, "{} is for another model than {}", what, module.describe());
  return *model;
}

py::list named(const std::vector<nn::NamedTensor>& tensors) {
  py::list out;
  for (const auto& [name, tensor] : tensors) out.append(py::make_tuple(name, tensor));
  return out;
}

// Runs f without the lock, dropout drawing from (seed, stream).
template <class F>
Tensor run(std::int64_t seed, std::int64_t stream, const F& f) {
  const py::gil_scoped_release release;
  const nn::RandomScope scope(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(stream));
  return f();
}

py::dict from_map(const TensorMap& map) {
  py::dict out;
  for (const auto& [name, tensor] : map) out[py::str(name)] = tensor;
  return out;
}

TensorMap to_map(const py::dict& given) {
  TensorMap out;
  for (const auto& [name, tensor] : given)
    out.emplace(py::str(name).cast<std::string>(), tensor.cast<Tensor>());
  return out;
}

}  // namespace

void bind_models(py::module_& m) {
  py::class_<nn::Module>(m, "_NativeModule")
      .def("parameters", [](const nn::Module& n) { return named(n.parameters()); })
      .def("buffers", [](const nn::Module& n) { return named(n.buffers()); })
      .def("train", &nn::Module::train)
      .def(
          "initialize", [](nn::Module& n, std::uint64_t seed) { n.initialize(seed); }, NoGil())
      .def("describe", &nn::Module::describe)
      .def("run", [](nn::Module& n, const Tensor& x, std::int64_t seed, std::int64_t stream) {
        return run(seed, stream, [&] { return n(x); });
      });
  m.def("_make_model", make);
  m.def("_image_models", [] {
    py::dict out;
    for (const vision::ModelInfo& info : vision::model_list())
      out[py::str(info.name)] = info.doc.en;
    return out;
  });
  m.def("_bert_run",
        [](nn::Module& n, const Tensor& ids, const py::object& types, const py::object& mask,
           const py::object& tasks, std::int64_t seed, std::int64_t stream) {
          const text::BertInput input{ids, optional_tensor(types), optional_tensor(mask),
                                      optional_tensor(tasks)};
          auto& model = as<text::BertModel>(n, "_bert_run");
          return run(seed, stream, [&] { return model.run(input); });
        });
  m.def("_lstm_classifier_run", [](nn::Module& n, const Tensor& ids, const py::object& lengths,
                                   std::int64_t seed, std::int64_t stream) {
    const Tensor given = optional_tensor(lengths);
    auto& model = as<text::LstmClassifier>(n, "_lstm_classifier_run");
    return run(seed, stream, [&] { return model.run(ids, given); });
  });
  m.def("_gpt_generate", [](nn::Module& n, const Tensor& ids, std::int64_t count,
                            double temperature, std::int64_t top_k, std::uint64_t seed) {
    auto& model = as<text::Gpt>(n, "_gpt_generate");
    const py::gil_scoped_release release;
    return model.generate(ids, count, {temperature, top_k, seed});
  });
  m.def("_translate_weights", [](const std::string& kind, const py::dict& given) {
    const TensorMap map = to_map(given);
    return from_map(kind == "bert"    ? text::bert_weights(map)
                    : kind == "gpt2"  ? text::gpt2_weights(map)
                    : kind == "llama" ? text::llama_weights(map)
                                      : vision::vit_weights(map));
  });
  m.def("_read_llama2c", [](const std::string& path) {
    text::Llama2c found;
    {
      const py::gil_scoped_release release;
      found = text::read_llama2c(path);
    }
    const text::GptOptions& o = found.options;
    py::dict options;
    options["form"] = "llama";
    options["vocabulary"] = o.vocabulary;
    options["width"] = o.width;
    options["layers"] = o.layers;
    options["heads"] = o.heads;
    options["key_heads"] = o.key_heads;
    options["hidden"] = o.hidden;
    options["positions"] = o.positions;
    options["rope_interleaved"] = o.rope_interleaved;
    options["tied"] = o.tied;
    return py::make_tuple(options, from_map(found.weights));
  });
}

}  // namespace athanor::python

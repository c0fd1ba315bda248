#include "athanor/text/models/bert.hpp"

#include "athanor/base/error.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/name_table.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::text {

namespace {

// A module that only holds others, for names of several parts.
class Group final : public nn::Module {
 public:
  Tensor forward(const Tensor&) override {
    throw InternalError("a group of modules has no forward()");
  }
  std::string describe() const override { return "Group()"; }
  template <class M, class... Args>
  M& make(std::string name, Args&&... args) {
    return make_child<M>(std::move(name), std::forward<Args>(args)...);
  }
  Tensor make_parameter(std::string name, const Shape& shape) {
    return add_parameter(std::move(name), Tensor::zeros(shape));
  }
};

// A Linear layer with BERT's initial values: N(0, deviation^2), truncated, and 0.
class Dense final : public nn::Module {
 public:
  Dense(std::int64_t in, std::int64_t out, double deviation) : deviation_(deviation) {
    const CategoryScope category(Category::parameter);
    weight_ = add_parameter("weight", Tensor::zeros({out, in}));
    bias_ = add_parameter("bias", Tensor::zeros({out}));
  }
  Tensor forward(const Tensor& x) override { return ops::linear(x, weight_, bias_); }
  std::string describe() const override {
    return fmt::format("Dense({}, {})", weight_.dim(1), weight_.dim(0));
  }

 protected:
  void reset(const nn::InitScope& scope) override {
    nn::truncated_normal(weight_, scope, "weight", 0, deviation_);
    nn::constant(bias_, 0);
  }

 private:
  Tensor weight_, bias_;
  double deviation_;
};

Tensor activated(const Tensor& x, const std::string& activation) {
  return activation == "relu" ? ops::relu(x) : ops::gelu(x);
}

BertOptions checked(BertOptions o) {
  for (const auto& [name, value] : {std::pair{"vocabulary", o.vocabulary},
                                    {"width", o.width},
                                    {"layers", o.layers},
                                    {"heads", o.heads},
                                    {"hidden", o.hidden},
                                    {"positions", o.positions},
                                    {"types", o.types}})
    require(value >= 1, "Bert: {} must be at least 1, not {}", name, value);
  require(o.tasks >= 0, "Bert: tasks must be at least 0, not {}", o.tasks);
  require(o.width % o.heads == 0, "Bert: width {} must be a multiple of the {} heads", o.width,
          o.heads);
  require(o.activation == "gelu" || o.activation == "relu",
          "Bert: activation is '{}'; it can be gelu or relu", o.activation);
  require(o.dropout >= 0 && o.dropout < 1, "Bert: dropout must be in [0, 1), not {}", o.dropout);
  return o;
}

}  // namespace

class Bert::Layer final : public nn::Module {
 public:
  explicit Layer(const BertOptions& o)
      : options_(o),
        attention_(make_child<Group>("attention")),
        self_(attention_.make<Group>("self")),
        query_(self_.make<Dense>("query", o.width, o.width, o.deviation)),
        key_(self_.make<Dense>("key", o.width, o.width, o.deviation)),
        value_(self_.make<Dense>("value", o.width, o.width, o.deviation)),
        after_(attention_.make<Group>("output")),
        projection_(after_.make<Dense>("dense", o.width, o.width, o.deviation)),
        norm1_(after_.make<nn::LayerNorm>("LayerNorm", o.width, o.epsilon)),
        inner_(
            make_child<Group>("intermediate").make<Dense>("dense", o.width, o.hidden, o.deviation)),
        outer_group_(make_child<Group>("output")),
        outer_(outer_group_.make<Dense>("dense", o.hidden, o.width, o.deviation)),
        norm2_(outer_group_.make<nn::LayerNorm>("LayerNorm", o.width, o.epsilon)),
        dropout1_(make_child<nn::Dropout>("dropout1", o.dropout)),
        dropout2_(make_child<nn::Dropout>("dropout2", o.dropout)) {}
  Tensor forward(const Tensor& x) override { return run(x, {}); }
  Tensor run(const Tensor& x, const Tensor& mask) {
    const std::int64_t heads = options_.heads;
    const Tensor seen =
        nn::attend(nn::split_heads(query_(x), heads), nn::split_heads(key_(x), heads),
                   nn::split_heads(value_(x), heads),
                   {.mask = mask, .dropout = training() ? options_.dropout : 0});
    const Tensor y = norm1_(x + dropout1_(projection_(nn::join_heads(seen))));
    return norm2_(y + dropout2_(outer_(activated(inner_(y), options_.activation))));
  }
  std::string describe() const override { return "BertLayer()"; }

 private:
  const BertOptions options_;
  Group &attention_, &self_;
  Dense &query_, &key_, &value_;
  Group& after_;
  Dense& projection_;
  nn::LayerNorm& norm1_;
  Dense& inner_;
  Group& outer_group_;
  Dense& outer_;
  nn::LayerNorm& norm2_;
  nn::Dropout &dropout1_, &dropout2_;
};

struct Bert::Parts {
  nn::Embedding *words, *positions, *types, *tasks;
  nn::LayerNorm* norm;
  nn::Dropout* dropout;
  std::vector<Layer*> layers;
  Dense* pooler;
};

Bert::Bert(BertOptions options)
    : options_(checked(std::move(options))), parts_(std::make_unique<Parts>()) {
  const BertOptions& o = options_;
  Group& embeddings = make_child<Group>("embeddings");
  const auto table = [&](const char* name, std::int64_t count) {
    return &embeddings.make<nn::Embedding>(name, count, o.width, o.deviation);
  };
  parts_->words = table("word_embeddings", o.vocabulary);
  parts_->positions = table("position_embeddings", o.positions);
  parts_->types = table("token_type_embeddings", o.types);
  parts_->tasks = o.tasks > 0 ? table("task_type_embeddings", o.tasks) : nullptr;
  parts_->norm = &embeddings.make<nn::LayerNorm>("LayerNorm", o.width, o.epsilon);
  parts_->dropout = &embeddings.make<nn::Dropout>("dropout", o.dropout);
  Group& layers = make_child<Group>("encoder").make<Group>("layer");
  for (std::int64_t i = 0; i < o.layers; ++i)
    parts_->layers.push_back(&layers.make<Layer>(std::to_string(i), o));
  parts_->pooler = &make_child<Group>("pooler").make<Dense>("dense", o.width, o.width, o.deviation);
}

Bert::~Bert() = default;

const Tensor& Bert::words() const { return parts_->words->weight; }

Tensor Bert::encode(const BertInput& input) {
  require<ShapeError>(input.ids.rank() == 2, "Bert: ids must be [batch, tokens], not {}",
                      athanor::describe(input.ids));
  const std::int64_t tokens = input.ids.dim(1);
  require<ShapeError>(tokens <= options_.positions,
                      "Bert: {} tokens, the model has {} positions; shorten the text", tokens,
                      options_.positions);
  for (const Tensor& t : {input.types, input.mask, input.tasks})
    require<ShapeError>(!t.defined() || t.shape() == input.ids.shape(),
                        "Bert: types, mask and tasks must have the shape {} of ids, not {}",
                        to_string(input.ids.shape()), t.defined() ? athanor::describe(t) : "");
  require(!input.tasks.defined() || parts_->tasks,
          "Bert: task ids are given, and the model has no task embedding (options.tasks)");
  Parts& p = *parts_;
  const Tensor none = Tensor::zeros({1, 1}, DType::i64);
  Tensor x = (*p.words)(input.ids) + (*p.positions)(Tensor::arange(tokens)) +
             (*p.types)(input.types.defined() ? input.types : none);
  if (p.tasks) x = x + (*p.tasks)(input.tasks.defined() ? input.tasks : none);
  x = (*p.dropout)((*p.norm)(x));
  Tensor mask;
  if (input.mask.defined())
    mask = ops::unsqueeze(ops::ne(input.mask, Tensor::scalar(0, input.mask.dtype())), {1, 2});
  for (Layer* layer : p.layers) x = layer->run(x, mask);
  return x;
}

Tensor Bert::pool(const Tensor& states) {
  return ops::tanh((*parts_->pooler)(ops::squeeze(ops::slice(states, 1, 0, 1, 1), {1})));
}

std::string Bert::describe() const {
  return fmt::format("Bert({} layers, width {}, {} heads{})", options_.layers, options_.width,
                     options_.heads, options_.tasks ? ", task embedding" : "");
}

BertModel::BertModel(BertOptions options, BertHead head, std::int64_t labels)
    : head_(head),
      bert_(make_child<Bert>("bert", std::move(options))),
      dropout_(make_child<nn::Dropout>("dropout", bert_.options().dropout)) {
  const BertOptions& o = bert_.options();
  if (head == BertHead::masked) {
    Group& predictions = make_child<Group>("cls").make<Group>("predictions");
    Group& transform = predictions.make<Group>("transform");
    transform_ = &transform.make<nn::Linear>("dense", o.width, o.width);
    norm_ = &transform.make<nn::LayerNorm>("LayerNorm", o.width, o.epsilon);
    bias_ = predictions.make_parameter("bias", {o.vocabulary});
  } else {
    require(labels >= 1, "Bert: labels must be at least 1, not {}", labels);
    output_ = &make_child<nn::Linear>("classifier", o.width, labels);
  }
}

Tensor BertModel::run(const BertInput& input) {
  const Tensor states = bert_.encode(input);
  if (head_ == BertHead::sequence) return (*output_)(dropout_(bert_.pool(states)));
  if (head_ == BertHead::token) return (*output_)(dropout_(states));
  const Tensor x = (*norm_)(activated((*transform_)(states), bert_.options().activation));
  return ops::linear(x, bert_.words(), bias_);
}

std::string BertModel::describe() const {
  return head_ == BertHead::sequence ? "BertForSequences"
         : head_ == BertHead::token  ? "BertForTokens"
                                     : "BertForMaskedWords";
}

void BertModel::reset(const nn::InitScope& scope) {
  const double deviation = bert_.options().deviation;
  for (auto [linear, name] : {std::pair{output_, "classifier.weight"},
                              {transform_, "cls.predictions.transform.dense.weight"}}) {
    if (!linear) continue;
    nn::truncated_normal(linear->weight, scope, name, 0, deviation);
    nn::constant(linear->bias, 0);
  }
  if (bias_.defined()) nn::constant(bias_, 0);
}

TensorMap bert_weights(const TensorMap& file) {
  TensorMap plain;
  for (const auto& [name, tensor] : file) {
    std::string own = name;
    for (const char* prefix : {"module.", "ernie.", "model."})
      if (own.starts_with(prefix)) own = own.substr(std::string_view(prefix).size());
    // TensorFlow's words for the scale and shift of a norm, in files of 2018.
    for (const auto& [old, now] :
         {std::pair{"LayerNorm.gamma", "LayerNorm.weight"}, {"LayerNorm.beta", "LayerNorm.bias"}})
      if (own.ends_with(old)) own = own.substr(0, own.size() - std::string_view(old).size()) + now;
    for (const char* part : {"embeddings.", "encoder.", "pooler."})
      if (own.starts_with(part)) own = "bert." + own;
    plain.emplace(own, tensor);
  }
  // The decoder is the table of word vectors, and position_ids are counted by the model.
  static const std::vector<nn::NameRule> rules = {
      {"cls.predictions.decoder.weight", {}},
      {"cls.predictions.decoder.bias", {}},
      {"bert.embeddings.position_ids", {}},
      {"bert.embeddings.token_type_ids", {}},
  };
  return nn::translate_names(plain, rules);
}

}  // namespace athanor::text

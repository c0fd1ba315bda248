#include "athanor/text/models/gpt.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::text {

namespace {

GptOptions checked(GptOptions o) {
  if (o.key_heads == 0) o.key_heads = o.heads;
  if (o.hidden == 0) o.hidden = 4 * o.width;
  for (const auto& [name, value] : {std::pair{"vocabulary", o.vocabulary},
                                    {"width", o.width},
                                    {"layers", o.layers},
                                    {"heads", o.heads},
                                    {"key_heads", o.key_heads},
                                    {"hidden", o.hidden},
                                    {"positions", o.positions}})
    require(value >= 1, "Gpt: {} must be at least 1, not {}", name, value);
  require(o.width % o.heads == 0, "Gpt: width {} must be a multiple of the {} heads", o.width,
          o.heads);
  require(o.heads % o.key_heads == 0, "Gpt: {} heads must be a multiple of the {} key heads",
          o.heads, o.key_heads);
  require(o.form == GptOptions::Form::llama || o.key_heads == o.heads,
          "Gpt: key_heads is for the form llama");
  require(o.form == GptOptions::Form::gpt2 || o.width / o.heads % 2 == 0,
          "Gpt: rotary positions need an even number of values in a head, not {}",
          o.width / o.heads);
  require(o.dropout >= 0 && o.dropout < 1, "Gpt: dropout must be in [0, 1), not {}", o.dropout);
  return o;
}

// cos and sin of position * base^(-2 i / size): [T, size / 2] each.
struct Angles {
  Tensor cos, sin;
  Angles(const GptOptions& o, std::int64_t from, std::int64_t count) {
    const std::int64_t half = o.width / o.heads / 2;
    std::vector<float> c, s;
    for (std::int64_t t = from; t < from + count; ++t)
      for (std::int64_t i = 0; i < half; ++i) {
        const double angle =
            static_cast<double>(t) *
            std::pow(o.rope_base, -static_cast<double>(i) / static_cast<double>(half));
        c.push_back(static_cast<float>(std::cos(angle)));
        s.push_back(static_cast<float>(std::sin(angle)));
      }
    cos = Tensor::from(c, {count, half});
    sin = Tensor::from(s, {count, half});
  }
};

// x: [B, H, T, D], each pair of values turned by the angle of its position.
Tensor turned(const Tensor& x, const Angles& angles, bool interleaved) {
  const std::int64_t half = x.dim(3) / 2;
  Tensor a, b;
  if (interleaved) {
    const Tensor pairs = ops::reshape(x, {x.dim(0), x.dim(1), x.dim(2), half, 2});
    a = ops::squeeze(ops::slice(pairs, 4, 0, 1, 1), {4});
    b = ops::squeeze(ops::slice(pairs, 4, 1, 2, 1), {4});
  } else {
    a = ops::slice(x, 3, 0, half, 1);
    b = ops::slice(x, 3, half, 2 * half, 1);
  }
  const Tensor first = a * angles.cos - b * angles.sin, second = a * angles.sin + b * angles.cos;
  if (!interleaved) return ops::concat(TensorList{first, second}, 3);
  return ops::reshape(ops::stack(TensorList{first, second}, 4), x.shape());
}

}  // namespace

// Keys and values of the tokens so far, by layer.
struct Gpt::Cache {
  std::vector<Tensor> keys, values;
  std::int64_t length = 0;
};

class Gpt::Block final : public nn::Module {
 public:
  explicit Block(const GptOptions& o) : options_(o) {
    const bool llama = o.form == GptOptions::Form::llama;
    const std::int64_t keys = o.width / o.heads * o.key_heads;
    norm1_ = norm("norm1", llama);
    query_ = &make_child<nn::Linear>("query", o.width, o.width, !llama);
    key_ = &make_child<nn::Linear>("key", o.width, keys, !llama);
    value_ = &make_child<nn::Linear>("value", o.width, keys, !llama);
    projection_ = &make_child<nn::Linear>("projection", o.width, o.width, !llama);
    norm2_ = norm("norm2", llama);
    if (llama) gate_ = &make_child<nn::Linear>("gate", o.width, o.hidden, false);
    up_ = &make_child<nn::Linear>("up", o.width, o.hidden, !llama);
    down_ = &make_child<nn::Linear>("down", o.hidden, o.width, !llama);
    dropout1_ = &make_child<nn::Dropout>("dropout1", o.dropout);
    dropout2_ = &make_child<nn::Dropout>("dropout2", o.dropout);
  }
  Tensor forward(const Tensor&) override {
    throw InternalError("Gpt::Block: run() needs the positions");
  }
  std::string describe() const override { return "GptBlock()"; }

  Tensor run(const Tensor& x, const Angles* angles, Cache* cache, std::size_t layer) {
    const Tensor y = (*norm1_)(x);
    Tensor q = nn::split_heads((*query_)(y), options_.heads),
           k = nn::split_heads((*key_)(y), options_.key_heads),
           v = nn::split_heads((*value_)(y), options_.key_heads);
    if (angles) {
      q = turned(q, *angles, options_.rope_interleaved);
      k = turned(k, *angles, options_.rope_interleaved);
    }
    if (cache) {
      if (cache->length > 0) {
        k = ops::concat(TensorList{cache->keys[layer], k}, 2);
        v = ops::concat(TensorList{cache->values[layer], v}, 2);
      }
      cache->keys[layer] = k;
      cache->values[layer] = v;
    }
    const Tensor seen =
        nn::attend(q, k, v, {.causal = true, .dropout = training() ? options_.dropout : 0});
    const Tensor z = x + (*dropout1_)((*projection_)(nn::join_heads(seen)));
    const Tensor w = (*norm2_)(z);
    const Tensor inner = gate_ ? ops::silu((*gate_)(w)) * (*up_)(w) : ops::gelu_tanh((*up_)(w));
    return z + (*dropout2_)((*down_)(inner));
  }

 protected:
  void reset(const nn::InitScope& scope) override {
    const double d = options_.deviation;
    const double residual = d / std::sqrt(2.0 * static_cast<double>(options_.layers));
    for (auto [linear, name, deviation] : {std::tuple{query_, "query.weight", d},
                                           {key_, "key.weight", d},
                                           {value_, "value.weight", d},
                                           {gate_, "gate.weight", d},
                                           {up_, "up.weight", d},
                                           {projection_, "projection.weight", residual},
                                           {down_, "down.weight", residual}}) {
      if (!linear) continue;
      nn::normal(linear->weight, scope, name, 0, deviation);
      if (linear->bias.defined()) nn::constant(linear->bias, 0);
    }
  }

 private:
  nn::Module* norm(const char* name, bool llama) {
    if (llama) return &make_child<nn::RmsNorm>(name, options_.width, options_.epsilon);
    return &make_child<nn::LayerNorm>(name, options_.width, options_.epsilon);
  }
  const GptOptions options_;
  nn::Module *norm1_, *norm2_;
  nn::Linear *query_, *key_, *value_, *projection_, *gate_ = nullptr, *up_, *down_;
  nn::Dropout *dropout1_, *dropout2_;
};

struct Gpt::Parts {
  nn::Embedding* tokens;
  nn::Embedding* positions = nullptr;
  nn::Dropout* dropout;
  std::vector<Block*> blocks;
  nn::Module* norm;
  nn::Linear* output = nullptr;
};

Gpt::Gpt(GptOptions options)
    : options_(checked(std::move(options))), parts_(std::make_unique<Parts>()) {
  const GptOptions& o = options_;
  Parts& p = *parts_;
  p.tokens = &make_child<nn::Embedding>("tokens", o.vocabulary, o.width, o.deviation);
  const bool llama = o.form == GptOptions::Form::llama;
  if (!llama)
    p.positions = &make_child<nn::Embedding>("positions", o.positions, o.width, o.deviation);
  p.dropout = &make_child<nn::Dropout>("dropout", o.dropout);
  nn::Sequential& layers = make_child<nn::Sequential>("layers");
  for (std::int64_t i = 0; i < o.layers; ++i) p.blocks.push_back(&layers.emplace<Block>(o));
  if (llama) {
    p.norm = &make_child<nn::RmsNorm>("norm", o.width, o.epsilon);
  } else {
    p.norm = &make_child<nn::LayerNorm>("norm", o.width, o.epsilon);
  }
  if (!o.tied) p.output = &make_child<nn::Linear>("output", o.width, o.vocabulary, false);
}

Gpt::~Gpt() = default;

Tensor Gpt::run(const Tensor& ids, Cache* cache) {
  require<ShapeError>(ids.rank() == 2, "Gpt: ids must be [batch, tokens], not {}",
                      athanor::describe(ids));
  Parts& p = *parts_;
  const std::int64_t past = cache ? cache->length : 0, count = ids.dim(1);
  require<ShapeError>(past + count <= options_.positions,
                      "Gpt: {} tokens, the model has {} positions; shorten the text", past + count,
                      options_.positions);
  Tensor x = (*p.tokens)(ids);
  std::optional<Angles> angles;
  if (p.positions) {
    x = x + (*p.positions)(ops::slice(Tensor::arange(past + count), 0, past, past + count, 1));
  } else {
    angles.emplace(options_, past, count);
  }
  x = (*p.dropout)(x);
  for (std::size_t i = 0; i < p.blocks.size(); ++i)
    x = p.blocks[i]->run(x, angles ? &*angles : nullptr, cache, i);
  if (cache) cache->length += count;
  x = (*p.norm)(x);
  return p.output ? (*p.output)(x) : ops::linear(x, p.tokens->weight);
}

Tensor Gpt::forward(const Tensor& ids) { return run(ids, nullptr); }

namespace {

std::int64_t choose(const float* logits, std::int64_t count, const Sampling& s, Random& random) {
  const auto likeliest = std::max_element(logits, logits + count) - logits;
  if (s.temperature <= 0) return likeliest;
  std::vector<float> values(logits, logits + count);
  float lowest = -std::numeric_limits<float>::infinity();
  if (s.top_k > 0 && s.top_k < count) {
    std::vector<float> sorted = values;
    std::nth_element(sorted.begin(), sorted.begin() + (s.top_k - 1), sorted.end(),
                     std::greater<>());
    lowest = sorted[static_cast<std::size_t>(s.top_k - 1)];
  }
  std::vector<double> weights;
  double total = 0;
  for (const float v : values) {
    weights.push_back(v < lowest ? 0 : std::exp((v - logits[likeliest]) / s.temperature));
    total += weights.back();
  }
  double left = random.uniform() * total;
  for (std::int64_t i = 0; i < count; ++i) {
    left -= weights[static_cast<std::size_t>(i)];
    if (left < 0) return i;
  }
  return likeliest;
}

}  // namespace

Tensor Gpt::generate(const Tensor& ids, std::int64_t count, const Sampling& sampling) {
  require(count >= 0, "Gpt: cannot generate {} tokens", count);
  require<ShapeError>(ids.rank() == 2 && ids.dim(1) >= 1,
                      "Gpt: ids must be [batch, at least 1 token], not {}", athanor::describe(ids));
  require<ShapeError>(ids.dim(1) + count <= options_.positions,
                      "Gpt: {} tokens and {} more, the model has {} positions", ids.dim(1), count,
                      options_.positions);
  const NoGrad no_grad;
  struct Evaluating {
    nn::Module& m;
    bool before;
    ~Evaluating() { m.train(before); }
  } const guard{*this, training()};
  eval();
  Cache cache;
  cache.keys.resize(parts_->blocks.size());
  cache.values.resize(parts_->blocks.size());
  Random random({sampling.seed, 0});
  TensorList all{ids};
  Tensor next = ids;
  for (std::int64_t i = 0; i < count; ++i) {
    const Tensor logits = run(next, &cache);
    const std::int64_t last = logits.dim(1) - 1, size = logits.dim(2);
    const std::vector<float> values = ops::slice(logits, 1, last, last + 1, 1).to_vector<float>();
    std::vector<std::int64_t> chosen;
    for (std::int64_t b = 0; b < ids.dim(0); ++b)
      chosen.push_back(choose(values.data() + b * size, size, sampling, random));
    next = Tensor::from(chosen, {ids.dim(0), 1});
    all.push_back(next);
  }
  return ops::concat(all, 1);
}

std::string Gpt::describe() const {
  return fmt::format("Gpt({}, {} layers, width {}, {} heads)",
                     options_.form == GptOptions::Form::gpt2 ? "gpt2" : "llama", options_.layers,
                     options_.width, options_.heads);
}

void Gpt::reset(const nn::InitScope& scope) {
  if (parts_->output)
    nn::normal(parts_->output->weight, scope, "output.weight", 0, options_.deviation);
}

}  // namespace athanor::text

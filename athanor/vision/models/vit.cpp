#include "athanor/vision/models/vit.hpp"

#include "athanor/base/error.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/name_table.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::vision {

namespace {

VitOptions checked(VitOptions o) {
  if (o.hidden == 0) o.hidden = 4 * o.width;
  for (const auto& [name, value] : {std::pair{"image", o.image},
                                    {"patch", o.patch},
                                    {"channels", o.channels},
                                    {"width", o.width},
                                    {"layers", o.layers},
                                    {"heads", o.heads},
                                    {"hidden", o.hidden},
                                    {"classes", o.classes}})
    require(value >= 1, "Vit: {} must be at least 1, not {}", name, value);
  require(o.image % o.patch == 0, "Vit: pictures of {} must be a multiple of the patches of {}",
          o.image, o.patch);
  require(o.width % o.heads == 0, "Vit: width {} must be a multiple of the {} heads", o.width,
          o.heads);
  return o;
}

void small(nn::Linear& linear, const nn::InitScope& scope, const char* name) {
  nn::truncated_normal(linear.weight, scope, name, 0, 0.02);
  nn::constant(linear.bias, 0);
}

}  // namespace

class Vit::Block final : public nn::Module {
 public:
  explicit Block(const VitOptions& o)
      : options_(o),
        norm1_(make_child<nn::LayerNorm>("norm1", o.width, o.epsilon)),
        query_(make_child<nn::Linear>("query", o.width, o.width)),
        key_(make_child<nn::Linear>("key", o.width, o.width)),
        value_(make_child<nn::Linear>("value", o.width, o.width)),
        projection_(make_child<nn::Linear>("projection", o.width, o.width)),
        norm2_(make_child<nn::LayerNorm>("norm2", o.width, o.epsilon)),
        up_(make_child<nn::Linear>("up", o.width, o.hidden)),
        down_(make_child<nn::Linear>("down", o.hidden, o.width)),
        dropout1_(make_child<nn::Dropout>("dropout1", o.dropout)),
        dropout2_(make_child<nn::Dropout>("dropout2", o.dropout)) {}
  Tensor forward(const Tensor& x) override {
    const Tensor y = norm1_(x);
    const std::int64_t heads = options_.heads;
    const Tensor seen = nn::attend(
        nn::split_heads(query_(y), heads), nn::split_heads(key_(y), heads),
        nn::split_heads(value_(y), heads), {.dropout = training() ? options_.dropout : 0});
    const Tensor z = x + dropout1_(projection_(nn::join_heads(seen)));
    return z + dropout2_(down_(ops::gelu(up_(norm2_(z)))));
  }
  std::string describe() const override { return "VitBlock()"; }

 protected:
  void reset(const nn::InitScope& scope) override {
    small(query_, scope, "query.weight");
    small(key_, scope, "key.weight");
    small(value_, scope, "value.weight");
    small(projection_, scope, "projection.weight");
    small(up_, scope, "up.weight");
    small(down_, scope, "down.weight");
  }

 private:
  const VitOptions options_;
  nn::LayerNorm& norm1_;
  nn::Linear &query_, &key_, &value_, &projection_;
  nn::LayerNorm& norm2_;
  nn::Linear &up_, &down_;
  nn::Dropout &dropout1_, &dropout2_;
};

Vit::Vit(VitOptions options) : options_(checked(options)) {
  const VitOptions& o = options_;
  const std::int64_t side = o.image / o.patch;
  class_token_ = add_parameter("class_token", Tensor::zeros({1, 1, o.width}));
  positions_ = add_parameter("positions", Tensor::zeros({1, side * side + 1, o.width}));
  patches_ = &make_child<nn::Conv2d>("patches", o.channels, o.width, o.patch,
                                     nn::ConvOptions{.stride = {o.patch, o.patch}, .bias = true});
  dropout_ = &make_child<nn::Dropout>("dropout", o.dropout);
  nn::Sequential& layers = make_child<nn::Sequential>("layers");
  for (std::int64_t i = 0; i < o.layers; ++i) blocks_.push_back(&layers.emplace<Block>(o));
  norm_ = &make_child<nn::LayerNorm>("norm", o.width, o.epsilon);
  head_ = &make_child<nn::Linear>("head", o.width, o.classes);
}

Tensor Vit::forward(const Tensor& x) {
  const VitOptions& o = options_;
  require<ShapeError>(
      x.rank() == 4 && x.dim(1) == o.channels && x.dim(2) == o.image && x.dim(3) == o.image,
      "Vit: input must be [N, {}, {}, {}], not {}; resize the pictures", o.channels, o.image,
      o.image, athanor::describe(x));
  Tensor y = ops::permute(ops::flatten((*patches_)(x), 2), {0, 2, 1});
  const Tensor token = ops::expand(class_token_, {x.dim(0), 1, o.width});
  y = (*dropout_)(ops::concat(TensorList{token, y}, 1) + positions_);
  for (Block* block : blocks_) y = (*block)(y);
  return (*head_)((*norm_)(ops::squeeze(ops::slice(y, 1, 0, 1, 1), {1})));
}

std::string Vit::describe() const {
  return fmt::format("Vit({} layers, width {}, {} heads, patches of {})", options_.layers,
                     options_.width, options_.heads, options_.patch);
}

void Vit::reset(const nn::InitScope& scope) {
  nn::truncated_normal(class_token_, scope, "class_token", 0, 0.02);
  nn::truncated_normal(positions_, scope, "positions", 0, 0.02);
  const auto fan = static_cast<double>(nn::fan_of(patches_->weight.shape(), nn::Fan::in));
  nn::truncated_normal(patches_->weight, scope, "patches.weight", 0, 1 / std::sqrt(fan));
  nn::constant(patches_->bias, 0);
  nn::constant(head_->weight, 0);
  nn::constant(head_->bias, 0);
}

TensorMap vit_weights(const TensorMap& file) {
  static const std::vector<std::string> prefixes = {"vit.", "module.", "model."};
  const auto both = [](std::vector<nn::NameRule>& rules, const std::string& theirs,
                       std::vector<std::string> ours) {
    for (const char* kind : {".weight", ".bias"}) {
      std::vector<std::string> names;
      for (const std::string& name : ours) names.push_back(name + kind);
      rules.push_back({theirs + kind, names});
    }
  };
  static const std::vector<nn::NameRule> rules = [&] {
    std::vector<nn::NameRule> r;
    const std::vector<std::string> packed = {"layers.*.query", "layers.*.key", "layers.*.value"};
    // timm
    r.push_back({"cls_token", {"class_token"}});
    r.push_back({"pos_embed", {"positions"}});
    both(r, "patch_embed.proj", {"patches"});
    both(r, "blocks.*.norm1", {"layers.*.norm1"});
    both(r, "blocks.*.norm2", {"layers.*.norm2"});
    both(r, "blocks.*.attn.qkv", packed);
    both(r, "blocks.*.attn.proj", {"layers.*.projection"});
    both(r, "blocks.*.mlp.fc1", {"layers.*.up"});
    both(r, "blocks.*.mlp.fc2", {"layers.*.down"});
    // torchvision
    const std::string layer = "encoder.layers.encoder_layer_*.";
    r.push_back({"encoder.pos_embedding", {"positions"}});
    both(r, "conv_proj", {"patches"});
    both(r, layer + "ln_1", {"layers.*.norm1"});
    both(r, layer + "ln_2", {"layers.*.norm2"});
    for (const char* kind : {"weight", "bias"}) {
      std::vector<std::string> names;
      for (const std::string& name : packed) names.push_back(name + "." + kind);
      r.push_back({layer + "self_attention.in_proj_" + kind, names});
    }
    both(r, layer + "self_attention.out_proj", {"layers.*.projection"});
    both(r, layer + "mlp.0", {"layers.*.up"});
    both(r, layer + "mlp.3", {"layers.*.down"});
    both(r, layer + "mlp.linear_1", {"layers.*.up"});
    both(r, layer + "mlp.linear_2", {"layers.*.down"});
    both(r, "encoder.ln", {"norm"});
    both(r, "heads.head", {"head"});
    // Hugging Face
    r.push_back({"embeddings.cls_token", {"class_token"}});
    r.push_back({"embeddings.position_embeddings", {"positions"}});
    both(r, "embeddings.patch_embeddings.projection", {"patches"});
    const std::string hf = "encoder.layer.*.";
    both(r, hf + "layernorm_before", {"layers.*.norm1"});
    both(r, hf + "layernorm_after", {"layers.*.norm2"});
    both(r, hf + "attention.attention.query", {"layers.*.query"});
    both(r, hf + "attention.attention.key", {"layers.*.key"});
    both(r, hf + "attention.attention.value", {"layers.*.value"});
    both(r, hf + "attention.output.dense", {"layers.*.projection"});
    both(r, hf + "intermediate.dense", {"layers.*.up"});
    both(r, hf + "output.dense", {"layers.*.down"});
    both(r, "layernorm", {"norm"});
    both(r, "classifier", {"head"});
    both(r, "pooler.dense", {});  // not used by the classifier
    return r;
  }();
  return nn::translate_names(file, rules, prefixes);
}

}  // namespace athanor::vision

#include "athanor/text/models/lstm_classifier.hpp"

#include <limits>

#include "athanor/base/error.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::text {

LstmClassifier::LstmClassifier(LstmClassifierOptions o)
    : options_(o),
      tokens_(make_child<nn::Embedding>("tokens", o.vocabulary, o.width, 0.1)),
      dropout1_(make_child<nn::Dropout>("dropout1", o.dropout)),
      lstm_(make_child<nn::Lstm>(
          "lstm", o.width, o.hidden,
          nn::RecurrentOptions{
              .layers = o.layers, .bidirectional = o.bidirectional, .dropout = o.dropout})),
      dropout2_(make_child<nn::Dropout>("dropout2", o.dropout)),
      output_(
          make_child<nn::Linear>("output", 2 * (o.bidirectional ? 2 : 1) * o.hidden, o.labels)) {}

Tensor LstmClassifier::run(const Tensor& ids, const Tensor& lengths) {
  require<ShapeError>(ids.rank() == 2 && ids.dim(1) >= 1,
                      "LstmClassifier: ids must be [batch, at least 1 token], not {}",
                      athanor::describe(ids));
  const Tensor x = dropout1_(tokens_(ops::permute(ids, {1, 0})));
  const Tensor y = lstm_.run(x, {}, {}, lengths).y;  // [T, B, states]
  Tensor mean, largest;
  if (lengths.defined()) {
    const Tensor steps = ops::reshape(Tensor::arange(y.dim(0)), {-1, 1});
    const Tensor inside = ops::unsqueeze(ops::gt(lengths, steps), {2});
    mean = ops::sum(y, {0}) / ops::unsqueeze(ops::cast(lengths, y.dtype()), {1});
    largest = ops::amax(
        ops::where(inside, y, Tensor::scalar(std::numeric_limits<float>::lowest(), y.dtype())),
        {0});
  } else {
    mean = ops::mean(y, {0});
    largest = ops::amax(y, {0});
  }
  return output_(dropout2_(ops::concat(TensorList{mean, largest}, 1)));
}

std::string LstmClassifier::describe() const {
  return fmt::format("LstmClassifier({} labels)", options_.labels);
}

}  // namespace athanor::text

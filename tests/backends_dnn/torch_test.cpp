#include <fstream>
#include <map>
#include <sstream>

#include "athanor/autograd/autograd.hpp"
#include "support.hpp"

// Values that PyTorch 1.13 computed in float64; make_torch_values.py wrote them.
namespace athanor::testing {
namespace {

const std::map<std::string, std::vector<double>>& values() {
  static const auto all = [] {
    std::map<std::string, std::vector<double>> out;
    std::ifstream file(std::string(ATH_SOURCE_DIR) + "/tests/backends_dnn/torch_values.txt");
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string name;
      words >> name;
      double v;
      while (words >> v) out[name].push_back(v);
    }
    return out;
  }();
  return all;
}

void expect_torch(const Tensor& got, const std::string& name) {
  const auto at = values().find(name);
  ASSERT_TRUE(at != values().end()) << name << " is not in tests/backends_dnn/torch_values.txt";
  expect_near(got, at->second, 2e-5, name);
}

Tensor leaf(const Shape& shape, double seed) { return nhwc(wave(shape, seed)).set_requires_grad(); }

TEST(AsPyTorch, ConvolutionWithGroupsStrideAndDilation) {
  const Tensor x = leaf({2, 4, 9, 8}, 0.1), w = wave({6, 2, 3, 3}, 0.2).set_requires_grad(),
               b = wave({6}, 0.3).set_requires_grad();
  const Tensor y = ops::conv2d(x, w, b, {2, 1}, {1, 2}, {1, 2}, 2);
  autograd::backward(y, wave(y.shape(), 0.4));
  expect_torch(y, "conv.y");
  expect_torch(x.grad(), "conv.dx");
  expect_torch(w.grad(), "conv.dw");
  expect_torch(b.grad(), "conv.db");
}

TEST(AsPyTorch, BatchNormalisationWithRelu6) {
  const Tensor x = leaf({3, 5, 4, 4}, 0.1), w = wave({5}, 1.2).set_requires_grad(),
               b = wave({5}, 0.3).set_requires_grad();
  const auto [y, mean, variance] = ops::batch_norm_train(x, w, b, 1e-3, "relu6");
  autograd::backward(y, wave(y.shape(), 0.4));
  expect_torch(y, "norm.y");
  expect_torch(x.grad(), "norm.dx");
  expect_torch(w.grad(), "norm.dw");
  expect_torch(b.grad(), "norm.db");
}

TEST(AsPyTorch, Pooling) {
  const Tensor x = leaf({2, 3, 7, 8}, 0.1);
  const Tensor y = ops::max_pool2d(x, {3, 3}, {2, 2}, {1, 1});
  autograd::backward(y, wave(y.shape(), 0.4));
  expect_torch(y, "max.y");
  expect_torch(x.grad(), "max.dx");
  const Tensor z = leaf({2, 3, 7, 8}, 0.1);
  const Tensor a = ops::avg_pool2d(z, {3, 2}, {2, 2}, {1, 1});
  autograd::backward(a, wave(a.shape(), 0.4));
  expect_torch(a, "avg.y");
  expect_torch(z.grad(), "avg.dx");
  const Tensor p = leaf({2, 3, 7, 8}, 0.1);
  const Tensor c = ops::adaptive_avg_pool2d(p, {3, 5});
  autograd::backward(c, wave(c.shape(), 0.4));
  expect_torch(c, "adaptive.y");
  expect_torch(p.grad(), "adaptive.dx");
}

TEST(AsPyTorch, ProductsWithBroadcastBatches) {
  const Tensor a = wave({2, 1, 3, 4}, 0.1).set_requires_grad(),
               b = wave({5, 4, 2}, 0.2).set_requires_grad();
  const Tensor y = ops::matmul(a, b);
  autograd::backward(y, wave(y.shape(), 0.4));
  expect_torch(y, "matmul.y");
  expect_torch(a.grad(), "matmul.da");
  expect_torch(b.grad(), "matmul.db");
}

}  // namespace
}  // namespace athanor::testing

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "athanor/autograd/autograd.hpp"
#include "athanor/io/weights.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/nn/random_scope.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/optim/optimizer.hpp"
#include "athanor/vision/models/model.hpp"
#include "athanor/vision/models/pretrained.hpp"
#include "tests/support/files.hpp"
#include "tests/support/npz.hpp"

namespace athanor {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

void expect_near(const Tensor& got, const Tensor& want, double relative, double absolute,
                 const std::string& what) {
  ASSERT_EQ(got.shape(), want.shape()) << what;
  const auto a = got.to_vector<double>(), b = want.to_vector<double>();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]) - relative * std::abs(b[i]));
  EXPECT_LE(worst, absolute) << what;
}

TEST(Models, EachRunsOnItsSmallestInputAndGivesLogits) {
  for (const vision::ModelInfo& info : vision::model_list()) {
    for (const std::int64_t channels : {1, 3}) {
      const auto model = vision::make_model(info.name, {.num_classes = 5, .in_channels = channels});
      model->eval();
      const NoGrad no_grad;
      const Tensor x =
          ops::random_normal({2, channels, info.min_input_size, info.min_input_size}, 1, 2);
      const Tensor y = (*model)(x);
      EXPECT_EQ(y.shape(), (Shape{2, 5})) << info.name;
      for (const float v : y.to_vector<float>()) EXPECT_TRUE(std::isfinite(v)) << info.name;
      EXPECT_EQ(model->features(ops::channels_last(x)).shape(), (Shape{2, model->feature_count()}));
      for (const std::string& name : model->classifier_names())
        EXPECT_TRUE(model->state_dict().contains(name)) << name;
      EXPECT_TRUE(model->state_dict().contains(model->stem_name())) << info.name;
      EXPECT_THROW((*model)(Tensor::zeros({2, channels + 1, 64, 64})), ShapeError);
    }
  }
}

TEST(Models, HaveThePublishedNumberOfParameters) {
  // torchvision's and akamaster's tables; small_cnn: ours.
  const std::pair<const char*, std::int64_t> counts[] = {
      {"resnet18", 11689512},    {"resnet34", 21797672},          {"resnet50", 25557032},
      {"mobilenet_v2", 3504872}, {"mobilenet_v3_small", 2542856}, {"mobilenet_v3_large", 5483032}};
  for (const auto& [name, count] : counts)
    EXPECT_EQ(nn::count_parameters(*vision::make_model(name)), count) << name;
  const std::pair<const char*, std::int64_t> cifar[] = {{"cifar_resnet20", 269722},
                                                        {"cifar_resnet32", 464154},
                                                        {"cifar_resnet44", 658586},
                                                        {"cifar_resnet56", 853018}};
  for (const auto& [name, count] : cifar)
    EXPECT_EQ(nn::count_parameters(*vision::make_model(name, {.num_classes = 10})), count) << name;
  for (const vision::ModelInfo& info : vision::model_list()) {
    const std::int64_t classes = info.input_size == 224 ? 1000 : 10;
    EXPECT_NEAR(static_cast<double>(nn::count_parameters(
                    *vision::make_model(info.name, {.num_classes = classes}))) /
                    1e6,
                info.parameters, 0.006)
        << info.name;
  }
}

TEST(Models, AnUnknownNameIsAnsweredWithTheList) {
  try {
    vision::make_model("resnet19");
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("resnet18"));
    EXPECT_THAT(error.what(), HasSubstr("mobilenet_v3_large"));
  }
  EXPECT_EQ(vision::find_model("resnet19"), nullptr);
  EXPECT_THROW(vision::make_model("resnet18", {.num_classes = 0}), ValueError);
  EXPECT_THROW(vision::make_model("resnet18", {.in_channels = 0}), ValueError);
}

TEST(Models, CifarResNetsGiveTheReferenceOutputsOfTheirTrainedWeights) {
  const std::pair<const char*, const char*> cases[] = {
      {"cifar_resnet20", "weights/cifar10-resnet20-12fca82f"},
      {"cifar_resnet56", "weights/cifar10-resnet56-4bfd9763"}};
  for (const auto& [name, file] : cases) {
    const auto weights = test::test_data(std::string(file) + ".th"),
               reference = test::test_data(std::string(file) + ".ref.npz");
    if (!std::filesystem::exists(weights) || !std::filesystem::exists(reference)) continue;
    const auto model = vision::make_model(name, {.num_classes = 10});
    const auto report =
        vision::load_pretrained(*model, io::load_weights(weights), weights.string());
    EXPECT_THAT(report.ignored, IsEmpty());
    EXPECT_THAT(report.missing, IsEmpty());
    EXPECT_THAT(report.replaced, IsEmpty());
    EXPECT_EQ(report.file_classes, 10);
    model->eval();
    const NoGrad no_grad;
    const TensorMap ref = test::read_npz(reference);
    expect_near((*model)(ref.at("in.x")), ref.at("out.logits"), 1e-4, 1e-5, name);
  }
}

// torchvision's model with random weights and statistics: its output, and for one also gradients
// and statistics of a training step.
constexpr const char* kTorchvision = R"py(
import numpy as np, torch, torchvision
torch.manual_seed(3)
torch.set_num_threads(2)
for name in ['resnet18', 'resnet50', 'mobilenet_v2', 'mobilenet_v3_small', 'mobilenet_v3_large']:
    m = getattr(torchvision.models, name)(num_classes=7)
    for n, b in m.named_buffers():
        if n.endswith('running_mean'): b.normal_(0, 0.1)
        if n.endswith('running_var'): b.uniform_(0.5, 1.5)
    for n, p in m.named_parameters():
        if p.dim() == 1: p.data.add_(torch.randn_like(p) * 0.1)
    x = torch.randn(2, 3, 64, 64)
    torch.save(m.state_dict(), name + '.pth')
    out = {'x': x.numpy(), 'y': m.eval()(x).detach().numpy()}
    if name == 'resnet18':
        m.train()
        xt = torch.randn(4, 3, 96, 96)
        target = torch.tensor([1, 5, 0, 3])
        loss = torch.nn.functional.cross_entropy(m(xt), target)
        loss.backward()
        out.update(xt=xt.numpy(), target=target.numpy(), loss=loss.detach().numpy())
        out.update({'grad.' + n: p.grad.numpy() for n, p in m.named_parameters()})
        out.update({'after.' + n: b.numpy() for n, b in m.named_buffers() if 'running' in n})
    np.savez(name + '.npz', **out)
)py";

TEST(Models, EqualTorchvisionsInOutputAndGradient) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::run_python(kTorchvision, folder.path()));
  for (const std::string name :
       {"resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"}) {
    const auto model = vision::make_model(name, {.num_classes = 7, .seed = 1});
    const auto report =
        vision::load_pretrained(*model, io::load_weights(folder / (name + ".pth")), name);
    EXPECT_THAT(report.missing, IsEmpty());
    const TensorMap ref = test::read_npz(folder / (name + ".npz"));
    model->eval();
    {
      const NoGrad no_grad;
      expect_near((*model)(ref.at("x")), ref.at("y"), 1e-4, 1e-4, name);
    }
    if (name != "resnet18") continue;
    model->train();
    const Tensor loss = nn::cross_entropy((*model)(ref.at("xt")), ref.at("target"));
    EXPECT_NEAR(loss.item(), ref.at("loss").item(), 1e-4);
    autograd::backward(loss);
    for (const auto& [key, tensor] : model->parameters()) {
      const Tensor& want = ref.at("grad." + key);
      double largest = 0;
      for (const double v : want.to_vector<double>()) largest = std::max(largest, std::abs(v));
      ASSERT_TRUE(tensor.grad().defined()) << key;
      expect_near(tensor.grad(), want, 1e-3, 1e-3 * largest + 1e-6, "gradient of " + key);
    }
    for (const auto& [key, tensor] : model->buffers())
      expect_near(tensor, ref.at("after." + key), 1e-4, 1e-5, key);
  }
}

TEST(Pretrained, AClassifierOfOtherClassesIsReplacedAndReported) {
  const auto from = vision::make_model("cifar_resnet20", {.num_classes = 10, .seed = 1});
  const auto to = vision::make_model("cifar_resnet20", {.num_classes = 4, .seed = 2});
  TensorMap weights = from->state_dict();
  weights["bn1.num_batches_tracked"] = Tensor::zeros({}, DType::i64);
  const auto head = to->state_dict().at("linear.weight").to_bytes();
  const auto report = vision::load_pretrained(*to, weights, "w.pth");
  EXPECT_THAT(report.replaced, testing::ElementsAre("linear.weight", "linear.bias"));
  EXPECT_THAT(report.ignored, testing::ElementsAre("bn1.num_batches_tracked"));
  EXPECT_EQ(report.file_classes, 10);
  EXPECT_EQ(report.loaded.size(), from->state_dict().size() - 2);
  EXPECT_EQ(to->state_dict().at("linear.weight").to_bytes(), head);
  EXPECT_EQ(to->state_dict().at("layer2.1.conv2.weight").to_bytes(),
            weights.at("layer2.1.conv2.weight").to_bytes());
}

TEST(Pretrained, GreyPicturesGiveTheSameFeaturesThroughAnAdaptedFirstLayer) {
  const auto colour = vision::make_model("cifar_resnet20", {.num_classes = 3, .seed = 1});
  const auto grey =
      vision::make_model("cifar_resnet20", {.num_classes = 3, .in_channels = 1, .seed = 2});
  const auto report = vision::load_pretrained(*grey, colour->state_dict(), "w");
  EXPECT_THAT(report.adapted, testing::ElementsAre("conv1.weight"));
  colour->eval();
  grey->eval();
  const NoGrad no_grad;
  const Tensor x = ops::random_normal({2, 1, 16, 16}, 1, 2);
  const Tensor three[] = {x, x, x};
  expect_near((*grey)(x), (*colour)(ops::concat(three, 1)), 1e-4, 1e-5, "grey");
}

TEST(Pretrained, WrongWeightsAreRefusedInFourPartsAndTheModelStays) {
  const auto model = vision::make_model("cifar_resnet20", {.num_classes = 10, .seed = 1});
  const auto before = model->state_dict().at("conv1.weight").to_bytes();
  const auto other = vision::make_model("small_cnn", {.num_classes = 10, .width = 8});
  const auto larger = vision::make_model("cifar_resnet56", {.num_classes = 10});
  TensorMap broken = model->state_dict();
  broken["linear.bias"] = Tensor::full({10}, NAN);
  TensorMap uneven = model->state_dict();
  uneven["linear.bias"] = Tensor::zeros({11});
  TensorMap shape = larger->state_dict();
  shape["layer1.0.conv1.weight"] = Tensor::zeros({16, 16, 5, 5});
  for (const TensorMap& weights : {other->state_dict(), broken, uneven, shape, TensorMap{}}) {
    try {
      vision::load_pretrained(*model, weights, "some.pth");
      FAIL();
    } catch (const RefusalError& error) {
      const Refusal& r = error.refusal();
      EXPECT_EQ(r.exit, Exit::model);
      EXPECT_EQ(r.code, "weights-do-not-fit");
      EXPECT_EQ(r.where, "some.pth");
      for (const Text& text : {r.what, r.why, r.fix}) {
        EXPECT_FALSE(text.en.empty());
        EXPECT_FALSE(text.zh.empty());
      }
    }
  }
  EXPECT_EQ(model->state_dict().at("conv1.weight").to_bytes(), before);
}

TEST(Models, ASmallCnnLearnsFourPatternsInThirtySteps) {
  const auto model =
      vision::make_model("small_cnn", {.num_classes = 4, .in_channels = 1, .width = 4});
  // Class k: stripes in one of four directions, with noise.
  std::vector<float> pixels;
  std::vector<std::int64_t> labels;
  Random random({4, 2});
  for (int i = 0; i < 32; ++i) {
    labels.push_back(i % 4);
    for (int y = 0; y < 16; ++y)
      for (int x = 0; x < 16; ++x) {
        const int phase[] = {x, y, x + y, x - y + 32};
        pixels.push_back((phase[i % 4] / 2 % 2 ? 1.0f : -1.0f) + 0.3f * random.normal());
      }
  }
  const Tensor x = Tensor::from(pixels, {32, 1, 16, 16}), target = Tensor::from(labels, {32});
  optim::Sgd sgd(optim::decay_groups(*model, 5e-4), {.momentum = 0.9, .nesterov = true});
  double first = 0, last = 0;
  for (std::uint64_t step = 0; step < 30; ++step) {
    const nn::RandomScope scope(1, step);
    sgd.zero_grad();
    const Tensor loss = nn::cross_entropy((*model)(x), target);
    autograd::backward(loss);
    sgd.step(0.05);
    last = loss.item();
    if (step == 0) first = last;
  }
  EXPECT_GT(first, 1.0);
  EXPECT_LT(last, 0.1);
}

}  // namespace
}  // namespace athanor

#include "ops_test.hpp"

namespace athanor {
namespace {

using namespace test;  // NOLINT

// Inputs and results of torch.nn.functional.cross_entropy (PyTorch 1.13, float64).
const std::vector<double> kLogits{0.5, -1.25, 2.0,  0.75, 3.0,  -0.5,
                                  0.0, 1.5,   -2.0, 1.0,  0.25, -0.75};
const std::vector<double> kClasses{2, 0, 1};
const std::vector<double> kProbabilities{0.1, 0.2, 0.3,  0.4,  0.7,  0.1,
                                         0.1, 0.1, 0.25, 0.25, 0.25, 0.25};
const std::vector<double> kWeight{0.5, 2.0, 1.0, 0.25};

struct Case {
  const char* name;
  bool soft, weighted;
  double smoothing;
  std::vector<double> none;
  double mean, sum;
  std::vector<double> gradient;  // of the mean
};

const Case kCases[] = {
    {"indices",
     false,
     false,
     0,
     {0.43722805861390257, 0.26475725431943276, 0.5282298268817608},
     0.4100717132716987,
     1.2302151398150962,
     {0.048034280433328275, 0.008347106331704011, -0.11805862371373244, 0.061677236948700156,
      -0.07753593049595642, 0.007724412251913535, 0.012735402783386522, 0.05707611546065633,
      0.009785612194036682, -0.13678405829401408, 0.09284330349406879, 0.03415514260590864}},
    {"probabilities",
     true,
     false,
     0,
     {1.7372280586139026, 1.0647572543194328, 1.903229826881761},
     1.568405046605032,
     4.705215139815096,
     {0.014700947099994947, -0.058319560334962654, 0.11527470961960093, -0.07165609638463316,
      0.02246406950404359, -0.025608921081419798, -0.02059793054994681, 0.023742782127322993,
      -0.07354772113929665, 0.11321594170598592, 0.00950997016073546, -0.04917819072742469}},
    {"indices, weights",
     false,
     true,
     0,
     {0.43722805861390257, 0.13237862715971638, 1.0564596537635216},
     0.46459038272489733,
     1.6260663395371406,
     {0.04117224037142423, 0.0071546625700320094, -0.10119310604034208, 0.05286620309888585,
      -0.033229684498267034, 0.003310462393677229, 0.005458029764308509, 0.024461192340281282,
      0.01677533518977717, -0.2344869570754527, 0.15915994884697507, 0.058551673038700534}},
    {"probabilities, weights",
     true,
     true,
     0,
     {1.8716438498218173, 1.2162111466656171, 1.1670904627016507},
     1.4183151530630285,
     4.254945459189085,
     {0.024162471701662365, -0.12623829295138492, 0.08298350317666077, 0.019092318073061804,
      0.055996580248562744, -0.06145268839662503, -0.024736936454547432, 0.030193044602609687,
      -0.03249265523475728, 0.017598278682695114, 0.0037072636923561487, 0.011187112859706019}},
    {"indices, smoothing",
     false,
     false,
     0.1,
     {0.5872280586139025, 0.46475725431943277, 0.6657298268817609},
     0.5725717132716988,
     1.7177151398150963,
     {0.03970094709999495, 1.377299837067916e-05, -0.09305862371373243, 0.05334390361536683,
      -0.05253593049595636, -0.0006089210814197959, 0.004402069450053192, 0.04874278212732301,
      0.0014522788607033512, -0.11178405829401404, 0.08450997016073548, 0.025821809272575325}},
    {"probabilities, smoothing",
     true,
     false,
     0.1,
     {1.7572280586139029, 1.184757254319433, 1.903229826881761},
     1.615071713271699,
     4.845215139815097,
     {0.009700947099994943, -0.05998622700162932, 0.11694137628626758, -0.06665609638463318,
      0.03746406950404358, -0.030608921081419802, -0.025597930549946815, 0.01874278212732299,
      -0.07354772113929665, 0.11321594170598592, 0.00950997016073546, -0.04917819072742469}},
    {"indices, weights, smoothing",
     false,
     true,
     0.1,
     {0.6235578832475657, 0.40333675703619154, 1.0675227346573344},
     0.5984049642688833,
     2.094417374941092,
     {0.03734348529767426, -0.007175768356744977, -0.08091779198473281, 0.05075007504380353,
      -0.012922996177579688, -0.0106855864325903, -0.0012072497741716392, 0.02481583238434161,
      0.012312716936391684, -0.2095298374808193, 0.14356171942162238, 0.053655401122805285}},
    {"probabilities, weights, smoothing",
     true,
     true,
     0.1,
     {1.914532095334689, 1.3787860245915025, 1.1670904627016507},
     1.4868028608759474,
     4.460408582627842,
     {0.022082771655453987, -0.12949858910431583, 0.08653382355249893, 0.020881993896362926,
      0.07021126207304391, -0.07124992257501231, -0.029402632131483537, 0.030441292633451918,
      -0.03249265523475728, 0.017598278682695114, 0.0037072636923561487, 0.011187112859706019}},
};

TEST(CrossEntropy, ValuesAndGradientsAreThoseOfPyTorch) {
  for (const Case& c : kCases)
    for (DType dtype : {DType::f64, DType::f32}) {
      SCOPED_TRACE(std::string(c.name) + " " + std::string(name_of(dtype)));
      const double tolerance = dtype == DType::f64 ? 1e-14 : 1e-6;
      const Tensor x = values(kLogits, {3, 4}, dtype).set_requires_grad();
      const Tensor target =
          c.soft ? values(kProbabilities, {3, 4}, dtype) : values(kClasses, {3}, DType::i64);
      const Tensor weight = c.weighted ? values(kWeight, {4}, dtype) : Tensor();
      expect_near(ops::cross_entropy(x, target, weight, c.smoothing, "none"), c.none, tolerance);
      expect_near(ops::cross_entropy(x, target, weight, c.smoothing, "sum"), {c.sum}, tolerance);
      const Tensor loss = ops::cross_entropy(x, target, weight, c.smoothing);
      expect_near(loss, {c.mean}, tolerance);
      autograd::backward(loss);
      expect_near(x.grad(), c.gradient, tolerance);
    }
}

TEST(CrossEntropy, OfImagesIsThatOfPyTorchInAnyMemoryOrder) {
  std::vector<double> v;
  for (int i = 0; i < 24; ++i) v.push_back(std::sin(i * 0.37 - 3));
  const Tensor target = values({0, 2, 1, 1, 2, 0, 0, 1}, {2, 2, 2}, DType::i64);
  const Tensor weight = values({0.5, 2.0, 1.0}, {3}, DType::f64);
  const Tensor x = values(v, {2, 3, 2, 2}, DType::f64).set_requires_grad();
  const Tensor loss = ops::cross_entropy(x, target, weight, 0.1);
  EXPECT_NEAR(loss.item(), 1.4834327519789205, 1e-14);
  autograd::backward(loss);
  const Tensor nhwc = ops::channels_last(x.detach()).set_requires_grad();
  const Tensor again = ops::cross_entropy(nhwc, target, weight, 0.1);
  EXPECT_NEAR(again.item(), 1.4834327519789205, 1e-14);
  autograd::backward(again);
  EXPECT_TRUE(nhwc.grad().is_channels_last());
  expect_near(nhwc.grad(), x.grad().to_vector<double>(), 1e-14);
}

TEST(CrossEntropy, LargeLogitsKeepTheirDigits) {
  // log(1 + e^-1) = 0.31326168751822286, whatever is added to both logits.
  const Tensor x = values({30000, 30001}, {1, 2}).set_requires_grad();
  const Tensor loss = ops::cross_entropy(x, values({1}, {1}, DType::i64));
  EXPECT_NEAR(loss.item(), 0.31326168751822286, 1e-7);
  autograd::backward(loss);
  expect_near(x.grad(), {0.2689414213699951, -0.2689414213699951}, 2e-7);
}

TEST(CrossEntropy, AClassOfProbabilityZeroDoesNotDisturb) {
  const Tensor x = values({0, 0, -kInf}, {1, 3});
  EXPECT_NEAR(ops::cross_entropy(x, values({1}, {1}, DType::i64)).item(), std::log(2.0), 1e-7);
}

TEST(CrossEntropy, AClassOutsideIsNamedWithItsRow) {
  const Tensor x = Tensor::zeros({4, 10});
  EXPECT_NE(error_of<IndexError>([&] {
              ops::cross_entropy(x, values({0, 9, 10, 3}, {4}, DType::i64));
            }).find("cross_entropy: target 10 in row 2 is outside [0, 10)"),
            std::string::npos);
  EXPECT_NE(error_of<IndexError>([&] {
              ops::cross_entropy(x, values({0, -1, 2, 3}, {4}, DType::i32));
            }).find("target -1 in row 1"),
            std::string::npos);
}

TEST(CrossEntropy, HasTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = scattered({500, 91});
  std::vector<double> classes;
  for (int i = 0; i < 500; ++i) classes.push_back(i * 7 % 91);
  const Tensor target = values(classes, {500}, DType::i64);
  expect_same_bits([&] { return ops::cross_entropy(x, target, {}, 0.1); });
  expect_same_bits([&] {
    const Tensor leaf = x.detach().set_requires_grad();
    autograd::backward(ops::cross_entropy(leaf, target));
    return leaf.grad();
  });
}

TEST(BinaryCrossEntropy, ValuesAndGradientsAreThoseOfPyTorch) {
  for (DType dtype : {DType::f64, DType::f32}) {
    const Tensor x = values({0.0, -3.0, 2.5, 100.0, -100.0}, {5}, dtype).set_requires_grad();
    const Tensor t = values({0.3, 1.0, 0.0, 1.0, 0.5}, {5}, dtype);
    const double tolerance = dtype == DType::f64 ? 1e-14 : 1e-6;
    expect_near(ops::bce_with_logits(x, t, {}, "none"),
                {0.6931471805599453, 3.048587351573742, 2.5788897342925496, 0.0, 50.0}, tolerance);
    autograd::backward(ops::bce_with_logits(x, t, {}, "sum"));
    expect_near(x.grad(), {0.2, -0.9525741268224333, 0.9241418199787566, 0.0, -0.5}, tolerance);
  }
}

TEST(Losses, OfDistancesAreTheirFormulas) {
  const Tensor x = values({1, 2, 4}, {3}).set_requires_grad(), t = values({1, 0, 5}, {3});
  EXPECT_FLOAT_EQ(static_cast<float>(ops::mse_loss(x, t).item()), 5.0f / 3);
  EXPECT_EQ(ops::l1_loss(x, t, "sum").item(), 3);
  autograd::backward(ops::l1_loss(x, t, "sum"));
  expect_near(x.grad(), {0, 1, -1}, 0);
  EXPECT_NE(error_of<ShapeError>([&] {
              ops::mse_loss(x, Tensor::zeros({3, 1}));
            }).find("mse_loss: target f32[3,1] must have the shape of x f32[3]"),
            std::string::npos);
}

}  // namespace
}  // namespace athanor

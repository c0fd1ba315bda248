#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/backends/cpu/pointwise.hpp"
#include "athanor/backends/cpu/tiles.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/op/sample.hpp"
#include "athanor/ops/operators.hpp"

// The judge is athanor::evaluate, which computes in float64 with the C library.
namespace athanor::backends::cpu {
namespace {

const Expr x0 = Expr::argument(0), x1 = Expr::argument(1), x2 = Expr::argument(2);

// Distance in units of the last place of f32, 0 for two NaN; the exact value may lie between two.
double ulps(float got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : 1e9;
  if (std::isnan(got)) return 1e9;
  const float rounded = static_cast<float>(exact);
  if (std::isinf(got) || std::isinf(rounded)) return got == rounded ? 0 : 1e9;
  const double unit =
      std::max(std::ldexp(1.0, std::ilogb(std::max(std::fabs(rounded), 0x1p-126f)) - 23), 0x1p-149);
  return std::fabs(static_cast<double>(got) - exact) / unit;
}

// Every scale of f32, both signs, and the values at which functions change their form.
std::vector<float> wide_values() {
  std::vector<float> v = {0.0f,
                          -0.0f,
                          1.0f,
                          -1.0f,
                          0.5f,
                          -0.5f,
                          0.625f,
                          0.92773f,
                          1e-45f,
                          1e-40f,
                          -1e-40f,
                          1.17549e-38f,
                          3.40282e38f,
                          -3.40282e38f,
                          88.72f,
                          88.73f,
                          89.1f,
                          -87.3f,
                          -87.4f,
                          -103.9f,
                          -104.1f,
                          3.14159274f,
                          1.57079637f,
                          8192.0f,
                          8193.0f,
                          1e6f,
                          16777216.0f,
                          8388607.5f,
                          4.5f,
                          9.01f,
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()};
  Random random({3, 4});
  for (int i = 0; i < 20000; ++i) {
    const float magnitude =
        std::ldexp(1.0f + random.uniform(), static_cast<int>(random.below(277)) - 149);
    v.push_back(random.flip() ? magnitude : -magnitude);
  }
  for (int i = 0; i < 20000; ++i) v.push_back(random.uniform(-12, 12));
  for (int i = 0; i < 5000; ++i) v.push_back(random.uniform(-1, 1) * 0.01f);
  return v;
}

struct Bound {
  Expr e;
  double ulps;
};

class UnaryInstruction : public testing::TestWithParam<Bound> {};

TEST_P(UnaryInstruction, StaysWithinItsBoundOfFloat64OnEveryScaleOfF32) {
  const auto [e, bound] = GetParam();
  const std::vector<float> values = wide_values();
  const Tensor x = Tensor::from(values, {static_cast<std::int64_t>(values.size())});
  const Tensor y = Tensor::empty(x.shape());
  run_expr(e, {&x, 1}, y);
  double worst = 0;
  float at = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double exact = evaluate(e, std::array{static_cast<double>(values[i])});
    const double distance = ulps(y.data<float>()[i], exact);
    if (distance > worst) worst = distance, at = values[i];
    if (exact == 0) {
      EXPECT_EQ(std::signbit(y.data<float>()[i]), std::signbit(exact)) << to_string(e) << values[i];
    }
  }
  EXPECT_LE(worst, bound) << to_string(e) << " at " << at;
}

// The bound of 1 allows for an exact value between two floats that rounds the other way.
INSTANTIATE_TEST_SUITE_P(
    All, UnaryInstruction,
    testing::Values(Bound{-x0, 0.5}, Bound{abs(x0), 0.5}, Bound{sign(x0), 0.5},
                    Bound{reciprocal(x0), 0.51}, Bound{sqrt(x0), 0.51}, Bound{rsqrt(x0), 1.5},
                    Bound{exp(x0), 1}, Bound{expm1(x0), 3}, Bound{log(x0), 1}, Bound{log1p(x0), 2},
                    Bound{tanh(x0), 2}, Bound{sigmoid(x0), 3}, Bound{erf(x0), 1.5},
                    Bound{asin(x0), 2.5}, Bound{acos(x0), 2}, Bound{atan(x0), 2.5},
                    Bound{floor(x0), 0}, Bound{ceil(x0), 0}, Bound{round(x0), 0},
                    Bound{trunc(x0), 0}, Bound{!x0, 0}, Bound{is_nan(x0), 0}, Bound{sin(x0), 2},
                    Bound{cos(x0), 2}));

TEST(UnaryInstruction, ArcSineAndArcCosineStayWithinTheirBoundOnEveryFloatNearTheirSeams) {
  // All floats close to 0.5 and 1, where the form changes and the slope is steep, and a grid.
  std::vector<float> v;
  for (const float seam : {0.5f, 1.0f, -0.5f, -1.0f}) {
    float up = seam, down = seam;
    for (int i = 0; i < 5000; ++i) {
      v.push_back(up), v.push_back(down);
      up = std::nextafter(up, 2.0f), down = std::nextafter(down, -2.0f);
    }
  }
  for (int i = -50000; i <= 50000; ++i) v.push_back(static_cast<float>(i) * 2e-5f);
  const Tensor x = Tensor::from(v, {static_cast<std::int64_t>(v.size())}),
               y = Tensor::empty(x.shape());
  for (const Expr& e : {asin(x0), acos(x0)}) {
    run_expr(e, {&x, 1}, y);
    double worst = 0;
    for (std::size_t i = 0; i < v.size(); ++i)
      worst = std::max(
          worst, ulps(y.data<float>()[i], evaluate(e, std::array{static_cast<double>(v[i])})));
    EXPECT_LE(worst, 2.5) << to_string(e);
  }
}

// C17, annex F.10.1.4.
TEST(Pointwise, TheAngleOfZerosAndInfinitiesIsThatOfTheCStandard) {
  const float inf = HUGE_VALF;
  const double pi = 3.14159265358979323846;
  const std::vector<float> y{0.0f, -0.0f, 0.0f, -0.0f, 1, -1, inf, -inf, inf, -inf, 1, -1, 2};
  const std::vector<float> x{0.0f, 0.0f, -0.0f, -0.0f, 0,   -0.0f, inf,
                             inf,  -inf, -inf,  -inf,  inf, NAN};
  const std::vector<double> want{0,       -0.0,       pi,          -pi, pi / 2, -pi / 2, pi / 4,
                                 -pi / 4, 3 * pi / 4, -3 * pi / 4, pi,  -0.0,   NAN};
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto as = [&](const std::vector<float>& v) {
      const Tensor t = Tensor::empty({13}, dtype);
      t.copy_from(Tensor::from(v, {13}));
      return t;
    };
    const std::vector<double> got = ops::atan2(as(y), as(x)).to_vector<double>();
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (std::isnan(want[i])) {
        EXPECT_TRUE(std::isnan(got[i]));
        continue;
      }
      EXPECT_NEAR(got[i], want[i], dtype == DType::f32 ? 3e-7 : 1e-15) << y[i] << " " << x[i];
      EXPECT_EQ(std::signbit(got[i]), std::signbit(want[i])) << y[i] << " " << x[i];
    }
  }
}

// The examples of Python 3: 1 // 0.1 is 9, though 1 / 0.1 is 10.
TEST(Pointwise, FloorDivisionOfFloatsIsPythons) {
  const std::vector<double> a{1, -1, 7, -7, 7, -7, 0.3, 1e18, -1, 1, -0.0, 6, kInfinity};
  const std::vector<double> b{0.1, 0.1, 2, 2, -2, -2, 0.1, 3, kInfinity, -kInfinity, 5, 0.1, 2};
  const std::vector<double> want{9,  -10, 3, -4, -4,  3, 2, 333333333333333312.0,
                                 -1, -1,  0, 59, kNaN};
  const std::vector<double> got =
      ops::floor_div(Tensor::from(a, {13}), Tensor::from(b, {13})).to_vector<double>();
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (std::isnan(want[i])) {
      EXPECT_TRUE(std::isnan(got[i]));
    } else {
      EXPECT_EQ(got[i], want[i]) << a[i] << " // " << b[i];
    }
  }
  EXPECT_TRUE(std::signbit(got[10]));
}

class BinaryInstruction : public testing::TestWithParam<Bound> {};

TEST_P(BinaryInstruction, StaysWithinItsBoundOfFloat64) {
  const auto [e, bound] = GetParam();
  std::vector<float> a, b;
  const std::vector<float> values = wide_values();
  for (std::size_t i = 0; i < 33; ++i)
    for (std::size_t j = 0; j < 33; ++j) a.push_back(values[i]), b.push_back(values[j]);
  for (std::size_t i = 40; i < values.size(); ++i)
    a.push_back(values[i]), b.push_back(values[values.size() - i]);
  const auto n = static_cast<std::int64_t>(a.size());
  const Tensor in[] = {Tensor::from(a, {n}), Tensor::from(b, {n})};
  const Tensor y = Tensor::empty({n});
  run_expr(e, in, y);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double exact =
        evaluate(e, std::array{static_cast<double>(a[i]), static_cast<double>(b[i])});
    EXPECT_LE(ulps(y.data<float>()[i], exact), bound) << to_string(e) << " " << a[i] << " " << b[i];
    if (testing::Test::HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BinaryInstruction,
    testing::Values(Bound{x0 + x1, 0.51}, Bound{x0 - x1, 0.51}, Bound{x0 * x1, 0.51},
                    Bound{x0 / x1, 0.51}, Bound{max(x0, x1), 0}, Bound{min(x0, x1), 0},
                    Bound{pow(x0, x1), 1}, Bound{mod(x0, x1), 0.51}, Bound{floor_div(x0, x1), 0.51},
                    Bound{atan2(x0, x1), 3}, Bound{x0 == x1, 0}, Bound{x0 != x1, 0},
                    Bound{x0 < x1, 0}, Bound{x0 <= x1, 0}, Bound{x0 > x1, 0}, Bound{x0 >= x1, 0},
                    Bound{x0 && x1, 0}, Bound{x0 || x1, 0}, Bound{where(x0, x1, x0 + 1.0), 0.51}));

TEST(Pointwise, EveryInstructionHasATileForEveryComputeTypeAndMode) {
  for (int type = 0; type < kComputeTypeCount; ++type)
    for (int op = static_cast<int>(ScalarOp::add); op < kScalarOpCount; ++op) {
      const int operands = operand_count(static_cast<ScalarOp>(op));
      for (int mode = 0; mode < (1 << operands) - 1; ++mode)
        EXPECT_NE(tile_table(type).functions[op][mode], nullptr)
            << name_of(static_cast<ScalarOp>(op)) << " " << type << " " << mode;
    }
}

TEST(Pointwise, FloatingInstructionsInFloat64AgreeWithEvaluate) {
  Random random({1, 2});
  std::vector<double> a, b;
  for (int i = 0; i < 3001; ++i) {
    a.push_back(static_cast<double>(random.uniform(-5, 5)) * (1 + 1e-9 * i));
    b.push_back(static_cast<double>(random.uniform(0, 3)));
  }
  const Tensor in[] = {Tensor::from(a, {3001}), Tensor::from(b, {3001})};
  const Tensor y = Tensor::empty({3001}, DType::f64);
  for (const Expr& e : {x0 + x1,
                        x0 * x1 - x0 / x1,
                        exp(x0),
                        log(x1),
                        tanh(x0),
                        sigmoid(x0),
                        erf(x0),
                        pow(x1, x0),
                        sin(x0) * cos(x1),
                        expm1(x0) + log1p(x1),
                        sqrt(x1),
                        where(x0 < x1, x0, floor(x1)),
                        max(x0, x1) - min(x0, x1),
                        mod(x0, x1),
                        round(x0),
                        rsqrt(x1),
                        atan(x0),
                        atan2(x0, x1),
                        asin(x0 / 5.0),
                        acos(x0 / 6.0),
                        floor_div(x0, x1)}) {
    run_expr(e, in, y);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double exact = evaluate(e, std::array{a[i], b[i]});
      ASSERT_NEAR(y.data<double>()[i], exact, 4e-16 * std::fabs(exact) + 1e-300)
          << to_string(e) << a[i] << " " << b[i];
    }
  }
}

// Integer arithmetic modulo 2^bits, by 128-bit numbers.
__extension__ using Big = __int128;
template <class T>
T modulo(Big v) {
  return static_cast<T>(static_cast<std::make_unsigned_t<T>>(v));
}

template <class T>
class IntegerInstruction : public testing::Test {};
using Integers = testing::Types<std::int64_t, std::int32_t, std::uint8_t, std::int8_t>;
TYPED_TEST_SUITE(IntegerInstruction, Integers);

TYPED_TEST(IntegerInstruction, WrapsAndNeverTraps) {
  using T = TypeParam;
  using L = std::numeric_limits<T>;
  const std::vector<T> edge = {0,
                               1,
                               2,
                               3,
                               7,
                               10,
                               100,
                               L::max(),
                               L::min(),
                               static_cast<T>(L::max() - 1),
                               static_cast<T>(-1),
                               static_cast<T>(-2),
                               static_cast<T>(-7)};
  std::vector<T> a, b;
  for (T i : edge)
    for (T j : edge) a.push_back(i), b.push_back(j);
  const auto n = static_cast<std::int64_t>(a.size());
  const Tensor in[] = {Tensor::from(a, {n}), Tensor::from(b, {n})};
  const Tensor y = Tensor::empty({n}, dtype_of<T>);
  const auto check = [&](const Expr& e, auto exact) {
    run_expr(e, in, y);
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_EQ(+y.data<T>()[i], +exact(Big{a[i]}, Big{b[i]}))
          << to_string(e) << +a[i] << " " << +b[i];
  };
  check(x0 + x1, [](Big p, Big q) { return modulo<T>(p + q); });
  check(x0 - x1, [](Big p, Big q) { return modulo<T>(p - q); });
  check(x0 * x1, [](Big p, Big q) { return modulo<T>(p * q); });
  check(x0 / x1, [](Big p, Big q) { return q == 0 ? T{0} : modulo<T>(p / q); });
  check(mod(x0, x1), [](Big p, Big q) { return q == 0 ? T{0} : modulo<T>(((p % q) + q) % q); });
  check(floor_div(x0, x1), [](Big p, Big q) {
    if (q == 0) return T{0};
    const Big rest = ((p % q) + q) % q;
    return modulo<T>((p - rest) / q);
  });
  check(bit_and(x0, x1), [](Big p, Big q) { return modulo<T>(p & q); });
  check(bit_or(x0, x1), [](Big p, Big q) { return modulo<T>(p | q); });
  check(bit_xor(x0, x1), [](Big p, Big q) { return modulo<T>(p ^ q); });
  const Big bits = 8 * sizeof(T);
  check(shift_left(x0, x1), [bits](Big p, Big q) {
    return q < 0 || q >= bits ? T{0} : modulo<T>(p * (Big{1} << static_cast<int>(q)));
  });
  check(shift_right(x0, x1), [bits](Big p, Big q) {
    return modulo<T>(p >> static_cast<int>(q < 0 || q >= bits ? bits : q));
  });
  check(-x0, [](Big p, Big) { return modulo<T>(-p); });
  check(abs(x0), [](Big p, Big) { return modulo<T>(p < 0 ? -p : p); });
  check(max(x0, x1), [](Big p, Big q) { return modulo<T>(p > q ? p : q); });
  check(min(x0, x1), [](Big p, Big q) { return modulo<T>(p < q ? p : q); });
  check(x0 < x1, [](Big p, Big q) { return T(p < q); });
  check(x0 >= x1, [](Big p, Big q) { return T(p >= q); });
  check(x0 == x1, [](Big p, Big q) { return T(p == q); });
  check(where(x0, x1, 5.0), [](Big p, Big q) { return modulo<T>(p != 0 ? q : 5); });
  check(pow(x0, x1), [](Big p, Big q) {
    if (q < 0) return p == 1 ? T{1} : p == -1 ? T(q % 2 ? -1 : 1) : T{0};
    Big r = 1, base = p;
    for (Big e = q; e > 0; e /= 2) {
      if (e % 2) r = modulo<T>(r * base);
      base = modulo<T>(base * base);
    }
    return modulo<T>(r);
  });
}

TEST(Pointwise, BitsOfBoolAreLogicAndOperatorsStandForThem) {
  const Tensor a = Tensor::empty({4}, DType::boolean), b = Tensor::empty({4}, DType::boolean);
  for (int i = 0; i < 4; ++i) a.data<bool>()[i] = i / 2 == 1, b.data<bool>()[i] = i % 2 == 1;
  using Truth = std::vector<bool>;
  EXPECT_EQ((a & b).to_vector<bool>(), (Truth{false, false, false, true}));
  EXPECT_EQ((a | b).to_vector<bool>(), (Truth{false, true, true, true}));
  EXPECT_EQ((a ^ b).to_vector<bool>(), (Truth{false, true, true, false}));
  EXPECT_EQ((~a).to_vector<bool>(), (Truth{true, true, false, false}));
  EXPECT_EQ((~a).dtype(), DType::boolean);
  EXPECT_EQ((~Tensor::full({1}, 5, DType::u8)).to_vector<std::int64_t>()[0], 250);
  EXPECT_EQ((~Tensor::full({1}, 5, DType::i64)).to_vector<std::int64_t>()[0], -6);
}

TEST(Pointwise, LargeI64IsExact) {
  const std::int64_t big = (std::int64_t{1} << 62) + 1;
  const Tensor a = Tensor::from(std::vector<std::int64_t>{big, -big}, {2});
  EXPECT_EQ((a + a).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{
                static_cast<std::int64_t>(std::uint64_t{2} * static_cast<std::uint64_t>(big)),
                -static_cast<std::int64_t>(std::uint64_t{2} * static_cast<std::uint64_t>(big))}));
  EXPECT_EQ((a - 1.0).to_vector<std::int64_t>(), (std::vector<std::int64_t>{big - 1, -big - 1}));
}

// Shapes and strides: every access pattern against plain indexing.
struct Case {
  Shape output;
  std::vector<Tensor> inputs;
};

double element(const Tensor& t, const Shape& shape, std::int64_t at) {
  std::int64_t offset = 0;
  const std::size_t lead = shape.size() - t.shape().size();
  for (std::size_t d = shape.size(); d-- > 0;) {
    const std::int64_t index = at % shape[d];
    at /= shape[d];
    if (d >= lead && t.shape()[d - lead] != 1) offset += index * t.strides()[d - lead];
  }
  return visit_dtype(t.dtype(), [&](auto tag) {
    using T = decltype(tag);
    return static_cast<double>(t.data<T>()[offset]);
  });
}

Tensor numbers(const Shape& shape, DType dtype, std::uint64_t seed) {
  Random random({seed, 9});
  std::vector<double> values;
  for (std::int64_t i = 0; i < element_count(shape); ++i)
    values.push_back(static_cast<double>(random.below(dtype == DType::boolean ? 2 : 50)));
  const Tensor t = Tensor::empty(shape, dtype);
  t.copy_from(Tensor::from(values, shape));
  return t;
}

void check_broadcast(const Shape& shape, const Tensor& a, const Tensor& b) {
  const Tensor y = ops::add(a, b);
  ASSERT_EQ(to_string(y.shape()), to_string(shape));
  const std::vector<double> got = y.to_vector<double>();
  for (std::int64_t i = 0; i < y.count(); ++i)
    ASSERT_EQ(got[static_cast<std::size_t>(i)], element(a, shape, i) + element(b, shape, i))
        << describe(a) << " + " << describe(b) << " at " << i;
}

TEST(Pointwise, EveryBroadcastAndStrideGivesTheValuesOfPlainIndexing) {
  for (DType dtype : {DType::f32, DType::i64, DType::f16}) {
    const auto t = [&](const Shape& shape) { return numbers(shape, dtype, shape.size()); };
    check_broadcast({7}, t({7}), t({7}));
    check_broadcast({}, t({}), t({}));
    check_broadcast({3, 4}, t({3, 1}), t({4}));
    check_broadcast({300, 7}, t({300, 7}), t({7}));           // periodic, short rows
    check_broadcast({300, 7}, t({300, 1}), t({300, 7}));      // one value a row, short rows
    check_broadcast({5, 700}, t({5, 1}), t({700}));           // long rows
    check_broadcast({2, 3, 400}, t({3, 1}), t({2, 3, 400}));  // channels of NCHW
    check_broadcast({4, 3, 5, 6}, t({1, 3, 1, 1}), t({4, 3, 5, 6}));
    check_broadcast({0, 3}, t({0, 3}), t({3}));
    check_broadcast({40, 33}, t({33, 40}).view_as({40, 33}, {1, 40}, 0), t({40, 33}));
    check_broadcast({90, 70}, t({70, 90}).view_as({90, 70}, {1, 90}, 0), t({90, 70}));
    check_broadcast({20, 30}, t({40, 90}).view_as({20, 30}, {180, 3}, 2), t({30}));
    check_broadcast({6}, t({6}).view_as({6}, {-1}, 5), t({6}));
    check_broadcast({2000, 3}, t({2000, 3}), t({1}).view_as({2000, 3}, {0, 0}, 0));
    const Tensor nhwc = as_channels_last(t({2, 20, 9, 11}));
    check_broadcast({2, 20, 9, 11}, nhwc, t({20, 1, 1}));
    check_broadcast({2, 20, 9, 11}, nhwc, t({2, 20, 9, 11}));
    check_broadcast({2, 20, 9, 11}, t({2, 20, 9, 11}), nhwc);
    EXPECT_TRUE(ops::add(nhwc, nhwc).is_channels_last());
  }
  check_broadcast({50}, numbers({50}, DType::u8, 1), numbers({50}, DType::f32, 2));
  check_broadcast({3000}, numbers({3000}, DType::i64, 1), numbers({3000}, DType::f32, 2));
  check_broadcast({3000}, numbers({3000}, DType::bf16, 1), numbers({3000}, DType::f16, 2));
  check_broadcast({300, 7}, numbers({300, 7}, DType::f16, 1), numbers({7}, DType::f64, 2));
}

TEST(Pointwise, AValueDoesNotDependOnItsPositionShapeOrThreads) {
  std::vector<float> values = wide_values();
  values.resize(40000);
  const Tensor x = Tensor::from(values, {40000});
  const Expr e = tanh(x0) * erf(x0) + exp(-abs(x0)) - log1p(abs(x0)) + sigmoid(x0) * sin(x0);
  const Tensor whole = Tensor::empty({40000});
  const int threads = compute_threads();
  set_compute_threads(1);
  run_expr(e, {&x, 1}, whole);
  for (int t : {2, 3}) {
    set_compute_threads(t);
    const Tensor again = Tensor::empty({40000});
    run_expr(e, {&x, 1}, again);
    EXPECT_EQ(again.to_bytes(), whole.to_bytes()) << t << " threads";
  }
  set_compute_threads(threads);
  for (const std::int64_t at : {0, 1, 3, 1023, 1025, 32766}) {
    for (const std::int64_t n : {1, 2, 5, 17, 1000}) {
      const Tensor part = x.view_as({n}, {1}, at), y = Tensor::empty({n});
      run_expr(e, {&part, 1}, y);
      EXPECT_EQ(y.to_bytes(), whole.view_as({n}, {1}, at).to_bytes()) << at << " " << n;
    }
  }
}

TEST(Pointwise, TheOutputMayLieOnAnInput) {
  const Tensor a = numbers({5000}, DType::f32, 1), b = numbers({5000}, DType::f32, 2);
  const std::vector<float> want = ops::add(ops::mul(a, b), a).to_vector<float>();
  const Tensor in[] = {a, b};
  run_expr(x0 * x1 + x0, in, a);
  EXPECT_EQ(a.to_vector<float>(), want);
}

TEST(Program, EqualSubexpressionsAreComputedOnceAndRegistersAreReused) {
  const Program shared = compile(sigmoid(x0) * sigmoid(x0) + sigmoid(x0), 1);
  EXPECT_EQ(shared.code.size(), 3u);
  Expr chain = x0;
  for (int i = 0; i < 50; ++i) chain = exp(chain) + 1.0;
  const Program p = compile(chain, 1);
  EXPECT_EQ(p.registers, 1);
  EXPECT_EQ(p.constants, 1);
  EXPECT_EQ(compile(pow(x0, 2.0), 1).code[0].op, ScalarOp::mul);
}

TEST(Program, ConstantAndArgumentAloneArePrograms) {
  const Tensor x = numbers({3, 700}, DType::f32, 5);
  const Tensor y = Tensor::empty({3, 700});
  run_expr(x0, {&x, 1}, y);
  EXPECT_EQ(y.to_vector<float>(), x.to_vector<float>());
  run_expr(Expr(2.5), {&x, 1}, y);
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(2100, 2.5f));
}

TEST(Program, ManyDifferentExpressionsStayCorrectWhenTheCacheOverflows) {
  const Tensor x = numbers({8}, DType::f32, 6), y = Tensor::empty({8});
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 700; ++i) {
      run_expr(x0 * static_cast<double>(i), {&x, 1}, y);
      ASSERT_EQ(y.data<float>()[3], x.data<float>()[3] * static_cast<float>(i));
    }
}

TEST(Cast, EveryPairOfDtypesConvertsByTheRules) {
  const std::vector<double> values = {0,   1,    -1,   2.7,   -2.7,      127,        128,
                                      200, 255,  256,  -129,  65504,     1e5,        -1e5,
                                      3e9, -3e9, 1e19, -1e19, kInfinity, -kInfinity, kNaN};
  const auto n = static_cast<std::int64_t>(values.size());
  for (DType from : {DType::f64, DType::f32}) {
    const Tensor x = Tensor::empty({n}, from);
    x.copy_from(Tensor::from(values, {n}));
    const auto limited = [&](DType to, double low, double high) {
      const std::vector<double> got = ops::cast(x, to).to_vector<double>();
      const std::vector<double> exact = x.to_vector<double>();
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double want =
            std::isnan(exact[i]) ? 0 : std::min(std::max(std::trunc(exact[i]), low), high);
        EXPECT_EQ(got[i], want) << exact[i] << " to " << name_of(to);
      }
    };
    limited(DType::u8, 0, 255);
    limited(DType::i8, -128, 127);
    limited(DType::i32, -2147483648.0, 2147483647.0);
    limited(DType::i64, -9223372036854775808.0, 9223372036854775807.0);
    const std::vector<bool> truth = [&] {
      std::vector<bool> t;
      for (double v : values) t.push_back(v != 0);
      return t;
    }();
    const Tensor b = ops::cast(x, DType::boolean);
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(b.data<bool>()[i], truth[i]);
  }
  const Tensor wide = Tensor::from(std::vector<std::int64_t>{300, -1, 256, 1ll << 40}, {4});
  EXPECT_EQ(ops::cast(wide, DType::u8).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{44, 255, 0, 0}));
}

TEST(Cast, HalvesRoundToNearestEven) {
  for (DType dtype : {DType::f16, DType::bf16}) {
    std::vector<float> values = wide_values();
    const Tensor x = Tensor::from(values, {static_cast<std::int64_t>(values.size())});
    const std::vector<float> got = ops::cast(x, dtype).to_vector<float>();
    // Spacing of the dtype at the value: half of it is the largest allowed distance.
    const int bits = dtype == DType::f16 ? 10 : 7, lowest = dtype == DType::f16 ? -14 : -126;
    const double top = dtype == DType::f16 ? 65520 : 3.3961775292304957e38;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double v = static_cast<double>(values[i]), g = static_cast<double>(got[i]);
      if (std::isnan(v)) {
        EXPECT_TRUE(std::isnan(g));
      } else if (std::fabs(v) >= top) {
        EXPECT_EQ(g, std::copysign(kInfinity, v));
      } else {
        const double unit =
            std::ldexp(1.0, std::max(v == 0 ? lowest : std::ilogb(v), lowest) - bits);
        const double distance = std::fabs(v - g);
        EXPECT_LE(distance, unit / 2) << v;
        if (distance == unit / 2) {
          EXPECT_EQ(std::fmod(g / unit, 2.0), 0) << v;
        }
      }
    }
  }
}

TEST(MemoryOrder, ContiguousAndChannelsLastReturnTheTensorItselfWhenItLiesSo) {
  const Tensor x = numbers({2, 3, 4, 5}, DType::f32, 1);
  EXPECT_TRUE(ops::contiguous(x).same(x));
  const Tensor n = ops::channels_last(x);
  EXPECT_TRUE(n.is_channels_last());
  EXPECT_TRUE(ops::channels_last(n).same(n));
  EXPECT_TRUE(ops::cast(x, DType::f32).same(x));
  EXPECT_EQ(n.to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(ops::contiguous(n).to_bytes(), x.to_bytes());
}

TEST(MemoryOrder, CopiesBetweenAnyStridesKeepEveryElement) {
  for (DType dtype : {DType::u8, DType::f16, DType::f32, DType::f64}) {
    const Tensor x = numbers({37, 5, 50, 41}, dtype, 3);
    const Tensor n = as_channels_last(x);
    EXPECT_EQ(n.to_bytes(), x.to_bytes()) << name_of(dtype);
    EXPECT_EQ(as_contiguous(n).to_bytes(), x.to_bytes());
    const Tensor part =
        n.view_as({37, 5, 25, 41}, {n.strides()[0], 1, n.strides()[2] * 2, n.strides()[3]}, 0);
    const Tensor target =
        Tensor::zeros({37, 5, 50, 41}, dtype).view_as({37, 5, 25, 41}, {10250, 2050, 82, 1}, 41);
    copy_into(part, target);
    EXPECT_EQ(target.to_bytes(), part.to_bytes());
    const Tensor other = Tensor::empty({37, 5, 25, 41}, DType::f32);
    copy_into(part, other);
    EXPECT_EQ(other.to_vector<double>(), part.to_vector<double>());
  }
}

}  // namespace
}  // namespace athanor::backends::cpu

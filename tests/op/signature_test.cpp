#include <gtest/gtest.h>

#include "athanor/base/error.hpp"
#include "athanor/op/signature.hpp"

namespace athanor {
namespace {

TEST(Signature, NamesTypesDefaultsAndOutputsAreRead) {
  const Signature s = Signature::parse(
      "(x, weight, bias?, stride: dims = [1,2], groups: integer = 3, scale: real = -0.5, on: flag "
      "= "
      "true, mode: text = \"mean\", dtype: dtype = f16, fn: expr, none: dims = []) -> y, rest");
  ASSERT_EQ(s.inputs.size(), 3u);
  EXPECT_FALSE(s.inputs[1].optional);
  EXPECT_TRUE(s.inputs[2].optional);
  ASSERT_EQ(s.attributes.size(), 8u);
  EXPECT_EQ(std::get<Dims>(s.attributes[0].value), (Dims{1, 2}));
  EXPECT_EQ(std::get<std::int64_t>(s.attributes[1].value), 3);
  EXPECT_EQ(std::get<double>(s.attributes[2].value), -0.5);
  EXPECT_TRUE(std::get<bool>(s.attributes[3].value));
  EXPECT_EQ(std::get<std::string>(s.attributes[4].value), "mean");
  EXPECT_EQ(std::get<DType>(s.attributes[5].value), DType::f16);
  EXPECT_EQ(s.attributes[6].value.index(), 0u);
  EXPECT_TRUE(std::get<Dims>(s.attributes[7].value).empty());
  EXPECT_EQ(s.outputs, (std::vector<std::string>{"y", "rest"}));
  EXPECT_EQ(s.attribute_index("groups"), 1u);
  EXPECT_THROW((void)s.attribute_index("group"), InternalError);
}

TEST(Signature, TheLastInputMayBeVariadic) {
  const Signature s = Signature::parse("(a, xs..., axis: integer = 0) -> y");
  EXPECT_FALSE(s.inputs[0].variadic);
  EXPECT_TRUE(s.inputs[1].variadic);
  EXPECT_EQ(s.inputs[1].name, "xs");
  EXPECT_TRUE(Signature::parse("(shape: dims) -> y").inputs.empty());
}

TEST(Signature, WhatIsNoSignatureIsRefused) {
  for (const char* text : {"", "x -> y", "(x)", "(x -> y", "(x, n: number) -> y",
                           "(x, n: integer = one) -> y", "(x, f: expr = x0) -> y"})
    EXPECT_THROW(Signature::parse(text), Error) << text;
}

TEST(Attrs, EqualValuesAreEqualAndHashAlike) {
  const Signature s = Signature::parse("(x, stride: dims, p: real, fn: expr) -> y");
  const Expr x = Expr::argument(0);
  const Attrs a(s, {Attr(Dims{1, 2}), Attr(0.5), Attr(x * 2.0)});
  const Attrs b(s, {Attr(Dims{1, 2}), Attr(0.5), Attr(Expr::argument(0) * 2.0)});
  EXPECT_TRUE(a == b);
  EXPECT_EQ(a.hash(), b.hash());
  const Attrs c = a.with("p", 0.25);
  EXPECT_FALSE(a == c);
  EXPECT_NE(a.hash(), c.hash());
  EXPECT_EQ(c.real("p"), 0.25);
  EXPECT_EQ(a.to_string(), "stride=[1,2], p=0.5, fn=mul(x0, 2)");
}

}  // namespace
}  // namespace athanor

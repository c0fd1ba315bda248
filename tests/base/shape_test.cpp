#include "athanor/base/shape.hpp"

#include <gtest/gtest.h>

#include "athanor/base/error.hpp"

namespace athanor {
namespace {

TEST(Shape, CountsAndStridesBeyond2To62AreRefused) {
  const std::int64_t big = std::int64_t{1} << 40;
  const Shape whole{big, big, 3}, empty{0, big, big, 8};
  EXPECT_THROW((void)element_count(whole), ShapeError);
  EXPECT_THROW((void)contiguous_strides(Shape{1, big, big, 3}), ShapeError);
  EXPECT_THROW((void)channels_last_strides(Shape{1, big, big, 3}), ShapeError);
  EXPECT_THROW((void)contiguous_strides(empty), ShapeError);
  EXPECT_EQ(contiguous_strides(Shape{big, 1, 3}), (Strides{3, 3, 1}));
}

}  // namespace
}  // namespace athanor

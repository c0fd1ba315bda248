#pragma once

#include <vector>

#include "athanor/op/op.hpp"

// What the records of bitwise ops share.
namespace athanor::ops {

/// Pairs of integers or bool, with and without broadcasting.
std::vector<Sample> bit_samples(SampleMaker& m);
/// Integers and counts, some of them outside the bits of the dtype.
std::vector<Sample> shift_samples(SampleMaker& m);

}  // namespace athanor::ops

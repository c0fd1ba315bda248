#pragma once

#include <map>
#include <string>

#include "athanor/tensor/tensor.hpp"

namespace athanor::testing_support {

/// The arrays of a NumPy .npz file (a zip of .npy files, stored or deflated), by name.
std::map<std::string, Tensor> read_npz(const std::string& path);

/// A file of the test data: ATHANOR_TEST_DATA, or shared/data beside the source folder. Adds a
/// failure when it is not there.
std::string test_data(const std::string& name);

}  // namespace athanor::testing_support

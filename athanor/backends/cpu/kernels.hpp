#pragma once

#include "athanor/op/dispatch.hpp"

// Each kernel file fills its part of the table.
namespace athanor::backends::cpu {}  // namespace athanor::backends::cpu

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "athanor/base/dtype.hpp"
#include "athanor/op/expr.hpp"

namespace athanor::backends::cpu {

/// The types that programs compute in; halves compute in f32, bool in u8.
inline constexpr DType kComputeTypes[] = {DType::f32, DType::f64, DType::i64,
                                          DType::i32, DType::u8,  DType::i8};
inline constexpr int kComputeTypeCount = 6;
/// Position of the compute type for a dtype in kComputeTypes.
int compute_index(DType dtype);

/// An expression as a list of instructions over slots: first the inputs, then the constants, then
/// registers. Equal subexpressions are computed once; a register is used again when its value is
/// dead. The last instruction makes the result and writes no register.
struct Program {
  struct Instruction {
    ScalarOp op = ScalarOp::argument;  ///< argument: copies its operand
    std::uint8_t operand_count = 1;
    std::uint16_t operands[3] = {0, 0, 0};
    std::uint16_t target = 0;
  };
  int inputs = 0;
  int constants = 0;
  int registers = 0;
  std::vector<Instruction> code;
  /// The constants in each compute type, 8 bytes for each.
  std::array<std::vector<std::uint64_t>, kComputeTypeCount> values;

  int slots() const { return inputs + constants + registers; }
};

/// `inputs`: number of arguments that are bound, at least the highest in use plus one.
Program compile(const Expr& e, int inputs);

}  // namespace athanor::backends::cpu

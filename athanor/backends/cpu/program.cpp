#include "athanor/backends/cpu/program.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>

#include "athanor/base/convert.hpp"
#include "athanor/base/error.hpp"

namespace athanor::backends::cpu {

int compute_index(DType dtype) {
  constexpr int index[] = {4, 4, 5, 3, 2, 0, 0, 0, 1};
  return index[static_cast<int>(dtype)];
}

namespace {

// The values of an expression, each once, operands before their users.
class Values {
 public:
  struct Value {
    ScalarOp op;
    std::uint64_t leaf = 0;  // argument index or constant bits
    std::array<int, 3> operands{-1, -1, -1};
    friend auto operator<=>(const Value&, const Value&) = default;
  };

  int add(const Expr& e) {
    const auto known = by_node_.find(e.node());
    if (known != by_node_.end()) return known->second;
    Value v{e.op()};
    if (e.op() == ScalarOp::argument) v.leaf = static_cast<std::uint64_t>(e.index());
    if (e.op() == ScalarOp::constant) v.leaf = std::bit_cast<std::uint64_t>(e.value());
    for (int i = 0; i < operand_count(e.op()); ++i)
      v.operands[static_cast<std::size_t>(i)] = add(e.operand(i));
    const int id = add(v, e);
    by_node_[e.node()] = id;
    return id;
  }
  const std::vector<Value>& all() const { return values_; }

 private:
  int add(Value v, const Expr& e) {
    // Small whole exponents are products: exact as often as pow, and many times faster.
    if (v.op == ScalarOp::pow && e.operand(1).op() == ScalarOp::constant) {
      const int base = v.operands[0];
      const double exponent = e.operand(1).value();
      if (exponent == 1) return base;
      if (exponent == 2) return intern({ScalarOp::mul, 0, {base, base, -1}});
      if (exponent == 3)
        return intern({ScalarOp::mul, 0, {intern({ScalarOp::mul, 0, {base, base, -1}}), base, -1}});
      if (exponent == -1) return intern({ScalarOp::reciprocal, 0, {base, -1, -1}});
    }
    return intern(v);
  }
  int intern(const Value& v) {
    const auto [at, fresh] = ids_.try_emplace(v, static_cast<int>(values_.size()));
    if (fresh) values_.push_back(v);
    return at->second;
  }

  std::unordered_map<const ExprNode*, int> by_node_;
  std::map<Value, int> ids_;
  std::vector<Value> values_;
};

std::uint64_t constant_bits(DType compute, double value) {
  return visit_dtype(compute, [&](auto tag) {
    using T = decltype(tag);
    const T converted = convert_element<T>(value);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &converted, sizeof(T));
    return bits;
  });
}

}  // namespace

Program compile(const Expr& e, int inputs) {
  Values all;
  const int root = all.add(e);
  const auto& values = all.all();

  std::vector<int> last_use(values.size(), -1);
  for (std::size_t v = 0; v < values.size(); ++v)
    for (const int o : values[v].operands)
      if (o >= 0) last_use[static_cast<std::size_t>(o)] = static_cast<int>(v);

  Program p;
  p.inputs = inputs;
  std::vector<int> slot(values.size(), -1);
  for (std::size_t v = 0; v < values.size(); ++v) {
    if (values[v].op == ScalarOp::argument) {
      ATH_ASSERT(static_cast<int>(values[v].leaf) < inputs);
      slot[v] = static_cast<int>(values[v].leaf);
    } else if (values[v].op == ScalarOp::constant) {
      slot[v] = inputs + p.constants++;
      for (int c = 0; c < kComputeTypeCount; ++c)
        p.values[static_cast<std::size_t>(c)].push_back(
            constant_bits(kComputeTypes[c], std::bit_cast<double>(values[v].leaf)));
    }
  }
  std::vector<int> idle;
  for (std::size_t v = 0; v <= static_cast<std::size_t>(root); ++v) {
    if (values[v].op == ScalarOp::argument || values[v].op == ScalarOp::constant) continue;
    Program::Instruction i;
    i.op = values[v].op;
    i.operand_count = static_cast<std::uint8_t>(operand_count(i.op));
    for (int k = 0; k < operand_count(i.op); ++k) {
      const int o = values[v].operands[static_cast<std::size_t>(k)];
      i.operands[k] = static_cast<std::uint16_t>(slot[static_cast<std::size_t>(o)]);
      const bool first = std::find(values[v].operands.begin(), values[v].operands.begin() + k, o) ==
                         values[v].operands.begin() + k;
      // An instruction may write over an operand: it reads element i before it writes it.
      if (first && last_use[static_cast<std::size_t>(o)] == static_cast<int>(v) &&
          slot[static_cast<std::size_t>(o)] >= inputs + p.constants)
        idle.push_back(slot[static_cast<std::size_t>(o)]);
    }
    if (static_cast<int>(v) != root) {
      if (idle.empty()) {
        slot[v] = inputs + p.constants + p.registers++;
      } else {
        slot[v] = idle.back();
        idle.pop_back();
      }
      i.target = static_cast<std::uint16_t>(slot[v]);
    }
    p.code.push_back(i);
  }
  if (p.code.empty()) {
    Program::Instruction copy;
    copy.operands[0] = static_cast<std::uint16_t>(slot[static_cast<std::size_t>(root)]);
    p.code.push_back(copy);
  }
  ATH_ASSERT(p.slots() < 65536);
  return p;
}

}  // namespace athanor::backends::cpu

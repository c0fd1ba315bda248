#pragma once

#include "athanor/tensor/tensor.hpp"

// Functions whose result has a shape that depends on the values of their input. They read values,
// so they are no ops: a captured graph, whose shapes are known before, cannot hold them, and
// capturing one throws. Results that can have a gradient have it through the op that picks them.
namespace athanor::ops {

/// The places of the elements that are not zero (NaN is not), in row-major order. x: any shape and
/// dtype; the result: i64 [count, rank of x]. As torch.nonzero.
Tensor nonzero(const Tensor& x);

/// The elements of x at which mask is true, in row-major order, [count]. mask: bool, of x's shape
/// or one that broadcasts to it. Differentiable in x. Throws ShapeError, DTypeError.
Tensor masked_select(const Tensor& x, const Tensor& mask);

/// What unique() finds; the last three are i64.
struct Unique {
  Tensor values;   ///< in ascending order, NaN last and counted as equal; [count]
  Tensor first;    ///< where in the flattened input each value stands first; [count]
  Tensor inverse;  ///< which of the values each element is, in the shape of the input
  Tensor counts;   ///< how often each value occurs; [count]
};

/// The distinct elements of x, of any shape and number dtype or bool, which is taken as flat. Not
/// differentiable.
Unique unique(const Tensor& x);

/// Non-maximum suppression: the indices, i64 [count], of the boxes that stay, best score first. A
/// box stays unless one of higher score that stays overlaps it by more than `iou_threshold`
/// (intersection over union); of equal scores the first counts as higher. boxes: [N, 4] as left,
/// top, right, bottom; scores: [N]. `classes`: integers [N] of which only equal ones suppress each
/// other; undefined: all are one class. Throws ShapeError, DTypeError, ValueError for a threshold
/// outside [0, 1] or NaN in the boxes or scores.
Tensor nms(const Tensor& boxes, const Tensor& scores, double iou_threshold,
           const Tensor& classes = {});

}  // namespace athanor::ops

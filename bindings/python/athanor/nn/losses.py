"""Losses with the names and defaults of the field. reduction: "none", "mean" or "sum"."""
from .. import ops
from . import functional
from .module import Module


class _Loss(Module):
    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction


class CrossEntropyLoss(_Loss):
    """Softmax cross-entropy of logits [N, C, ...] with class numbers [N, ...] or probabilities [N, C, ...].

    weight: [C]; label_smoothing in [0, 1); ignore_index: a class number that counts nothing, None for none.
    """

    def __init__(self, weight=None, label_smoothing=0.0, reduction="mean", ignore_index=None):
        super().__init__(reduction)
        self.weight, self.label_smoothing, self.ignore_index = weight, label_smoothing, ignore_index

    def forward(self, logits, target):
        return functional.cross_entropy(logits, target, self.weight, self.label_smoothing, self.reduction,
                                        self.ignore_index)


class BCEWithLogitsLoss(_Loss):
    """Sigmoid cross-entropy of independent labels; target in [0, 1] like logits; weight broadcasts."""

    def __init__(self, weight=None, reduction="mean"):
        super().__init__(reduction)
        self.weight = weight

    def forward(self, logits, target):
        return ops.bce_with_logits(logits, target, self.weight, self.reduction)


class MSELoss(_Loss):
    """The squared difference."""

    def forward(self, x, target):
        return ops.mse_loss(x, target, self.reduction)


class L1Loss(_Loss):
    """The absolute difference."""

    def forward(self, x, target):
        return ops.l1_loss(x, target, self.reduction)


class NLLLoss(_Loss):
    """Minus the log-probability [N, C, ...] of the class numbers [N, ...]; weight: [C]; ignore_index counts nothing."""

    def __init__(self, weight=None, ignore_index=None, reduction="mean"):
        super().__init__(reduction)
        self.weight, self.ignore_index = weight, ignore_index

    def forward(self, log_probs, target):
        return functional.nll_loss(log_probs, target, self.weight, self.ignore_index, self.reduction)


class HuberLoss(_Loss):
    """Squared below delta, straight beyond it."""

    def __init__(self, reduction="mean", delta=1.0):
        super().__init__(reduction)
        self.delta = delta

    def forward(self, x, target):
        return ops.huber_loss(x, target, self.delta, self.reduction)


class SmoothL1Loss(_Loss):
    """The Huber loss divided by beta."""

    def __init__(self, reduction="mean", beta=1.0):
        super().__init__(reduction)
        self.beta = beta

    def forward(self, x, target):
        return functional.smooth_l1_loss(x, target, self.reduction, self.beta)


class KLDivLoss(_Loss):
    """Divergence of log-probabilities from target; reduction "batchmean" is the divergence itself."""

    def __init__(self, reduction="mean", log_target=False):
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, x, target):
        return ops.kl_div(x, target, self.log_target, self.reduction)


class FocalLoss(_Loss):
    """The focal loss of independent labels (Lin et al. 2017)."""

    def __init__(self, alpha=0.25, gamma=2.0, reduction="mean"):
        super().__init__(reduction)
        self.alpha, self.gamma = alpha, gamma

    def forward(self, logits, target):
        return ops.focal_loss(logits, target, self.alpha, self.gamma, self.reduction)


class TripletMarginLoss(_Loss):
    """max(d(anchor, positive) - d(anchor, negative) + margin, 0) of vectors [N, D]."""

    def __init__(self, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
        super().__init__(reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor, positive, negative):
        return ops.triplet_margin_loss(anchor, positive, negative, self.margin, self.p, self.eps, self.swap,
                                       self.reduction)


class CTCLoss(_Loss):
    """Connectionist temporal classification of log-probabilities [T, N, C] with targets [N, S]."""

    def __init__(self, blank=0, reduction="mean", zero_infinity=False):
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        return ops.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.zero_infinity,
                            self.reduction)

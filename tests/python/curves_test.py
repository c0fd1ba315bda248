"""Fifty training steps from the same weights and data have PyTorch's losses (small forms; bench/loss_curves.py has
the whole ones)."""
import pathlib
import sys
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import loss_curves  # noqa: E402


class Curves(unittest.TestCase):
    def check(self, name):
        (theirs, ours), _ = loss_curves.run(name, small=True)
        np.testing.assert_allclose(ours, theirs, rtol=loss_curves.LIMIT)
        self.assertNotAlmostEqual(theirs[0], theirs[-1], delta=1e-3)  # something was learned

    def test_bert(self):
        self.check("bert")

    def test_vit(self):
        self.check("vit")

    def test_resnet18(self):
        self.check("resnet18")

    def test_lstm(self):
        self.check("lstm")


if __name__ == "__main__":
    unittest.main()

"""The example programs run, learn, and give the same model for the same seed."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import athanor as ath

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("ATHANOR_TEST_DATA", SOURCE / ".." / "shared" / "data")).resolve()


def gpt(folder, *arguments):
    done = subprocess.run([sys.executable, SOURCE / "examples/gpt.py", SOURCE / "docs/determinism.md", "--out", folder,
                           "--sample", "20", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{"))), done.stdout


class Gpt(unittest.TestCase):
    def test_it_learns_and_repeats_itself(self):
        with tempfile.TemporaryDirectory() as folder:
            first, text = gpt(f"{folder}/a", "--steps", "15")
            again, same = gpt(f"{folder}/b", "--steps", "15")
            self.assertEqual(first["held_out_loss"], again["held_out_loss"])
            self.assertEqual(text.splitlines()[-1], same.splitlines()[-1])
            self.assertLess(first["held_out_loss"], 3.7)  # of a model that knows nothing: log(letters), above 4
            a, b = ath.load(f"{folder}/a/model.safetensors"), ath.load(f"{folder}/b/model.safetensors")
            for name in a:
                self.assertEqual(bytes(memoryview(a[name])), bytes(memoryview(b[name])), name)


class WithTestData(unittest.TestCase):
    """The examples that need data sets of people."""

    def run_example(self, name, *arguments):
        missing = [a for a in arguments if str(a).startswith(str(DATA)) and not pathlib.Path(a).exists()]
        self.assertFalse(missing, f"{missing} missing: set ATHANOR_TEST_DATA to the folder of test data")
        done = subprocess.run([sys.executable, SOURCE / "examples" / name, *map(str, arguments)], capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return float(re.findall(r"accuracy ([0-9.]+) %", done.stdout)[-1])

    def test_texts_are_told_apart_by_an_lstm_and_a_bert(self):
        common = (DATA / "text/sms-spam.tsv", "--vocab", DATA / "vocab/bert-base-uncased-vocab.txt", "--header",
                  "--epochs", "1")
        self.assertGreater(self.run_example("text_classify.py", *common), 95)
        self.assertGreater(self.run_example("text_classify.py", *common, "--model", "bert", "--layers", "1", "--width",
                                            "64"), 90)

    def test_digits_are_read_by_a_vision_transformer(self):
        self.assertGreater(self.run_example("vit_digits.py", DATA / "image/mnist-t10k-images-idx3-ubyte.gz",
                                            DATA / "image/mnist-t10k-labels-idx1-ubyte.gz", "--train", "2000",
                                            "--layers", "2", "--epochs", "4"), 20)  # chance is 10 %


if __name__ == "__main__":
    unittest.main()

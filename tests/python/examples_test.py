"""The example programs run, learn, and give the same model for the same seed."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import athanor as ath

SOURCE = pathlib.Path(__file__).resolve().parents[2]


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


if __name__ == "__main__":
    unittest.main()

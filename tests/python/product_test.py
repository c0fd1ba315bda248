"""From pictures to answers in Python: fit, predict, evaluate, load."""
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

import numpy as np

import athanor as ath

BINARY = os.environ["ATHANOR_BINARY"]


class Product(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.place = pathlib.Path(cls.folder.name)
        os.environ["ATHANOR_HOME"] = str(cls.place / "home")
        subprocess.run([BINARY, "data", "sample", str(cls.place / "photos"), "--count", "160", "--side", "64"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.model = ath.fit(cls.place / "photos", tune="head", out=cls.place / "parts.zip", quiet=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_fit_gives_a_model_with_its_accuracy(self):
        m = self.model
        self.assertEqual(m.labels, ["dent", "good", "scratch", "stain"])
        self.assertGreater(m.result["test"]["accuracy"], 0.5)
        self.assertIn("test accuracy", repr(m))

    def test_predict_takes_files_bytes_and_arrays(self):
        file = sorted((self.place / "photos" / "dent").iterdir())[0]
        answer = self.model.predict(file)
        self.assertEqual(sorted(a["label"] for a in answer), self.model.labels)
        self.assertAlmostEqual(sum(a["score"] for a in answer), 1, places=4)
        self.assertEqual(self.model.predict(file.read_bytes()), answer)
        self.assertEqual(self.model.predict([str(file), file], top_k=1), [answer[:1], answer[:1]])
        grey = np.full((30, 41), 128, np.uint8)
        colour = np.repeat(grey[:, :, None], 3, 2)
        self.assertEqual(self.model.predict(grey), self.model.predict(colour))

    def test_evaluate_counts(self):
        found = self.model.evaluate(self.place / "photos")
        self.assertEqual(found["count"], 160)
        self.assertEqual(found["correct"], round(found["accuracy"] * 160))
        self.assertEqual(sum(c["support"] for c in found["classes"].values()), 160)
        right = sum(self.model.predict(f, 1)[0]["label"] == f.parent.name
                    for f in (self.place / "photos").rglob("*.jpg"))
        self.assertEqual(right, found["correct"])

    def test_load_gives_the_same_answers_in_several_threads(self):
        model = ath.load(self.place / "parts.zip")
        files = sorted((self.place / "photos").rglob("*.jpg"))[:8]
        expected, out = self.model.predict(files), [None] * 4

        def ask(i):
            out[i] = model.predict(files)
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(out, [expected] * 4)

    def test_data_that_cannot_be_used_is_refused_in_parts(self):
        empty = self.place / "empty"
        empty.mkdir(exist_ok=True)
        with self.assertRaises(ath.errors.RefusalError) as caught:
            ath.fit(empty, budget="5s", quiet=True)
        self.assertTrue(caught.exception.code and caught.exception.fix and caught.exception.what)

    def test_wrong_arguments_are_told(self):
        photos = self.place / "photos"
        for how, text in (({"budget": "soon"}, "duration"), ({"preset": "best"}, "balanced"), ({"tune": "some"}, "auto")):
            with self.assertRaisesRegex(ath.errors.Error, text):
                ath.fit(photos, **{"budget": "5s", "quiet": True, **how})
        with self.assertRaisesRegex(ath.errors.ShapeError, "uint8"):
            self.model.predict(np.zeros((2, 2), np.float32))
        with self.assertRaises(ath.errors.Error):
            self.model.predict(b"no picture")
        with self.assertRaises(ath.errors.IoError):
            self.model.predict("/no/such/picture.jpg")
        with self.assertRaises(TypeError):
            self.model.predict(3)
        (self.place / "broken.zip").write_bytes(b"PK\x03\x04 no model")
        with self.assertRaises(ath.errors.RefusalError):
            ath.load(self.place / "broken.zip")

    def test_ctrl_c_saves_and_raises(self):
        code = ("import athanor, os, signal, sys, threading\n"
                "threading.Timer(6, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
                "try:\n    athanor.fit(sys.argv[1], budget='5m', out=sys.argv[2], weights='none', quiet=True)\n"
                "except KeyboardInterrupt as stop:\n    print(stop)\n")
        done = subprocess.run([sys.executable, "-c", code, str(self.place / "photos"), str(self.place / "stopped.zip")],
                              capture_output=True, text=True, timeout=120)
        self.assertIn("athanor run resume", done.stdout, done.stderr)


if __name__ == "__main__":
    unittest.main()

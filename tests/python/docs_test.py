"""The Python that the documentation shows runs, in its order, and is the same in both languages."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

PAGES = ("docs/python.md", "docs/text.md")
SOURCE = pathlib.Path(__file__).resolve().parents[2]


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (SOURCE / page).read_text(encoding="utf-8"), re.M | re.S)


class Documentation(unittest.TestCase):
    def test_every_block_runs(self):
        code = [(page, block) for page in PAGES for block in blocks(page)]
        self.assertGreaterEqual(len(code), 7)
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ATHANOR_HOME"] = f"{folder}/home"
            os.chdir(folder)
            subprocess.run([os.environ["ATHANOR_BINARY"], "data", "sample", "photos", "--count", "160", "--side", "64"],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for page, block in code:
                space = {}
                exec(compile(block, page, "exec"), space)  # noqa: S102
                if "accuracy" in space:
                    self.assertGreater(space["accuracy"], 0.95)
            os.chdir("/")

    def test_both_languages_show_the_same(self):
        for page in PAGES:
            self.assertEqual(blocks(page), blocks(page.replace("docs/", "docs/zh-CN/")))

    def test_the_program_in_cpp_is_the_example(self):
        program = (SOURCE / "examples/spirals.cpp").read_text(encoding="utf-8")
        for page in ("docs/cpp.md", "docs/zh-CN/cpp.md"):
            self.assertIn("```cpp\n" + program + "```", (SOURCE / page).read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()

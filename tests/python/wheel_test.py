"""The wheel installs with pip, offline, and works; the stubs name every op."""
import ast
import pathlib
import subprocess
import sys
import tempfile
import unittest

import athanor as ath
from athanor._ops import all_ops

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = pathlib.Path(ath.__file__).parent


class Wheel(unittest.TestCase):
    def test_pip_installs_it_and_it_works(self):
        with tempfile.TemporaryDirectory() as folder:
            pack = [sys.executable, SOURCE / "bindings/python/write_wheel.py", PACKAGE, folder]
            wheel = pathlib.Path(subprocess.run(pack, check=True, capture_output=True, text=True).stdout.strip())
            first = wheel.read_bytes()
            subprocess.run(pack, check=True, capture_output=True)
            self.assertEqual(wheel.read_bytes(), first, "the same package gives the same wheel")
            done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target",
                                   f"{folder}/site", wheel], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            code = "import athanor; print(athanor.__file__, athanor.ones(3).sum().item())"
            found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder,
                                   env={"PYTHONPATH": f"{folder}/site"})
            self.assertEqual(found.stdout.split(), [f"{folder}/site/athanor/__init__.py", "3.0"], found.stderr)


class Stubs(unittest.TestCase):
    def test_they_are_python_and_name_every_op_and_method(self):
        names = {op.name for op in all_ops()}
        tree = ast.parse((PACKAGE / "ops.pyi").read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self.assertEqual(set(functions), names)
        self.assertTrue(all(ast.get_docstring(node) for node in functions.values()))
        tree = ast.parse((PACKAGE / "_athanor.pyi").read_text(encoding="utf-8"))
        (tensor,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Tensor"]
        stubbed = {getattr(node, "name", None) or node.target.id for node in tensor.body}
        public = {name for name in vars(ath.Tensor) if not name.startswith("_")}
        self.assertEqual(public - stubbed, set())

    def test_every_public_function_has_a_docstring(self):
        for module in (ath, ath.nn, ath.nn.functional, ath.nn.init, ath.optim, ath.ops):
            for name, value in vars(module).items():
                if not name.startswith("_") and callable(value) and name != "dtype":
                    self.assertTrue(value.__doc__, f"{module.__name__}.{name}")


if __name__ == "__main__":
    unittest.main()

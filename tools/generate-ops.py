#!/usr/bin/env python3
"""Writes the public op functions and the registry's list from the ATH_OP lines of athanor/ops/*.cpp.

usage: generate-ops.py SOURCE_FOLDER OUTPUT_FOLDER
Writes OUTPUT_FOLDER/athanor/ops/ops.hpp and ops_generated.cpp; leaves a file alone whose content is the same.
"""
import pathlib
import re
import sys

ATTR_TYPES = {
    "flag": "bool", "integer": "std::int64_t", "real": "double", "dims": "const Dims&",
    "text": "const std::string&", "dtype": "DType", "expr": "const Expr&",
}
STRING = r'"(?:[^"\\]|\\.)*"'


def join_literals(text):
    return "".join(s[1:-1] for s in re.findall(STRING, text)).replace('\\"', '"')


def split(text):
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "[") - (c == "]")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    if text[start:].strip():
        parts.append(text[start:].strip())
    return parts


def cpp_default(kind, value):
    if kind == "dims":
        return "Dims" + value.replace("[", "{").replace("]", "}")
    if kind == "dtype":
        return "DType::" + ("boolean" if value == "bool" else value)
    return value


class Op:
    def __init__(self, name, signature, doc):
        self.name, self.signature, self.doc = name, signature, doc
        left, right = signature.rsplit("->", 1)
        self.outputs = [o.strip() for o in right.split(",")]
        self.params, self.inputs, self.attrs = [], [], []  # params: (declaration, default or None)
        self.variadic = None
        for part in split(left.strip()[1:-1]):
            if ":" in part:
                attr, rest = (s.strip() for s in part.split(":", 1))
                kind, _, default = (s.strip() for s in rest.partition("="))
                self.attrs.append(attr)
                self.params.append((f"{ATTR_TYPES[kind]} {attr}", cpp_default(kind, default) if default else None))
            elif part.endswith("..."):
                self.variadic = part[:-3]
                self.params.append((f"std::span<const Tensor> {self.variadic}", None))
            elif part.endswith("?"):
                self.inputs.append(part[:-1])
                self.params.append((f"const Tensor& {part[:-1]}", "{}"))
            else:
                self.inputs.append(part)
                self.params.append((f"const Tensor& {part}", None))

    @property
    def result(self):
        if self.outputs[-1].endswith("..."):
            return "TensorList"
        return "Tensor" if len(self.outputs) == 1 else f"std::array<Tensor, {len(self.outputs)}>"

    def declaration(self, defaults):
        last_without = max([i for i, (_, d) in enumerate(self.params) if d is None], default=-1)
        shown = [p + (f" = {d}" if defaults and d is not None and i > last_without else "")
                 for i, (p, d) in enumerate(self.params)]
        return f"{self.result} {self.name}({', '.join(shown)})"

    def definition(self, index):
        lines = [self.declaration(False) + " {", f"  const OpDef& op = registry()[{index}];"]
        attrs = "Attrs(op.signature" + (", {" + ", ".join(f"Attr({a})" for a in self.attrs) + "}" if self.attrs else "") + ")"
        if self.variadic and not self.inputs:
            lines.append(f"  const std::span<const Tensor> inputs = {self.variadic};")
        elif self.variadic:
            lines.append(f"  SmallVector<Tensor, 8> inputs{{{', '.join(self.inputs)}}};")
            lines.append(f"  inputs.append({self.variadic}.begin(), {self.variadic}.end());")
        else:
            lines.append(f"  const BorrowedTensors<{len(self.inputs)}> inputs{{{', '.join(self.inputs)}}};")
        call = f"dispatch(op, inputs, {attrs})"
        if self.result == "TensorList":
            lines.append(f"  return {call};")
        elif len(self.outputs) == 1:
            lines.append(f"  return std::move({call}[0]);")
        else:
            moves = ", ".join(f"std::move(out[{i}])" for i in range(len(self.outputs)))
            lines += [f"  TensorList out = {call};", f"  return {{{moves}}};"]
        return "\n".join(lines + ["}"])


def read_ops(folder):
    ops = []
    for path in sorted(folder.glob("*.cpp")):
        text = path.read_text(encoding="utf-8")
        for m in re.finditer(r"ATH_OP\(\s*(\w+)\s*,\s*((?:" + STRING + r"\s*)+)\)", text):
            doc = re.search(r"op\.doc\s*=\s*((?:" + STRING + r"\s*)+);", text[m.end():])
            ops.append(Op(m.group(1), join_literals(m.group(2)), join_literals(doc.group(1)) if doc else ""))
    return sorted(ops, key=lambda o: o.name)


def wrap(doc, width=96):
    lines, line = [], "///"
    for word in doc.split():
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = "///"
        line += " " + word
    return lines + [line]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main():
    source, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    ops = read_ops(source)
    names = [o.name for o in ops]
    assert len(set(names)) == len(names), "an op is defined twice"
    header = ["#pragma once", "", "// Written by tools/generate-ops.py from athanor/ops/*.cpp.", "", "#include <array>",
              "#include <cstdint>", "#include <span>", "#include <string>", "", '#include "athanor/op/expr.hpp"',
              '#include "athanor/tensor/tensor.hpp"', "", "namespace athanor::ops {", ""]
    for o in ops:
        header += wrap(o.doc) + [o.declaration(True) + ";", ""]
    header += ["}  // namespace athanor::ops", ""]
    body = ["// Written by tools/generate-ops.py from athanor/ops/*.cpp.", '#include "athanor/ops/ops.hpp"', "",
            '#include "athanor/op/dispatch.hpp"', '#include "athanor/ops/registry.hpp"', "", "namespace athanor::ops {", ""]
    body += [f"void define_{n}(OpDef& op);" for n in names]
    body += ["", "void define_all(Registry& r) {", f"  r.reserve({len(ops)});"]
    body += [f'  define_{o.name}(r.add("{o.name}", R"({o.signature})"));' for o in ops]
    body += ["}", ""]
    body += [o.definition(i) + "\n" for i, o in enumerate(ops)]
    body += ["}  // namespace athanor::ops", ""]
    write(output / "athanor/ops/ops.hpp", "\n".join(header))
    write(output / "athanor/ops/ops_generated.cpp", "\n".join(body))


main()

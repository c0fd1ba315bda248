#!/usr/bin/env python3
"""Packs the built package as a wheel (PEP 427), the same bytes for the same package.

usage: write_wheel.py PACKAGE_FOLDER OUTPUT_FOLDER
"""
import base64
import hashlib
import pathlib
import sys
import sysconfig
import zipfile

package, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
sys.path.insert(0, str(package.parent))
import athanor  # noqa: E402

version = athanor.__version__
python = f"cp{sys.version_info.major}{sys.version_info.minor}"
tag = f"{python}-{python}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
info = f"athanor-{version}.dist-info"
metadata = f"""Metadata-Version: 2.1
Name: athanor
Version: {version}
Summary: Deep learning from tensors to a deployed model, on your own machine
License: Apache-2.0
Requires-Python: =={sys.version_info.major}.{sys.version_info.minor}.*
Requires-Dist: numpy>=1.24
Description-Content-Type: text/plain

{athanor.__doc__}
The C++ part links libraries of Debian 12; the repository's tools/setup installs them.
"""
wheel = f"Wheel-Version: 1.0\nGenerator: athanor\nRoot-Is-Purelib: false\nTag: {tag}\n"

members = {f"athanor/{path.relative_to(package)}": path.read_bytes() for path in sorted(package.rglob("*"))
           if path.suffix in (".py", ".pyi", ".so", ".typed")}
members[f"{info}/METADATA"] = metadata.encode()
members[f"{info}/WHEEL"] = wheel.encode()
record = "".join(
    f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
    for name, data in members.items())
members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()

out.mkdir(parents=True, exist_ok=True)
target = out / f"athanor-{version}-{tag}.whl"
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, data in members.items():
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, (0o755 if name.endswith(".so") else 0o644) << 16
        archive.writestr(entry, data)
print(target)

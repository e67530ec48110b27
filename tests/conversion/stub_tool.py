"""A program that stands for onnx2tf where that cannot be installed: it hands out a recorded conversion, or misbehaves.

It is called and answers as the real one does, and writes over the model it was given, as that one does. It knows one
model, by its hash; of any other it says that it cannot convert it. Its file holds all that it needs, since in its
walls it sees nothing else.
"""

import base64
import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

RECORDED = Path(__file__).with_name("recorded")
SMALL = RECORDED / "small.onnx"
VERSION = "2.6.9"

PROGRAM = """\
#!{python}
import base64, hashlib, os, socket, sys, time
from pathlib import Path

FAULT = {fault!r}
if "--version" in sys.argv:
    print({version!r})
    sys.exit(0)
model = Path(sys.argv[sys.argv.index("-i") + 1])
out = Path(sys.argv[sys.argv.index("-o") + 1])
known = hashlib.sha256(model.read_bytes()).hexdigest() == {sha256!r}
model.write_bytes(b"simplified in place")
if not known:
    sys.exit("ERROR: the op Mystery is not supported")
result = base64.b64decode({result!r})
out.mkdir()
file = out / "model_float32.tflite"
print("converting:  50%|#####     | 77/154 [00:00<00:00, 1297.28it/s]", file=sys.stderr)
if FAULT == "hang":
    time.sleep(600)
elif FAULT == "memory":
    hoard = [bytearray(b"x" * (64 << 20)) for _ in range(1000)]
elif FAULT == "chatter":
    while True:
        print("x" * 65536)
elif FAULT == "crash":
    os.abort()
elif FAULT == "nothing":
    sys.exit(0)
elif FAULT == "garbage":
    result = b"<html>not a model</html>"
elif FAULT == "cut":
    result = result[:1000]
elif FAULT == "huge":
    with file.open("wb") as hole:
        hole.truncate(1 << 40)
elif FAULT == "link":
    file.symlink_to({secret!r})
    sys.exit(0)
elif FAULT == "reads":
    Path({secret!r}).read_text()
elif FAULT == "writes":
    Path({secret!r}).write_text("changed")
elif FAULT == "network":
    socket.socket()
file.write_bytes(result)
(out / "model_float16.tflite").write_bytes(b"another one")
"""


def write_tool(path: Path, fault: str = "", *, version: str = VERSION, secret: Path = Path("/nowhere")) -> Path:
    """Writes the program to `path`. `secret` is a file that it must not touch; "wrong" hands out other weights."""
    result = (RECORDED / "small.tflite").read_bytes()
    if fault == "wrong":
        result = with_other_bias(result)
    text = PROGRAM.format(
        python=sys.executable,
        fault=fault,
        version=version,
        sha256=hashlib.sha256(SMALL.read_bytes()).hexdigest(),
        result=base64.b64encode(result).decode(),
        secret=str(secret),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def with_other_bias(converted: bytes) -> bytes:
    """The recorded conversion, whose scores are off by a tenth."""
    (bias,) = (numpy_helper.to_array(tensor) for tensor in onnx.load(SMALL).graph.initializer if tensor.name == "bias")
    assert converted.count(bias.tobytes()) == 1
    return converted.replace(bias.tobytes(), (bias + np.float32(0.1)).tobytes())

"""torchvision's side of bench_segmentation: MODEL THREADS SECONDS MEMORY_FORMAT WEIGHTS PICTURE OUT,
one line of JSON."""

import json
import sys
import time

import numpy
import torch
import torchvision


def blas():
    """Debian's PyTorch multiplies matrices with whatever BLAS is installed; the reference one is slow."""
    with open("/proc/self/maps") as maps:
        text = maps.read()
    return next((name for name in ("openblas", "blis", "mkl", "atlas") if name in text), "reference BLAS")


def main():
    name, threads, seconds, memory_format, weights, picture, out = sys.argv[1:8]
    torch.set_num_threads(int(threads))
    layout = getattr(torch, memory_format + "_format" if memory_format == "contiguous" else memory_format)
    network = getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None, aux_loss=True)
    network.load_state_dict(torch.load(weights), strict=False)
    network.aux_classifier = None  # only training looks at it
    network = network.eval().to(memory_format=layout)
    x = torch.from_numpy(numpy.load(picture)).to(memory_format=layout)
    times = []
    with torch.no_grad():
        begin = time.perf_counter()
        while time.perf_counter() - begin < float(seconds) or len(times) < 5:
            start = time.perf_counter()
            y = network(x)["out"]
            times.append(time.perf_counter() - start)
    numpy.save(out, y.contiguous().numpy())
    times.sort()
    print(json.dumps({"seconds": times[len(times) // 2], "version": torch.__version__, "blas": blas()}))


main()

"""PyTorch's side of bench_classification, one line of JSON:
infer MODEL WEIGHTS.pth X.npy Y.npy THREADS SECONDS MEMORY_FORMAT
train MODEL BATCH THREADS SECONDS MEMORY_FORMAT"""

import json
import resource
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


def build(name):
    more = {"init_weights": False, "transform_input": False} if name == "googlenet" else {}
    return getattr(torchvision.models, name)(weights=None, **more)


def layout_of(name):
    return {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}[name]


def measure(run, seconds):
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times) < 5:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    times.sort()
    return times[len(times) // 2]


def report(**numbers):
    print(json.dumps({**numbers, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                      "version": torch.__version__, "blas": blas()}))


def infer(name, weights, x, y, threads, seconds, layout):
    torch.set_num_threads(int(threads))
    network = build(name)
    missing, unexpected = network.load_state_dict(torch.load(weights), strict=False)
    assert not unexpected and all(key.endswith("num_batches_tracked") for key in missing), (missing, unexpected)
    network = network.eval().to(memory_format=layout_of(layout))
    pictures = torch.from_numpy(numpy.load(x)).to(memory_format=layout_of(layout))
    with torch.inference_mode():
        numpy.save(y, network(pictures).contiguous().numpy())
        report(seconds=measure(lambda: network(pictures), float(seconds)))


def train(name, batch, threads, seconds, layout):
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    network = build(name).train().to(memory_format=layout_of(layout))
    pictures = (torch.rand(int(batch), 3, 224, 224) * 2 - 1).to(memory_format=layout_of(layout))
    labels = torch.randint(0, 1000, (int(batch),))
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9)
    loss_of = torch.nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        scores = network(pictures)
        if name == "googlenet":
            loss = loss_of(scores.logits, labels) + 0.3 * (
                loss_of(scores.aux_logits1, labels) + loss_of(scores.aux_logits2, labels))
        else:
            loss = loss_of(scores, labels)
        loss.backward()
        optimizer.step()

    step()
    report(images_per_second=int(batch) / measure(step, float(seconds)))


{"infer": infer, "train": train}[sys.argv[1]](*sys.argv[2:])

"""PyTorch's side of bench_sequences: CELL HIDDEN WEIGHTS.pth X.npy Y.npy THREADS SECONDS, one line
of JSON."""

import json
import sys
import time

import numpy
import torch


def blas():
    """Debian's PyTorch multiplies matrices with whatever BLAS is installed; the reference one is slow."""
    with open("/proc/self/maps") as maps:
        text = maps.read()
    return next((name for name in ("openblas", "blis", "mkl", "atlas") if name in text), "reference BLAS")


GATES = {"rnn": [""], "lstm": ["input.", "forget.", "candidate.", "output."],
         "gru": ["reset.", "update.", "candidate."]}


def measure(run, seconds):
    for _ in range(3):
        run()
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times) < 5:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    times.sort()
    return times[len(times) // 2]


def main():
    cell, hidden, weights, x, y, threads, seconds = sys.argv[1:8]
    torch.set_num_threads(int(threads))
    hidden = int(hidden)
    layers = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](hidden, hidden, 2)
    named = torch.load(weights)
    with torch.no_grad():
        for name, parameter in layers.named_parameters():
            what, layer = name.rsplit("_l", 1)
            parameter.copy_(torch.cat([named[f"layers.{layer}.{gate}{what}"] for gate in GATES[cell]]))
    steps = torch.from_numpy(numpy.load(x))
    with torch.inference_mode():
        numpy.save(y, layers(steps)[0].numpy())
        inference = measure(lambda: layers(steps), float(seconds))
    slopes = torch.rand(steps.shape) * 2 - 1
    optimizer = torch.optim.SGD(layers.parameters(), 1e-6)

    def train():
        optimizer.zero_grad(set_to_none=True)
        layers(steps)[0].backward(slopes)
        optimizer.step()

    print(json.dumps({"inference": inference, "training": measure(train, float(seconds)),
                      "version": torch.__version__, "blas": blas()}))


main()

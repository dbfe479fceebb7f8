"""PyTorch's side of bench_training: MODEL BATCH THREADS SECONDS MEMORY_FORMAT, one line of JSON."""

import json
import resource
import sys
import time

import torch
from torch import nn


class Subsampled(nn.Module):
    """The parameter-free shortcut: every second pixel, new channels zero."""

    def __init__(self, added):
        super().__init__()
        self.added = added

    def forward(self, x):
        half = self.added // 2
        return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, self.added - half))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = Subsampled(outputs - inputs) if stride == 2 else nn.Identity()

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    channels = 16
    for outputs in (16, 32, 64):
        for block in range(3):
            layers.append(Block(channels, outputs, 2 if block == 0 and outputs > 16 else 1))
            channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)), (3, 32, 32)


def cnn():
    def stage(inputs, outputs):
        return [nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True), nn.MaxPool2d(2)]

    return nn.Sequential(*stage(1, 32), *stage(32, 64), nn.Flatten(),
                         nn.Linear(3136, 1024), nn.ReLU(inplace=True), nn.Dropout(0.3),
                         nn.Linear(1024, 128), nn.ReLU(inplace=True), nn.Dropout(0.3),
                         nn.Linear(128, 10)), (1, 28, 28)


def blas():
    """Debian's PyTorch multiplies matrices with whatever BLAS is installed; the reference one is slow."""
    with open("/proc/self/maps") as maps:
        text = maps.read()
    return next((name for name in ("openblas", "blis", "mkl", "atlas") if name in text), "reference BLAS")


def main():
    name, batch, threads, seconds, memory_format = sys.argv[1:6]
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    layout = getattr(torch, memory_format + "_format" if memory_format == "contiguous" else memory_format)
    network, shape = {"cnn": cnn, "resnet20": resnet20}[name]()
    network = network.to(memory_format=layout)
    pictures = [(torch.rand(int(batch), *shape) * 2 - 1).to(memory_format=layout) for _ in range(8)]
    labels = [torch.randint(0, 10, (int(batch),)) for _ in range(8)]
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    loss_of = nn.CrossEntropyLoss()
    step = 0

    def run_step():
        nonlocal step
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(network(pictures[step % 8]), labels[step % 8])
        loss.backward()
        optimizer.step()
        step += 1

    for _ in range(3):
        run_step()
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < float(seconds) or len(times) < 5:
        start = time.perf_counter()
        run_step()
        times.append(time.perf_counter() - start)
    times.sort()
    print(json.dumps({
        "images_per_second": int(batch) / times[len(times) // 2],
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "version": torch.__version__,
        "blas": blas(),
    }))


main()

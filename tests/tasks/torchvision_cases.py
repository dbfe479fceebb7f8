"""Prints the first scores of torchvision's networks whose weights are a formula of name and place,
as model_file_test.cpp stores them: python3 torchvision_cases.py NAME..."""
import sys

import numpy as np
import torch
import torchvision


def uniform(name, count):
    """Values in [-1, 1): splitmix64 of FNV-1a of the name, plus the place."""
    start = 0xCBF29CE484222325
    for byte in name.encode():
        start = ((start ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over='ignore'):
        z = np.uint64(start) + np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def fill(net):
    for name, value in net.state_dict().items():
        if not value.is_floating_point():
            continue
        draws = uniform(name, value.numel())
        if name.endswith('running_var'):
            draws = 1 + draws / 2
        elif value.dim() > 1:
            draws = draws * np.sqrt(6 / (value.numel() // value.shape[0]))
        elif name.endswith('weight'):
            draws = 1 + draws / 10
        else:
            draws = draws / 10
        value.copy_(torch.from_numpy(draws.astype(np.float32)).reshape(value.shape))


for name in sys.argv[1:]:
    segments = name.startswith('fcn')
    models = torchvision.models.segmentation if segments else torchvision.models
    more = {'init_weights': False} if name == 'googlenet' else {}
    if segments:
        more = {'weights_backbone': None, 'aux_loss': True}
    height, width = (100, 83) if segments else (224, 224)
    net = getattr(models, name)(weights=None, **more).eval()
    with torch.no_grad():
        fill(net)
        x = torch.from_numpy(uniform('input', 3 * height * width).astype(np.float32))
        y = net(x.reshape(1, 3, height, width))
        y = (y['out'] if segments else y).flatten()
    # A map's scores from all over it.
    some = y[(torch.arange(4) + 1) * (len(y) // 5)] if segments else y[:4]
    scores = ', '.join(f'{v:.6g}' for v in some.tolist())
    print(f'{{"{name}", {y.abs().max().item():.6g}, {{{scores}}}}},')

"""Recurrent layers of PyTorch for pytorch_recurrent_test: FOLDER gets CELL.pth, CELL_x.npy and CELL_y.npy."""

import sys

import numpy
import torch

torch.manual_seed(1)
for name, module in (("rnn", torch.nn.RNN), ("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)):
    layers = torch.nn.ModuleDict({"layers": module(7, 33, 2, bidirectional=True)})
    x = torch.randn(11, 5, 7)
    with torch.no_grad():
        y = layers["layers"](x)[0]
    torch.save(layers.state_dict(), f"{sys.argv[1]}/{name}.pth")
    numpy.save(f"{sys.argv[1]}/{name}_x.npy", x.numpy())
    numpy.save(f"{sys.argv[1]}/{name}_y.npy", y.numpy())

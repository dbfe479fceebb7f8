"""Runs darknet (Debian's package) on an array and lets it write its weights again:
python3 darknet_there.py LIBRARY NET.cfg NET.weights IN.npy OUT.npy SAVED.weights"""
import ctypes
import sys

import numpy as np

library, cfg, weights, given, out, saved = sys.argv[1:]
darknet = ctypes.CDLL(library)
darknet.load_network.restype = ctypes.c_void_p
darknet.network_predict.restype = ctypes.POINTER(ctypes.c_float)
darknet.network_predict.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_float)]
darknet.save_weights.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
net = darknet.load_network(cfg.encode(), weights.encode(), 0)
x = np.ascontiguousarray(np.load(given), dtype=np.float32)
y = darknet.network_predict(net, x.ctypes.data_as(ctypes.POINTER(ctypes.c_float)))
np.save(out, np.ctypeslib.as_array(y, (int(np.load(out).size),)).copy())
darknet.save_weights(net, saved.encode())

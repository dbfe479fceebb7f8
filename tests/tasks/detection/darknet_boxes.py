"""Detects with darknet (Debian's package) as its `detector test` does, or with `dense` as its `yolo
test`, which squeezes the picture; prints a line a box: class score x y w h, in pixels.
python3 darknet_boxes.py LIBRARY NET.cfg NET.weights PICTURE THRESHOLD OVERLAP CLASSES map|dense"""
import ctypes
import os
import sys


class Box(ctypes.Structure):
    _fields_ = [(name, ctypes.c_float) for name in "xywh"]


class Detection(ctypes.Structure):
    _fields_ = [("bbox", Box), ("classes", ctypes.c_int),
                ("prob", ctypes.POINTER(ctypes.c_float)), ("mask", ctypes.POINTER(ctypes.c_float)),
                ("objectness", ctypes.c_float), ("sort_class", ctypes.c_int)]


class Picture(ctypes.Structure):
    _fields_ = [("w", ctypes.c_int), ("h", ctypes.c_int), ("c", ctypes.c_int),
                ("data", ctypes.POINTER(ctypes.c_float))]


library, cfg, weights, picture, threshold, overlap, classes, form = sys.argv[1:]
# What it says goes to stdout, which is for boxes.
keep = os.dup(1)
os.dup2(2, 1)
darknet = ctypes.CDLL(library)
darknet.load_network.restype = ctypes.c_void_p
darknet.load_image_color.restype = Picture
darknet.resize_image.argtypes = [Picture, ctypes.c_int, ctypes.c_int]
darknet.resize_image.restype = Picture
darknet.network_width.argtypes = darknet.network_height.argtypes = [ctypes.c_void_p]
darknet.network_predict.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_float)]
darknet.network_predict_image.argtypes = [ctypes.c_void_p, Picture]
darknet.get_network_boxes.argtypes = [
    ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_float, ctypes.c_float,
    ctypes.POINTER(ctypes.c_int), ctypes.c_int, ctypes.POINTER(ctypes.c_int)]
darknet.get_network_boxes.restype = ctypes.POINTER(Detection)
darknet.do_nms_sort.argtypes = [ctypes.POINTER(Detection), ctypes.c_int, ctypes.c_int,
                                ctypes.c_float]
net = darknet.load_network(cfg.encode(), weights.encode(), 0)
im = darknet.load_image_color(picture.encode(), 0, 0)
if form == "dense":
    squeezed = darknet.resize_image(im, darknet.network_width(net), darknet.network_height(net))
    darknet.network_predict(net, squeezed.data)
else:
    darknet.network_predict_image(net, im)
count = ctypes.c_int(0)
found = darknet.get_network_boxes(net, im.w, im.h, float(threshold), 0.5, None, 0,
                                  ctypes.byref(count))
if count.value:
    darknet.do_nms_sort(found, count.value, int(classes), float(overlap))
lines = []
for i in range(count.value):
    one = found[i]
    for label in range(int(classes)):
        if one.prob[label] > 0:
            b = one.bbox
            lines.append(f"{label} {one.prob[label]:.7f} {b.x:.5f} {b.y:.5f} {b.w:.5f} {b.h:.5f}\n")
os.write(keep, "".join(lines).encode())

#pragma once

/// Everything a user of the library needs. What holds for all of it, unless a header says otherwise:
///
/// - **Threads.** Functions that belong to no object, and Devices, Plans, Programs, Classifiers,
///   SequenceModels, Forecasters, Datasets, Augmentations, registries and Operators, which are immutable once made, may be called
///   by any number of threads at once. Plain values (Graph, Weights, Tensor, Image, options) may be
///   read by any number of threads, or written by one. A Workspace, Optimizer, Builder, BatchSource,
///   Loader, Random, RunFolder, ClassMetrics and Canvas belong to one thread at a time, whichever it
///   is. Callbacks are called on the thread that called what calls them. Work is shared out over a
///   device's own threads; the result does not depend on how many.
/// - **Copies.** A Tensor shares its memory when copied; `clone` makes another. So do Weights. A View
///   is a pointer with sizes: it owns nothing, and is good as long as what it looks at. A plan reads
///   inputs and weights where they lie: they must stay until the run that reads them ends (for
///   training, until backward has). Graphs, options and names are copied, or moved from, by whoever
///   keeps them; Devices and Datasets are kept alive by the shared_ptr they are given as, but where
///   a header says that something must outlive something else.
/// - **Validity.** What a workspace shows (`output`, `gradient`) is good until its next run; `fetch`
///   copies it out. References into registries are good for ever; pointers into a Graph until it
///   is changed.
/// - **Errors.** Everything thrown on purpose is a striate::Error with one line for a person:
///   InputError for what came from outside (files, settings, data), ModelError for a graph or shapes
///   that do not fit, SystemError for what the machine could not do, DivergedError where training
///   met a number that is none, Cancelled where a run was asked to stop. BugError, no Error, is for a
///   call that breaks a line marked REQUIRES, and for faults of ours. Containers may throw
///   std::bad_alloc. After an exception, what was being made is gone and everything else is as it
///   was, but for what a failed run was writing: its workspace, which can be used again, and where
///   training was stepping, the weights of that step. Files are replaced whole or not at all.
/// - The library never prints, never exits, and has no global state that changes.

#include "striate/boxes/coding.h"
#include "striate/boxes/suppression.h"
#include "striate/codec/image.h"
#include "striate/data/annotations.h"
#include "striate/data/loader.h"
#include "striate/data/registry.h"
#include "striate/data/sequences.h"
#include "striate/formats/chain.h"
#include "striate/formats/darknet.h"
#include "striate/formats/npy.h"
#include "striate/formats/onnx.h"
#include "striate/formats/onnx_cases.h"
#include "striate/formats/pytorch.h"
#include "striate/formats/safetensors.h"
#include "striate/graph/plan.h"
#include "striate/graph/rewrite.h"
#include "striate/graph/summary.h"
#include "striate/graph/unroll.h"
#include "striate/models/registry.h"
#include "striate/nn/builder.h"
#include "striate/nn/conv_arithmetic.h"
#include "striate/nn/initialize.h"
#include "striate/nn/load.h"
#include "striate/nn/recurrent.h"
#include "striate/tasks/classification/classifier.h"
#include "striate/tasks/detection/score.h"
#include "striate/tasks/memory.h"
#include "striate/tasks/model_file.h"
#include "striate/tasks/networks.h"
#include "striate/tasks/sequence/forecaster.h"
#include "striate/tasks/sequence/sequence_model.h"
#include "striate/tasks/sequence/series.h"
#include "striate/tasks/sequence/symbol_models.h"
#include "striate/tasks/training.h"
#include "striate/train/checkpoint.h"
#include "striate/train/loop.h"
#include "striate/train/tensor_batches.h"

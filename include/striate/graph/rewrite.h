#pragma once

#include "striate/graph/graph.h"

namespace striate {

/// The graph as it is used after training: batch norms take their running statistics, dropouts are
/// gone, nothing updates state, and what no output needs is dropped, auxiliary scores too. Value and parameter names
/// stay.
Graph inference_form(Graph graph);

/// The graph with each convolution and the inference batch norms, residual add and ReLU or LeakyRelu
/// around it as one node, FusedConv, so that their maps are never written. The batch norm and
/// activation before a convolution are taken in where the device says that it pays. Not for
/// differentiation. Outputs and values of state updates stay; others may go.
Graph fuse_for_inference(Graph graph, const ValueInfos& infos, const Device& device);

/// The graph with each batch norm of training and the ReLU or LeakyRelu behind it as one node,
/// FusedBatchNormalization. Outputs and values of state updates stay; others may go.
Graph fuse_for_training(Graph graph, const ValueInfos& infos, const Device& device);

/// A classifier as a network for pictures of any size (Long, Shelhamer, Darrell, arXiv:1411.4038,
/// section 3.1): each dense layer becomes the convolution that its weights, reshaped, are: with a kernel
/// of the map's size behind a Flatten, 1x1 behind another one; a global average pool takes windows of
/// the map's size at stride 1. For a picture of the size that `graph` was built for it gives what
/// the graph gives, as N,classes,1,1; for a larger one a map of scores. Expects the inference form.
/// Throws ModelError that names the node where a layer behind the maps works on them as a whole, or
/// there is no dense layer.
Graph convolutional_form(Graph graph);
/// The graph's weights, of which those of dense layers are given their new shape: the same numbers.
Weights convolutional_weights(const Graph& convolutional, const Weights& weights);

/// Gives a value (or an input, a parameter, a constant) another name wherever it stands.
/// The names are copies: they may be the graph's own.
void rename_value(Graph& graph, std::string from, std::string to);

/// The graph with those parameters no longer trainable that stand under one of the dotted paths
/// ("layer1" holds layer1.0.conv1.weight, not layer10.…). A batch norm whose scale is among them takes
/// its running statistics, and keeps them. Throws InputError for a path that holds none.
Graph freeze(Graph graph, const std::vector<std::string>& paths);

/// Drops nodes, parameters, constants and inputs that no output and no state update needs.
void prune(Graph& graph);

}  // namespace striate

#pragma once

#include "striate/tasks/training.h"

namespace striate {

/// A training of a sequence model: the data opened and numbered, the network completed by them. Texts
/// are read as `batch` streams side by side whose states go on from batch to batch within a pass,
/// while gradients go back through `sequence.steps` (Zaremba et al., arXiv:1409.2329, section 4.1);
/// what is held back is their end. Other sequences are put into batches of like lengths. Throws as
/// open_training does.
Training open_sequence_training(const TrainingSettings& settings, const Threads& threads,
                                const std::filesystem::path& checkpoint);

/// Turns the states that a graph carries (nn/recurrent.h) into parameters that each training step
/// leaves to the next, times the input `keep`: 0 forgets them. Returns their names.
std::set<std::string> carry_between_steps(Graph& graph, std::int64_t batch);

}  // namespace striate

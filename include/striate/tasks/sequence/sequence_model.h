#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "striate/data/sequences.h"
#include "striate/graph/plan.h"
#include "striate/models/sequence.h"
#include "striate/nn/model_card.h"

namespace striate {

/// A network's settings as the JSON that a card carries, and back. Throws InputError naming `file`
/// for what cannot be meant.
std::string to_definition(const SequenceNetwork& network);
SequenceNetwork read_definition(const std::string& definition, const std::string& file);

/// How well a network does on sequences.
struct SequenceScores {
  std::int64_t count = 0;  ///< symbols, sequences or steps that were asked
  double loss = 0;         ///< mean cross-entropy in nats, or square error
  double right = 0;        ///< share that was answered rightly; not for numbers, nor for texts
  double perplexity() const;
  double bits() const;  ///< a symbol
};

struct SequenceRun {
  std::function<void(std::int64_t done)> on_progress;
  const std::atomic<bool>* cancel = nullptr;
  std::int64_t batch = 0;  ///< sequences at a time; 0: as is quick
};

/// A network that reads sequences, with its symbols and weights. Immutable: several threads may call
/// it at once.
class SequenceModel {
 public:
  /// From a file that a training wrote. Throws InputError naming the file for another kind of model.
  static SequenceModel load(const std::filesystem::path& path,
                            std::shared_ptr<const Device> device);
  SequenceModel(ModelCard card, Weights weights, std::shared_ptr<const Device> device);

  const ModelCard& card() const { return card_; }
  const SequenceNetwork& network() const { return network_; }
  const Weights& weights() const { return weights_; }
  const std::shared_ptr<const Device>& device() const { return device_; }

  /// The numbers of a text's symbols. Throws InputError for one that it does not know, where it has
  /// no "<unk>" either.
  std::vector<std::int64_t> numbered(const std::string& text) const;
  /// Runs over a dataset. Throws InputError where it asks something else than the network answers,
  /// or numbers its symbols otherwise.
  SequenceScores evaluate(const SequenceDataset& dataset, const SequenceRun& run = {}) const;

 private:
  ModelCard card_;
  SequenceNetwork network_;
  Weights weights_;
  std::shared_ptr<const Device> device_;
};

/// Scores of weights on sequences, the programs kept from one call to the next.
class SequenceJudge {
 public:
  SequenceJudge(const std::string& name, const SequenceNetwork& network,
                std::shared_ptr<const Device> device);
  SequenceScores judge(const Weights& weights, const SequenceDataset& dataset,
                       const SequenceRun& run = {}) const;

 private:
  SequenceScores judge_text(const Weights& weights, const std::vector<std::int64_t>& text,
                            const SequenceRun& run) const;

  SequenceNetwork network_;
  std::shared_ptr<const Program> program_;
};

/// How symbols are drawn.
struct DrawOptions {
  double temperature = 1;  ///< 0: always the most likely
  std::int64_t top_k = 0;  ///< only from so many of the likeliest; 0: from all
  std::uint64_t seed = 1;
};

/// The next symbol after those read, one after another. For one thread at a time.
class SymbolStream {
 public:
  /// REQUIRES: `model` outlives the stream. Throws InputError for a model that is not of texts.
  explicit SymbolStream(const SequenceModel& model);

  /// Goes on by one symbol.
  void read(std::int64_t symbol);
  /// ln of each symbol's probability to come next; empty before the first was read.
  const std::vector<double>& log_probabilities() const { return log_probabilities_; }
  /// Draws the symbol that comes next, draw number `step` of the seed's; before the first was read,
  /// any alike. Does not read it.
  std::int64_t draw(const DrawOptions& options, std::int64_t step) const;

 private:
  const SequenceModel& model_;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const Prepared> weights_;
  std::unique_ptr<Workspace> workspace_;
  std::map<std::string, Tensor> states_;  // by graph input
  std::map<std::string, std::string> nexts_;
  std::vector<std::int64_t> window_;
  std::vector<double> log_probabilities_;
};

/// Draws from probabilities given by their logarithms. Throws InputError for options that cannot be
/// meant. REQUIRES: there are some.
std::int64_t draw_symbol(const std::vector<double>& log_probabilities, const DrawOptions& options,
                         std::int64_t step);

}  // namespace striate

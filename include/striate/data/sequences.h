#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "striate/data/dataset.h"

namespace striate {

/// What is asked of a sequence: the next symbol at every step, a symbol at every step, one class for
/// all of it, or one number.
enum class Asked : std::uint8_t { next, symbols, label, number };

std::string_view name_of(Asked asked);

/// What the sequences of a dataset are.
struct SequenceForm {
  Asked asked = Asked::next;
  std::vector<std::string> symbols;  ///< what steps are numbered by; empty where they are numbers
  std::int64_t features = 0;         ///< numbers in a step; 0 where steps are symbols
  std::vector<std::string> classes;  ///< what labels are numbered by
  /// Error of one who always says the same, where that is known: 1/6 for adding.
  double guessing = 0;
};

/// A sequence of T steps and what is asked of it.
struct SequenceExample {
  std::vector<std::int64_t> symbols;  ///< T, or none
  std::vector<float> numbers;         ///< T times features, or none
  std::vector<std::int64_t> targets;  ///< T, for Asked::symbols
  std::int64_t label = 0;
  float number = 0;
};

/// Sequences, each made when it is asked for; a text is one long one. Every member may be called
/// from several threads at once.
class SequenceDataset {
 public:
  SequenceDataset() = default;
  virtual ~SequenceDataset() = default;
  SequenceDataset(const SequenceDataset&) = delete;
  SequenceDataset& operator=(const SequenceDataset&) = delete;

  virtual const SequenceForm& form() const = 0;
  virtual std::int64_t size() const = 0;
  /// Example `index` of a pass, counted from 1: datasets that are made on the fly make others for
  /// each, all alike for pass 0. REQUIRES: 0 <= index < size().
  virtual SequenceExample get(std::int64_t index, std::int64_t pass) const = 0;
  /// Its length in steps, without making it.
  virtual std::int64_t length(std::int64_t index) const = 0;
};

/// Sequences that lie in memory.
class StoredSequences final : public SequenceDataset {
 public:
  StoredSequences(SequenceForm form, std::vector<SequenceExample> examples)
      : form_(std::move(form)), examples_(std::move(examples)) {}

  const SequenceForm& form() const override { return form_; }
  std::int64_t size() const override { return static_cast<std::int64_t>(examples_.size()); }
  SequenceExample get(std::int64_t index, std::int64_t) const override { return at(index); }
  std::int64_t length(std::int64_t index) const override {
    return static_cast<std::int64_t>(at(index).symbols.size());
  }
  const SequenceExample& at(std::int64_t index) const {
    return examples_[static_cast<std::size_t>(index)];
  }

 private:
  SequenceForm form_;
  std::vector<SequenceExample> examples_;
};

/// The parts of a dataset of sequences.
enum class SequenceSplit : std::uint8_t { train, validation, test };

/// How a dataset of sequences is to be opened.
struct SequenceRequest {
  SequenceSplit split = SequenceSplit::train;
  /// What a text is cut into: "characters", or "words": what stands between blanks, and "<eos>" at
  /// the end of each line.
  std::string unit = "characters";
  /// Words that the training text has less often are "<unk>".
  std::int64_t min_count = 1;
  /// The symbols of a model; empty: those of the training part, the most frequent first.
  std::vector<std::string> symbols = {};
  std::uint64_t seed = 1;  ///< of what is made or drawn
};

/// Opens "name:what". Null for the split `validation` where the dataset has none of its own. Throws
/// InputError for a dataset of pictures, and where a text holds a symbol that is not among
/// `request.symbols`, which hold no "<unk>" either: names it and its line.
std::unique_ptr<SequenceDataset> open_sequences(std::string_view name_and_what,
                                                const SequenceRequest& request);

/// Text in UTF-8 by numbers. Throws InputError as open_sequences does, and for another unit.
std::vector<std::int64_t> numbered_symbols(const std::string& text, const std::string& unit,
                                           const std::vector<std::string>& symbols);

}  // namespace striate

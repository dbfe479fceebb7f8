#pragma once

#include <memory>
#include <vector>

#include "striate/data/sequences.h"
#include "striate/train/loop.h"

namespace striate {

// A text as streams side by side, `steps` of each in a batch: `input` [T + window - 1, N], `labels`
// [T * N], and `keep`, 0 in the first batch of a pass and 1 after it, where states are carried.
class TextBatches final : public BatchSource {
 public:
  // Throws InputError where the text is too short for so many streams.
  TextBatches(const std::shared_ptr<const SequenceDataset>& text, std::int64_t streams,
              std::int64_t steps, std::int64_t window, bool carry);

  std::int64_t steps() const override { return (length_ + steps_ - 1) / steps_; }
  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override;
  TrainBatch next() override;

  // Steps at [from, from + steps) of streams of `length` each, all of the text. Before its begin
  // stands symbol 0.
  static TrainBatch cut(const std::vector<std::int64_t>& text, std::int64_t first,
                        std::int64_t length, std::int64_t streams, std::int64_t from,
                        std::int64_t steps, std::int64_t window);

 private:
  std::vector<std::int64_t> text_;
  std::int64_t streams_, steps_, window_, length_, next_ = 0;
  bool carry_;
};

// Examples of a dataset in batches of like lengths: `input` [T, N] or [T, N, features], `lengths` [N]
// (but for Asked::symbols), and `labels` or `target`.
TrainBatch batch_of(const SequenceDataset& dataset, const std::vector<std::int64_t>& indices,
                    std::int64_t pass);
// The examples in batches, shortest first; with a seed, those of one length in an order drawn for the
// pass, and so are the batches.
std::vector<std::vector<std::int64_t>> batches_by_length(const SequenceDataset& dataset,
                                                         std::int64_t batch);
std::vector<std::vector<std::int64_t>> batches_by_length(const SequenceDataset& dataset,
                                                         std::int64_t batch, std::int64_t seed,
                                                         std::int64_t pass);

class LengthBatches final : public BatchSource {
 public:
  LengthBatches(std::shared_ptr<const SequenceDataset> dataset, std::int64_t batch)
      : dataset_(std::move(dataset)), batch_(batch) {}

  std::int64_t steps() const override { return (dataset_->size() + batch_ - 1) / batch_; }
  void start(std::int64_t seed, std::int64_t epoch, std::int64_t first) override;
  TrainBatch next() override;

 private:
  std::shared_ptr<const SequenceDataset> dataset_;
  std::int64_t batch_, pass_ = 0, next_ = 0;
  std::vector<std::vector<std::int64_t>> order_;
};

}  // namespace striate

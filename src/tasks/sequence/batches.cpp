#include "tasks/sequence/batches.h"

#include <algorithm>
#include <numeric>

#include "striate/base/error.h"

namespace striate {
namespace {

std::vector<std::vector<std::int64_t>> cut_order(std::vector<std::int64_t> order,
                                                 const SequenceDataset& dataset,
                                                 std::int64_t batch) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < dataset.size(); ++i) lengths.push_back(dataset.length(i));
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return lengths[static_cast<std::size_t>(a)] < lengths[static_cast<std::size_t>(b)];
  });
  std::vector<std::vector<std::int64_t>> batches;
  for (auto at = order.begin(); at != order.end();) {
    const auto end = at + std::min<std::int64_t>(batch, order.end() - at);
    batches.emplace_back(at, end);
    at = end;
  }
  return batches;
}

}  // namespace

TextBatches::TextBatches(const std::shared_ptr<const SequenceDataset>& text, std::int64_t streams,
                         std::int64_t steps, std::int64_t window, bool carry)
    : text_(text->get(0, 0).symbols),
      streams_(streams),
      steps_(steps),
      window_(window),
      length_((static_cast<std::int64_t>(text_.size()) - 1) / streams),
      carry_(carry) {
  if (length_ < 1) {
    fail<InputError>("a text of {} symbols is too short for {} streams side by side", text_.size(),
                     streams);
  }
}

void TextBatches::start(std::int64_t, std::int64_t, std::int64_t first) { next_ = first; }

TrainBatch TextBatches::next() {
  const std::int64_t from = next_++ * steps_;
  TrainBatch batch =
      cut(text_, 0, length_, streams_, from, std::min(steps_, length_ - from), window_);
  if (carry_) {
    const float keep = from == 0 ? 0.0F : 1.0F;
    batch.inputs["keep"] = Tensor::of<float>({}, {&keep, 1});
  }
  return batch;
}

TrainBatch TextBatches::cut(const std::vector<std::int64_t>& text, std::int64_t first,
                            std::int64_t length, std::int64_t streams, std::int64_t from,
                            std::int64_t steps, std::int64_t window) {
  const std::int64_t history = window - 1;
  Tensor input(DType::i64, {steps + history, streams});
  Tensor labels(DType::i64, {steps * streams});
  std::int64_t* to = input.data<std::int64_t>();
  for (std::int64_t t = -history; t < steps; ++t) {
    for (std::int64_t s = 0; s < streams; ++s) {
      const std::int64_t at = first + s * length + from + t;
      *to++ = at < 0 ? 0 : text[static_cast<std::size_t>(at)];
    }
  }
  to = labels.data<std::int64_t>();
  for (std::int64_t t = 0; t < steps; ++t) {
    for (std::int64_t s = 0; s < streams; ++s) {
      *to++ = text[static_cast<std::size_t>(first + s * length + from + t + 1)];
    }
  }
  return {.inputs = {{"input", std::move(input)}, {"labels", std::move(labels)}},
          .samples = steps * streams};
}

TrainBatch batch_of(const SequenceDataset& dataset, const std::vector<std::int64_t>& indices,
                    std::int64_t pass) {
  const SequenceForm& form = dataset.form();
  const auto n = static_cast<std::int64_t>(indices.size());
  std::vector<SequenceExample> examples;
  std::int64_t steps = 1;  // a batch of empty ones has a step too
  for (const std::int64_t i : indices) {
    examples.push_back(dataset.get(i, pass));
    steps = std::max(steps, dataset.length(i));
  }
  const bool symbols = !form.symbols.empty();
  const std::int64_t width = symbols ? 1 : form.features;
  Tensor input = symbols ? Tensor(DType::i64, {steps, n}) : Tensor(DType::f32, {steps, n, width});
  Tensor lengths(DType::i32, {n});
  Tensor labels(DType::i64, {form.asked == Asked::symbols ? steps * n : n});
  Tensor target(DType::f32, {n, 1});
  if (symbols) std::fill_n(input.data<std::int64_t>(), input.elements(), 0);
  if (!symbols) std::fill_n(input.data<float>(), input.elements(), 0.0F);
  for (std::int64_t s = 0; s < n; ++s) {
    const SequenceExample& example = examples[static_cast<std::size_t>(s)];
    const std::int64_t length = dataset.length(indices[static_cast<std::size_t>(s)]);
    if (form.asked == Asked::symbols && length != steps) {
      throw BugError("internal error: sequences that are asked at every step differ in length");
    }
    lengths.data<std::int32_t>()[s] = static_cast<std::int32_t>(length);
    for (std::int64_t t = 0; t < length; ++t) {
      const auto at = static_cast<std::size_t>(t);
      if (symbols) {
        input.data<std::int64_t>()[t * n + s] = example.symbols[at];
      } else {
        std::copy_n(example.numbers.data() + t * width, width,
                    input.data<float>() + (t * n + s) * width);
      }
      if (form.asked == Asked::symbols) {
        labels.data<std::int64_t>()[t * n + s] = example.targets[at];
      }
    }
    if (form.asked == Asked::label) labels.data<std::int64_t>()[s] = example.label;
    target.data<float>()[s] = example.number;
  }
  TrainBatch batch{.inputs = {{"input", std::move(input)}}, .samples = n};
  if (form.asked == Asked::number) {
    batch.inputs["target"] = std::move(target);
  } else {
    batch.inputs["labels"] = std::move(labels);
  }
  if (form.asked != Asked::symbols) batch.inputs["lengths"] = std::move(lengths);
  return batch;
}

std::vector<std::vector<std::int64_t>> batches_by_length(const SequenceDataset& dataset,
                                                         std::int64_t batch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(dataset.size()));
  std::iota(order.begin(), order.end(), 0);
  return cut_order(std::move(order), dataset, batch);
}

std::vector<std::vector<std::int64_t>> batches_by_length(const SequenceDataset& dataset,
                                                         std::int64_t batch, std::int64_t seed,
                                                         std::int64_t pass) {
  const auto key = [&](const char* purpose) {
    return RandomKey{.seed = static_cast<std::uint64_t>(seed),
                     .purpose = purpose_of(purpose),
                     .step = static_cast<std::uint64_t>(pass)};
  };
  const auto sorted = cut_order(shuffled(dataset.size(), key("sequences")), dataset, batch);
  std::vector<std::vector<std::int64_t>> batches;
  for (const std::int64_t i :
       shuffled(static_cast<std::int64_t>(sorted.size()), key("batches of sequences"))) {
    batches.push_back(sorted[static_cast<std::size_t>(i)]);
  }
  return batches;
}

void LengthBatches::start(std::int64_t seed, std::int64_t epoch, std::int64_t first) {
  order_ = batches_by_length(*dataset_, batch_, seed, epoch);
  pass_ = epoch;
  next_ = first;
}

TrainBatch LengthBatches::next() {
  return batch_of(*dataset_, order_[static_cast<std::size_t>(next_++)], pass_);
}

}  // namespace striate

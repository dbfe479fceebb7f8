// Tasks that ask for a long memory, made on the fly.
// - adding:T (Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997, as
//   Le, Jaitly and Hinton put it, arXiv:1504.00941): T steps of a number of [0, 1) and a mark; one
//   step of each half is marked, and the sum of the two marked numbers is asked. Who always says 1
//   has a mean square error of 1/6.
// - copy:T (as in Arjovsky, Shah and Bengio, arXiv:1511.06464, section 5.1): ten symbols of eight, T - 1 blanks, a
//   sign, ten blanks; blanks are asked, and at the end the ten symbols. Without memory the
//   cross-entropy is 10 ln 8 / (T + 20) at best.

#include <charconv>
#include <cmath>

#include "striate/base/error.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

constexpr std::int64_t kTraining = 10000;
constexpr std::int64_t kTest = 2000;
constexpr std::int64_t kMostSteps = 100000;

std::int64_t steps_of(const std::string& what, const std::string& name, std::int64_t least) {
  std::int64_t steps = 0;
  const char* end = what.data() + what.size();
  const auto [next, error] = std::from_chars(what.data(), end, steps);
  if (error != std::errc() || next != end || steps < least || steps > kMostSteps) {
    fail<InputError>("{}: expected a number of steps from {} to {}, as in {}:100, got \"{}\"", name,
                     least, kMostSteps, name, what);
  }
  return steps;
}

class Made : public SequenceDataset {
 public:
  Made(SequenceForm form, const std::string& name, std::int64_t steps,
       const SequenceRequest& request)
      : steps_(steps),
        form_(std::move(form)),
        seed_(request.seed),
        purpose_(purpose_of(name + (request.split == SequenceSplit::train ? ":train" : ":test"))),
        size_(request.split == SequenceSplit::train ? kTraining : kTest) {}

  const SequenceForm& form() const override { return form_; }
  std::int64_t size() const override { return size_; }

 protected:
  // Draws for one example. What is tested on is the same in every pass.
  Random draws(std::int64_t index, std::int64_t pass) const {
    const bool fresh = size_ == kTraining;
    return {
        {.seed = seed_, .purpose = purpose_, .step = fresh ? static_cast<std::uint64_t>(pass) : 0},
        static_cast<std::uint64_t>(index)};
  }

  std::int64_t steps_;

 private:
  SequenceForm form_;
  std::uint64_t seed_, purpose_;
  std::int64_t size_;
};

class Adding final : public Made {
 public:
  Adding(std::int64_t steps, const SequenceRequest& request)
      : Made({.asked = Asked::number, .features = 2, .guessing = 1.0 / 6}, "adding", steps,
             request) {}

  std::int64_t length(std::int64_t) const override { return steps_; }
  SequenceExample get(std::int64_t index, std::int64_t pass) const override {
    Random random = draws(index, pass);
    SequenceExample example;
    example.numbers.resize(static_cast<std::size_t>(2 * steps_));
    for (std::size_t t = 0; t < static_cast<std::size_t>(steps_); ++t) {
      example.numbers[2 * t] = static_cast<float>(random.uniform());
    }
    const auto half = static_cast<std::uint32_t>(steps_ / 2);
    const std::uint32_t first = random.below(half);
    const std::uint32_t second = half + random.below(static_cast<std::uint32_t>(steps_) - half);
    for (const std::uint32_t t : {first, second}) {
      example.numbers[2 * t + 1] = 1;
      example.number += example.numbers[2 * t];
    }
    return example;
  }
};

class Copy final : public Made {
 public:
  static constexpr std::int64_t kSymbols = 10;

  Copy(std::int64_t steps, const SequenceRequest& request)
      : Made({.asked = Asked::symbols,
              .symbols = {"blank", "1", "2", "3", "4", "5", "6", "7", "8", "now"},
              .guessing = kSymbols * std::log(8.0) / static_cast<double>(steps + 2 * kSymbols)},
             "copy", steps, request) {}

  std::int64_t length(std::int64_t) const override { return steps_ + 2 * kSymbols; }
  SequenceExample get(std::int64_t index, std::int64_t pass) const override {
    Random random = draws(index, pass);
    SequenceExample example;
    const auto all = static_cast<std::size_t>(length(index));
    example.symbols.assign(all, 0);
    example.targets.assign(all, 0);
    for (std::size_t i = 0; i < kSymbols; ++i) {
      example.symbols[i] = 1 + static_cast<std::int64_t>(random.below(8));
      example.targets[all - kSymbols + i] = example.symbols[i];
    }
    example.symbols[all - kSymbols - 1] = 9;
    return example;
  }
};

}  // namespace

void register_dataset_long_memory(DatasetRegistry& registry);
void register_dataset_long_memory(DatasetRegistry& registry) {
  registry.add(
      {.name = "adding",
       .what = "the sum of two marked numbers of T, 10000 made anew each pass, 2000 to test",
       .needs = "nothing, it is made: adding:100",
       .open_sequences = [](const std::string& what,
                            const SequenceRequest& request) -> std::unique_ptr<SequenceDataset> {
         const std::int64_t steps = steps_of(what, "adding", 2);
         if (request.split == SequenceSplit::validation) return nullptr;
         return std::make_unique<Adding>(steps, request);
       }});
  registry.add({.name = "copy",
                .what = "ten symbols to be repeated after T blanks, 10000 made anew each pass",
                .needs = "nothing, it is made: copy:100",
                .open_sequences = [](const std::string& what, const SequenceRequest& request)
                    -> std::unique_ptr<SequenceDataset> {
                  const std::int64_t steps = steps_of(what, "copy", 1);
                  if (request.split == SequenceSplit::validation) return nullptr;
                  return std::make_unique<Copy>(steps, request);
                }});
}

}  // namespace striate

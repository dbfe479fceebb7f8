#include <algorithm>
#include <cmath>

#include "striate/base/error.h"
#include "striate/tasks/sequence/symbol_models.h"

namespace striate {
namespace {

std::size_t at(std::int64_t symbol) { return static_cast<std::size_t>(symbol); }

class ChainReader final : public SymbolReader {
 public:
  explicit ChainReader(const MarkovChain& chain) : chain_(chain) {}

  void read(std::int64_t symbol) override { last_ = symbol; }
  double probability(std::int64_t symbol) const override {
    return last_ < 0 ? chain_.first(symbol) : chain_.transition(last_, symbol);
  }
  std::vector<double> probabilities() const override {
    std::vector<double> all;
    for (std::int64_t j = 0; j < chain_.symbols(); ++j) all.push_back(probability(j));
    return all;
  }
  std::int64_t seen() const override { return last_ < 0 ? 0 : 1; }

 private:
  const MarkovChain& chain_;
  std::int64_t last_ = -1;
};

}  // namespace

double log_likelihood(const SymbolModel& model, std::span<const std::int64_t> text,
                      std::int64_t given) {
  const auto reader = model.reader();
  double sum = 0;
  for (std::size_t t = 0; t < text.size(); ++t) {
    if (t >= static_cast<std::size_t>(given)) sum += std::log(reader->probability(text[t]));
    reader->read(text[t]);
  }
  return sum;
}

MarkovChain::MarkovChain(std::span<const std::int64_t> text, std::int64_t symbols, double smoothing)
    : symbols_(symbols),
      smoothing_(smoothing),
      follows_(at(symbols)),
      left_(at(symbols)),
      counts_(at(symbols)),
      length_(static_cast<std::int64_t>(text.size())) {
  if (text.size() < 2) fail<InputError>("expected a text of at least 2 symbols, got {}", length_);
  if (!(smoothing >= 0 && std::isfinite(smoothing))) {
    fail<InputError>("smoothing: expected 0 or more, got {}", smoothing);
  }
  for (std::size_t t = 0; t < text.size(); ++t) {
    ++counts_[at(text[t])];
    if (t == 0) continue;
    ++follows_[at(text[t - 1])][text[t]];
    ++left_[at(text[t - 1])];
  }
}

double MarkovChain::transition(std::int64_t from, std::int64_t to) const {
  const auto v = static_cast<double>(symbols_);
  const double all = static_cast<double>(left_[at(from)]) + smoothing_ * v;
  if (all == 0) return 1 / v;
  const auto found = follows_[at(from)].find(to);
  const double times = found == follows_[at(from)].end() ? 0.0 : static_cast<double>(found->second);
  return (times + smoothing_) / all;
}

double MarkovChain::first(std::int64_t symbol) const {
  return (static_cast<double>(counts_[at(symbol)]) + smoothing_) /
         (static_cast<double>(length_) + smoothing_ * static_cast<double>(symbols_));
}

std::vector<double> MarkovChain::step(const std::vector<double>& shares) const {
  const auto v = static_cast<double>(symbols_);
  std::vector<double> next(shares.size());
  double alike = 0;  // what every symbol gets: smoothing, and symbols that nothing follows
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double all = static_cast<double>(left_[i]) + smoothing_ * v;
    if (all == 0) {
      alike += shares[i] / v;
      continue;
    }
    alike += shares[i] * smoothing_ / all;
    for (const auto& [j, times] : follows_[i]) {
      next[at(j)] += shares[i] * static_cast<double>(times) / all;
    }
  }
  for (double& share : next) share += alike;
  return next;
}

std::vector<double> MarkovChain::stationary() const {
  constexpr double kNear = 1e-13;
  constexpr int kMostSteps = 1000000;
  std::vector<double> shares;
  for (std::int64_t i = 0; i < symbols_; ++i) shares.push_back(first(i));
  for (int k = 0; k < kMostSteps; ++k) {
    const std::vector<double> next = step(shares);
    double change = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      change = std::max(change, std::abs(next[i] - shares[i]));
      shares[i] = (shares[i] + next[i]) / 2;
    }
    if (change < kNear) break;
  }
  return shares;
}

double MarkovChain::entropy_rate() const {
  const std::vector<double> pi = stationary();
  const auto v = static_cast<double>(symbols_);
  double nats = 0;
  for (std::int64_t i = 0; i < symbols_; ++i) {
    if (pi[at(i)] == 0) continue;
    double here = 0;
    for (const auto& [j, times] : follows_[at(i)]) {
      const double p = transition(i, j);
      here -= p * std::log(p);
    }
    // Those that never follow have one probability.
    const double others = v - static_cast<double>(follows_[at(i)].size());
    const double all = static_cast<double>(left_[at(i)]) + smoothing_ * v;
    const double p = all == 0 ? 1 / v : smoothing_ / all;
    if (p > 0) here -= others * p * std::log(p);
    nats += pi[at(i)] * here;
  }
  return nats;
}

std::unique_ptr<SymbolReader> MarkovChain::reader() const {
  return std::make_unique<ChainReader>(*this);
}

std::int64_t MarkovChain::parameters() const {
  std::int64_t count = 0;
  for (const auto& row : follows_) count += static_cast<std::int64_t>(row.size());
  return count;
}

}  // namespace striate

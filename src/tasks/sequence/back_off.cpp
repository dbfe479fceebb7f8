#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "striate/base/error.h"
#include "striate/tasks/sequence/symbol_models.h"

namespace striate {

namespace {

// The state that a symbol leads to, or -1.
template <class State>
std::int32_t next_of(const State& state, std::int64_t symbol) {
  const auto found =
      std::lower_bound(state.next.begin(), state.next.end(), symbol,
                       [](const auto& entry, std::int64_t value) { return entry.first < value; });
  return found == state.next.end() || found->first != symbol ? -1 : found->second;
}

// A suffix automaton while it is built.
template <class State>
struct Automaton {
  std::vector<State> states = std::vector<State>(1);
  std::int32_t last = 0;

  State& of(std::int32_t s) { return states[static_cast<std::size_t>(s)]; }

  void lead(std::int32_t s, std::int32_t symbol, std::int32_t to) {
    auto& all = of(s).next;
    const auto found =
        std::lower_bound(all.begin(), all.end(), symbol,
                         [](const auto& entry, std::int32_t value) { return entry.first < value; });
    if (found != all.end() && found->first == symbol) {
      found->second = to;
    } else {
      all.insert(found, {symbol, to});
    }
  }

  // Blumer et al.'s step: one more symbol at the end of the text.
  void extend(std::int32_t symbol) {
    const auto added = static_cast<std::int32_t>(states.size());
    states.push_back({.length = of(last).length + 1, .count = 1});
    std::int32_t s = last;
    for (; s >= 0 && next_of(of(s), symbol) < 0; s = of(s).shorter) lead(s, symbol, added);
    last = added;
    if (s < 0) {
      of(added).shorter = 0;
      return;
    }
    const std::int32_t to = next_of(of(s), symbol);
    if (of(to).length == of(s).length + 1) {
      of(added).shorter = to;
      return;
    }
    const auto copy = static_cast<std::int32_t>(states.size());
    State copied = of(to);
    copied.length = of(s).length + 1;
    copied.count = 0;
    states.push_back(std::move(copied));
    for (; s >= 0 && next_of(of(s), symbol) == to; s = of(s).shorter) lead(s, symbol, copy);
    of(to).shorter = copy;
    of(added).shorter = copy;
  }
};

}  // namespace

class BackOffReader final : public SymbolReader {
 public:
  explicit BackOffReader(const BackOff& model) : model_(model) {}

  void read(std::int64_t symbol) override {
    const std::vector<BackOff::State>& states = *model_.states_;
    std::int32_t to = next_of(state(state_), symbol);
    while (to < 0 && state_ != 0) {
      state_ = states[static_cast<std::size_t>(state_)].shorter;
      length_ = states[static_cast<std::size_t>(state_)].length;
      to = next_of(state(state_), symbol);
    }
    if (to < 0) return;  // never seen: the empty context
    state_ = to;
    ++length_;
    const std::int64_t order = model_.options_.order;
    if (order == 0 || length_ <= order) return;
    length_ = static_cast<std::int32_t>(order);
    while (shorter_length() >= length_) state_ = states[static_cast<std::size_t>(state_)].shorter;
  }

  double probability(std::int64_t symbol) const override {
    // From the longest context on, until the rest no longer counts.
    double sum = 0;
    double rest = 1;
    for (std::int32_t s = state_; s >= 0; s = state(s).shorter) {
      const BackOff::State& here = state(s);
      if (here.follow == 0) continue;
      const std::int32_t to = next_of(here, symbol);
      const auto all = static_cast<double>(here.follow);
      const double d = model_.options_.discount;
      if (to >= 0) sum += rest * std::max(static_cast<double>(state(to).count) - d, 0.0) / all;
      rest *= d * static_cast<double>(here.next.size()) / all;
    }
    return sum + rest / static_cast<double>(model_.symbols_);
  }

  std::vector<double> probabilities() const override {
    std::vector<double> all(static_cast<std::size_t>(model_.symbols_));
    double rest = 1;
    for (std::int32_t s = state_; s >= 0; s = state(s).shorter) {
      const BackOff::State& here = state(s);
      if (here.follow == 0) continue;
      const auto follow = static_cast<double>(here.follow);
      const double d = model_.options_.discount;
      for (const auto& [symbol, to] : here.next) {
        all[static_cast<std::size_t>(symbol)] +=
            rest * std::max(static_cast<double>(state(to).count) - d, 0.0) / follow;
      }
      rest *= d * static_cast<double>(here.next.size()) / follow;
    }
    for (double& p : all) p += rest / static_cast<double>(model_.symbols_);
    return all;
  }

  std::int64_t seen() const override { return length_; }

 private:
  const BackOff::State& state(std::int32_t s) const {
    return (*model_.states_)[static_cast<std::size_t>(s)];
  }
  std::int32_t shorter_length() const {
    const std::int32_t shorter = state(state_).shorter;
    return shorter < 0 ? -1 : state(shorter).length;
  }

  const BackOff& model_;
  std::int32_t state_ = 0;
  std::int32_t length_ = 0;
};

BackOff::BackOff(std::span<const std::int64_t> text, std::int64_t symbols, const Options& options)
    : symbols_(symbols), options_(options) {
  constexpr std::size_t kMost = std::size_t{1} << 29;
  if (text.empty() || text.size() > kMost) {
    fail<InputError>("expected a text of 1 to {} symbols, got {}", kMost, text.size());
  }
  check(options);
  states_ = std::make_shared<const std::vector<State>>(automaton(text));
}

BackOff::BackOff(const BackOff& counted, const Options& options)
    : symbols_(counted.symbols_), options_(options), states_(counted.states_) {
  check(options);
}

void BackOff::check(const Options& options) {
  if (options.order < 0) fail<InputError>("order: expected 0 or more, got {}", options.order);
  if (!(options.discount > 0 && options.discount < 1)) {
    fail<InputError>("discount: expected a share between 0 and 1, got {}", options.discount);
  }
}

std::vector<BackOff::State> BackOff::automaton(std::span<const std::int64_t> text) {
  Automaton<State> made;
  made.states.reserve(2 * text.size());
  for (const std::int64_t symbol : text) made.extend(static_cast<std::int32_t>(symbol));
  std::vector<State>& states = made.states;
  // A context stands wherever a longer one does that ends in it.
  std::vector<std::int32_t> order(states.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const auto x = states[static_cast<std::size_t>(a)].length;
    const auto y = states[static_cast<std::size_t>(b)].length;
    return x != y ? x > y : a < b;
  });
  for (const std::int32_t s : order) {
    const State& state = states[static_cast<std::size_t>(s)];
    if (state.shorter >= 0) states[static_cast<std::size_t>(state.shorter)].count += state.count;
  }
  for (State& state : states) {
    for (const auto& [symbol, to] : state.next) {
      state.follow += states[static_cast<std::size_t>(to)].count;
    }
  }
  return std::move(states);
}

std::unique_ptr<SymbolReader> BackOff::reader() const {
  return std::make_unique<BackOffReader>(*this);
}

std::int64_t BackOff::parameters() const {
  std::int64_t count = 0;
  for (const State& state : *states_) {
    const bool used = state.shorter < 0 || options_.order == 0 ||
                      (*states_)[static_cast<std::size_t>(state.shorter)].length < options_.order;
    if (used) count += static_cast<std::int64_t>(state.next.size());
  }
  return count;
}

std::int64_t BackOff::contexts() const { return static_cast<std::int64_t>(states_->size()); }

std::int64_t BackOff::longest_repeated() const {
  std::int64_t longest = 0;
  for (const State& state : *states_) {
    if (state.count > 1 && state.shorter >= 0) {
      longest = std::max<std::int64_t>(longest, state.length);
    }
  }
  return longest;
}

BackOff::Options choose_back_off(std::span<const std::int64_t> text, std::int64_t symbols,
                                 std::span<const std::int64_t> orders) {
  constexpr std::size_t kLeast = 40;
  if (text.size() < kLeast) {
    fail<InputError>("a text of {} symbols is too short to choose by; at least {}", text.size(),
                     kLeast);
  }
  const std::size_t border = text.size() - text.size() / 20;
  const BackOff counted(text.first(border), symbols, {});
  // As much before the border as a context may be long that matters.
  const std::size_t before = std::min<std::size_t>(border, 1000);
  const auto tail = text.subspan(border - before);
  BackOff::Options best;
  double most = -std::numeric_limits<double>::infinity();
  const std::vector<std::int64_t> any{0};
  for (const std::int64_t order : orders.empty() ? std::span<const std::int64_t>(any) : orders) {
    for (int tenths = 1; tenths <= 9; ++tenths) {
      const BackOff::Options options{.order = order, .discount = tenths / 10.0};
      const BackOff model(counted, options);
      const double likelihood = log_likelihood(model, tail, static_cast<std::int64_t>(before));
      if (likelihood <= most) continue;
      most = likelihood;
      best = options;
    }
  }
  return best;
}

}  // namespace striate

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace striate {

/// Symbols by number.
using Symbols = std::vector<std::int64_t>;

/// What comes next after the symbols read so far. For one thread at a time; the model that made it
/// must outlive it.
class SymbolReader {
 public:
  SymbolReader() = default;
  SymbolReader(const SymbolReader&) = delete;
  SymbolReader& operator=(const SymbolReader&) = delete;
  virtual ~SymbolReader() = default;

  virtual void read(std::int64_t symbol) = 0;
  virtual double probability(std::int64_t symbol) const = 0;
  /// Of every symbol.
  virtual std::vector<double> probabilities() const = 0;
  /// How many of the last symbols the answer depends on.
  virtual std::int64_t seen() const = 0;
};

/// A model of symbols that counts. Immutable.
class SymbolModel {
 public:
  SymbolModel() = default;
  SymbolModel(const SymbolModel&) = delete;
  SymbolModel& operator=(const SymbolModel&) = delete;
  virtual ~SymbolModel() = default;

  virtual std::unique_ptr<SymbolReader> reader() const = 0;
  /// Numbers that were counted and are not zero.
  virtual std::int64_t parameters() const = 0;
};

/// ln of a text's joint probability, the sum of ln P(x_t | x_1 … x_{t-1}) from its second symbol on.
/// Of the first symbols `given` is not asked. REQUIRES: given >= 1, or nothing is given to read.
double log_likelihood(const SymbolModel& model, std::span<const std::int64_t> text,
                      std::int64_t given = 1);

/// A Markov chain: P(j | i) = (n_ij + a) / (n_i + a V), n_ij the times that j follows i in the text, n_i
/// their sum over j, V the count of symbols and a the smoothing. With a = 0 it is the maximum
/// likelihood; what never follows then has probability 0, and after a symbol that nothing follows all
/// are alike. Before the first symbol, P(j) is its share in the text, smoothed likewise.
class MarkovChain final : public SymbolModel {
 public:
  /// Throws InputError for a text of fewer than two symbols and a smoothing under 0. REQUIRES: every
  /// symbol is of [0, symbols).
  MarkovChain(std::span<const std::int64_t> text, std::int64_t symbols, double smoothing = 0);

  std::int64_t symbols() const { return symbols_; }
  double transition(std::int64_t from, std::int64_t to) const;
  double first(std::int64_t symbol) const;
  /// pi = pi P, reached from the first probabilities by the lazy chain (pi + pi P) / 2, which settles
  /// where the chain itself may alternate; within 1e-13.
  std::vector<double> stationary() const;
  /// -sum pi_i P(j | i) ln P(j | i): nats that a symbol of the chain tells.
  double entropy_rate() const;

  std::unique_ptr<SymbolReader> reader() const override;
  std::int64_t parameters() const override;

 private:
  std::vector<double> step(const std::vector<double>& shares) const;

  std::int64_t symbols_;
  double smoothing_;
  std::vector<std::map<std::int64_t, std::int64_t>> follows_;
  std::vector<std::int64_t> left_, counts_;  // n_i, and the times that i stands in the text
  std::int64_t length_;
};

/// Contexts of any length, or of `order` symbols at most, with absolute discounting interpolated (Ney,
/// Essen and Kneser, "On structuring probabilistic dependences in stochastic language modelling",
/// 1994):
///
///   P(w | h) = max(c(hw) - D, 0) / c(h) + D n(h) / c(h) P(w | h'),
///
/// c the count in the text (for h: of what follows it), n(h) the count of different symbols that
/// follow h, and h' the longest end of h that stands in more places than h: contexts that stand in
/// the same places say the same, and count once. Before the empty context all symbols are alike. The
/// contexts are the states of the text's suffix automaton (Blumer et al., 1985): at most two for each
/// symbol, whatever their length.
class BackOff final : public SymbolModel {
 public:
  struct Options {
    std::int64_t order = 0;  ///< symbols of context; 0: any
    double discount = 0.75;
  };
  /// Throws InputError for options that cannot be used and a text that is empty or too long. REQUIRES: as above.
  BackOff(std::span<const std::int64_t> text, std::int64_t symbols, const Options& options);
  /// The same counts, used in another way.
  BackOff(const BackOff& counted, const Options& options);

  std::unique_ptr<SymbolReader> reader() const override;
  std::int64_t parameters() const override;
  /// Different contexts, and the longest that stands in two places.
  std::int64_t contexts() const;
  std::int64_t longest_repeated() const;

 private:
  friend class BackOffReader;
  struct State {
    std::int32_t length = 0;  // of its longest context
    std::int32_t shorter = -1;
    std::int64_t count = 0;   // places that it stands in
    std::int64_t follow = 0;  // of these, places that a symbol follows
    std::vector<std::pair<std::int32_t, std::int32_t>> next;  // symbol, state; by symbol
  };

  static void check(const Options& options);
  static std::vector<State> automaton(std::span<const std::int64_t> text);

  std::int64_t symbols_;
  Options options_;
  std::shared_ptr<const std::vector<State>> states_;
};

/// The discount of 0.1, 0.2, … 0.9 and the order (where `orders` holds some) with the greatest likelihood of
/// the text's last twentieth, counted without it. Throws InputError for a text of fewer than forty
/// symbols.
BackOff::Options choose_back_off(std::span<const std::int64_t> text, std::int64_t symbols,
                                 std::span<const std::int64_t> orders);

}  // namespace striate

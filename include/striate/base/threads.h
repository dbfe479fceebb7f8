#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace striate {

/// A fixed set of worker threads that share loops. Results never depend on the number of threads:
/// a loop's items are fixed by its caller and each writes only what is its own.
///
/// Several threads may call `run` at once; their loops take turns. A loop started from inside
/// another runs on the calling thread.
class Threads {
 public:
  /// `count` threads take part in a loop, the caller among them; 0 means one for each processor
  /// this process may run on.
  explicit Threads(int count = 0);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int count() const;

  /// Calls body(item) once for each item in [0, items), on any thread, in any order, and returns
  /// when all are done. The first exception thrown by a body is thrown again here.
  void run(std::int64_t items, const std::function<void(std::int64_t item)>& body) const;

  /// The same, with the number of the executing thread in [0, count()), for scratch memory.
  void run_with_thread(std::int64_t items,
                       const std::function<void(std::int64_t item, int thread)>& body) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Processors this process may run on (its affinity and control-group quota considered).
int available_processors();

}  // namespace striate

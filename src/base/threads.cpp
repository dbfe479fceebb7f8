#include "striate/base/threads.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <fstream>
#include <mutex>
#include <sched.h>
#include <string>
#include <thread>
#include <vector>

namespace striate {
namespace {

// Set while a thread executes a loop body: a loop inside a loop runs where it is.
thread_local bool inside_loop = false;

struct Loop {
  std::int64_t items = 0;
  const std::function<void(std::int64_t, int)>* body = nullptr;
  std::atomic<std::int64_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;

  void work(int thread) {
    inside_loop = true;
    for (std::int64_t item = next++; item < items; item = next++) {
      try {
        (*body)(item, thread);
      } catch (...) {
        const std::scoped_lock lock(error_mutex);
        if (!error) error = std::current_exception();
        next = items;
      }
    }
    inside_loop = false;
  }
};

// Tells the processor that this is a polling loop.
void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

// Polls this often before it sleeps: the next loop of a network follows within microseconds.
constexpr int kSpins = 4000;

}  // namespace

struct Threads::State {
  int count = 1;
  std::mutex callers;  // one loop at a time
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<std::uint64_t> generation{0};
  std::atomic<int> busy{0};
  std::atomic<bool> stop{false};
  Loop* loop = nullptr;
  std::vector<std::thread> workers;

  void serve(int thread) {
    std::uint64_t seen = 0;
    while (true) {
      for (int spin = 0; spin < kSpins && generation == seen && !stop; ++spin) {
        relax();
      }
      if (generation == seen) {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stop || generation != seen; });
      }
      if (stop) return;
      seen = generation;
      loop->work(thread);
      --busy;
    }
  }
};

Threads::Threads(int count) : state_(std::make_unique<State>()) {
  state_->count = count > 0 ? count : available_processors();
  for (int thread = 1; thread < state_->count; ++thread) {
    state_->workers.emplace_back([state = state_.get(), thread] { state->serve(thread); });
  }
}

Threads::~Threads() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

int Threads::count() const { return state_->count; }

void Threads::run(std::int64_t items, const std::function<void(std::int64_t)>& body) const {
  run_with_thread(items, [&](std::int64_t item, int) { body(item); });
}

void Threads::run_with_thread(std::int64_t items,
                              const std::function<void(std::int64_t, int)>& body) const {
  if (items <= 0) return;
  if (inside_loop || items == 1 || state_->count == 1) {
    for (std::int64_t item = 0; item < items; ++item) body(item, 0);
    return;
  }
  const std::scoped_lock callers(state_->callers);
  Loop loop;
  loop.items = items;
  loop.body = &body;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->loop = &loop;
    state_->busy = state_->count - 1;
    ++state_->generation;
  }
  state_->wake.notify_all();
  loop.work(0);
  for (int spin = 0; state_->busy != 0; ++spin) {
    if (spin > kSpins) {
      std::this_thread::yield();
    } else {
      relax();
    }
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int processors = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof set, &set) == 0) processors = CPU_COUNT(&set);
  // A container's quota (control groups, version 2): "200000 100000" means two processors.
  std::ifstream quota("/sys/fs/cgroup/cpu.max");
  std::string limit;
  double period = 0;
  if (quota >> limit >> period && limit != "max" && period > 0) {
    processors = std::min(processors, std::max(1, static_cast<int>(std::stod(limit) / period)));
  }
  return std::max(1, processors);
}

}  // namespace striate

#include "striate/data/loader.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>

#include "striate/base/error.h"

namespace striate {

struct Loader::State {
  // One is being made while the others wait.
  static constexpr std::size_t kAhead = 2;

  const Dataset& dataset;
  const LoaderOptions options;
  std::vector<std::int64_t> order;
  std::int64_t batches = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Batch> ready;   // guarded by mutex, as are the next two
  std::exception_ptr error;  // comes after what is ready
  bool finished = false;
  std::atomic<bool> abandoned = false;  // written under mutex, so that no wait misses it

  std::thread thread;

  State(const Dataset& pictures, LoaderOptions wanted)
      : dataset(pictures), options(std::move(wanted)) {
    if (options.batch < 1) {
      fail<InputError>("batch: expected at least one picture, got {}", options.batch);
    }
    if (options.first < 0) fail<InputError>("first: expected a batch, got {}", options.first);
    check(options.preprocessing);
    check_crops(options.preprocessing, options.crops);
    invariant(options.crops == 1 || options.augment.empty(), "crops are for pictures as they are");
    if (options.shuffle) {
      order =
          shuffled(dataset.size(),
                   {.seed = options.seed, .purpose = purpose_of("shuffle"), .step = options.epoch});
    } else {
      order.resize(static_cast<std::size_t>(dataset.size()));
      std::iota(order.begin(), order.end(), std::int64_t{0});
    }
    const std::int64_t full = dataset.size() / options.batch;
    const bool rest = !options.drop_last && dataset.size() % options.batch != 0;
    batches = full + (rest ? 1 : 0);
    try {
      thread = std::thread([this] { make_all(); });
    } catch (const std::system_error& failure) {
      fail<SystemError>("the thread that loads pictures could not be started: {}", failure.what());
    }
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      abandoned = true;
    }
    changed.notify_all();
    thread.join();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // A mask that is left without a single class teaches nothing: it is drawn anew, and left as it is
  // where that does not help.
  void augment(Example& example, std::int64_t index) const {
    SampleKey key{
        .seed = options.seed, .epoch = options.epoch, .index = static_cast<std::uint64_t>(index)};
    constexpr std::uint64_t kTries = 10;
    const std::vector<std::uint8_t>& mask = example.mask.pixels;
    const Example whole = dataset.masked() ? example : Example{};
    for (std::uint64_t trial = 0; trial < kTries; ++trial) {
      options.augment.apply(example, options.preprocessing, key);
      if (!dataset.masked() || std::any_of(mask.begin(), mask.end(),
                                           [](std::uint8_t label) { return label != kVoid; })) {
        return;
      }
      example = whole;
      key.seed = random_words({.seed = options.seed, .purpose = purpose_of("again"), .step = trial},
                              key.index)[0];
    }
    fit_example(example, options.preprocessing);
  }

  Batch make(std::int64_t number) const {
    const Preprocessing& p = options.preprocessing;
    const std::size_t begin = static_cast<std::size_t>(number * options.batch);
    const std::size_t end = std::min(order.size(), begin + static_cast<std::size_t>(options.batch));
    const auto n = static_cast<std::int64_t>(end - begin);
    Batch batch{Tensor(DType::f32, {n * options.crops, p.channels, p.height, p.width}),
                Tensor(DType::i64, dataset.masked() ? Shape{n, p.height, p.width} : Shape{n}),
                {order.begin() + static_cast<std::ptrdiff_t>(begin),
                 order.begin() + static_cast<std::ptrdiff_t>(end)}};
    const std::int64_t values = p.channels * p.height * p.width;
    for (std::int64_t i = 0; i < n && !abandoned; ++i) {
      const std::int64_t index = batch.indices[static_cast<std::size_t>(i)];
      Example example = dataset.get(index);
      float* to = batch.pictures.data<float>() + i * options.crops * values;
      if (!options.augment.empty()) augment(example, index);
      if (dataset.boxed()) {
        fit_example(example, p);
        batch.objects.push_back(std::move(example.objects));
      }
      std::int64_t* labels = batch.labels.data<std::int64_t>();
      if (dataset.masked()) {
        const Image fitted = fit_mask(std::move(example.mask), p);
        std::copy(fitted.pixels.begin(), fitted.pixels.end(), labels + i * p.height * p.width);
      } else {
        labels[i] = example.label;
      }
      if (!options.augment.empty()) {
        normalize(example.picture, p, to);
        continue;
      }
      for (const Image& view : crops(std::move(example.picture), p, options.crops)) {
        normalize(view, p, to);
        to += values;
      }
    }
    return batch;
  }

  void make_all() {
    std::exception_ptr failure;
    try {
      for (std::int64_t number = options.first; number < batches; ++number) {
        Batch batch = make(number);
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return abandoned || ready.size() < kAhead; });
        if (abandoned) return;
        ready.push_back(std::move(batch));
        lock.unlock();
        changed.notify_all();
      }
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex);
      error = failure;
      finished = true;
    }
    changed.notify_all();
  }
};

Loader::Loader(const Dataset& dataset, LoaderOptions options)
    : state_(std::make_unique<State>(dataset, std::move(options))) {}

Loader::~Loader() = default;

std::int64_t Loader::batches() const { return state_->batches; }

std::optional<Batch> Loader::next() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->finished || !state_->ready.empty(); });
  if (state_->ready.empty()) {
    if (state_->error) std::rethrow_exception(state_->error);
    return std::nullopt;
  }
  Batch batch = std::move(state_->ready.front());
  state_->ready.pop_front();
  lock.unlock();
  state_->changed.notify_all();
  return batch;
}

}  // namespace striate

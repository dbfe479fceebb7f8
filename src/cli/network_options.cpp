#include "cli/network_options.h"

#include <algorithm>

#include "striate/base/error.h"

namespace striate {
namespace {

std::vector<std::int64_t> numbers_in(const std::string& text) {
  std::vector<std::int64_t> numbers;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find('x', at), text.size());
    const std::string part = text.substr(at, end - at);
    const bool digits = !part.empty() && part.size() < 8 &&
                        part.find_first_not_of("0123456789") == std::string::npos;
    numbers.push_back(digits ? std::stoll(part) : 0);
    at = end + 1;
  }
  return numbers;
}

}  // namespace

void SizeOptions::add_to(CLI::App& app) {
  app.add_option("--input", input, "input size, CxHxW or NxCxHxW");
  app.add_option("--classes", classes, "classes to tell apart")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24));
}

InputSize SizeOptions::size_for(const ModelSize& natural) const {
  constexpr std::int64_t kMost = 1 << 20;
  InputSize size{.model = natural};
  if (classes > 0) size.model.classes = classes;
  if (input.empty()) return size;
  const std::vector<std::int64_t> numbers = numbers_in(input);
  const bool good = (numbers.size() == 3 || numbers.size() == 4) &&
                    std::all_of(numbers.begin(), numbers.end(),
                                [](std::int64_t n) { return n > 0 && n <= kMost; });
  if (!good) fail<InputError>("--input: expected CxHxW or NxCxHxW, got {}", input);
  const std::size_t skip = numbers.size() - 3;
  if (skip == 1) size.batch = numbers[0];
  size.model.channels = numbers[skip];
  size.model.height = numbers[skip + 1];
  size.model.width = numbers[skip + 2];
  return size;
}

}  // namespace striate

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace striate {

/// The candidate nearest to `word` by Damerau-Levenshtein distance, or "" when none is near enough
/// to be what was meant (more than a third of the letters differ).
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// `; did you mean "resnet20"?` or `; known: a, b, c and 7 more` for the end of an error message.
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

}  // namespace striate

// Files that the documents show are shown as they are.

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "testing/paths.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// What stands in the block of code behind a line that ends in "`path`:".
std::string shown(const std::string& document, const std::string& path) {
  const std::string head = "`" + path + "`:\n```";
  const std::size_t at = document.find(head);
  if (at == std::string::npos) return "not shown";
  const std::size_t begin = document.find('\n', at + head.size()) + 1;
  return document.substr(begin, document.find("```", begin) - begin);
}

TEST(Documents, ShowTheExampleAsItIs) {
  const fs::path root = kSourceFolder;
  const std::string readme = text_of(root / "README.md");
  for (const char* path : {"examples/circle/main.cpp", "examples/circle/CMakeLists.txt"}) {
    EXPECT_EQ(shown(readme, path), text_of(root / path)) << path;
  }
}

}  // namespace
}  // namespace striate

// Any text in UTF-8, and the three files of the Penn Treebank as Mikolov prepared them ("Recurrent
// neural network based language model", 2010), whose text is not free.

#include "data/paths.h"
#include "data/texts.h"
#include "striate/base/error.h"
#include "striate/data/registry.h"

namespace striate {
namespace {

namespace fs = std::filesystem;

void check_there(const fs::path& path, const std::string& name) {
  if (path.empty()) fail<InputError>("{}: a path is needed, as in {}:PATH", name, name);
  if (!present(path)) fail<InputError>("{}: {}: no such file or folder", name, path.string());
}

std::vector<std::string> symbols_for(const SequenceRequest& request,
                                     const std::vector<std::string_view>& training) {
  if (!request.symbols.empty()) return request.symbols;
  if (request.min_count < 1) {
    fail<InputError>("min-count: expected 1 or more, got {}", request.min_count);
  }
  const bool words = request.unit == "words";
  return symbols_of(training, words ? request.min_count : 1, words);
}

// One file, the last tenth of which is the test; or two with a comma between, to train and to test.
std::unique_ptr<SequenceDataset> open_text(const std::string& what,
                                           const SequenceRequest& request) {
  if (request.split == SequenceSplit::validation) return nullptr;
  const bool test = request.split == SequenceSplit::test;
  const std::size_t comma = what.find(',');
  const fs::path first = what.substr(0, comma);
  check_there(first, "text");
  const CutText training = read_text(first, request.unit);
  if (comma != std::string::npos) {
    const fs::path second = what.substr(comma + 1);
    check_there(second, "text");
    std::vector<std::string> symbols = symbols_for(request, training.symbols);
    const CutText wanted = test ? read_text(second, request.unit) : training;
    std::vector<std::int64_t> text = numbered(wanted, 0, wanted.symbols.size(), symbols);
    return text_dataset(std::move(symbols), std::move(text));
  }
  const std::size_t all = training.symbols.size();
  const std::size_t border = all - all / 10;
  // Words of the test are not to be known beforehand; the alphabet is.
  std::vector<std::string_view> known = training.symbols;
  if (request.unit == "words") known.resize(border);
  std::vector<std::string> symbols = symbols_for(request, known);
  std::vector<std::int64_t> text =
      numbered(training, test ? border : 0, test ? all : border, symbols);
  if (text.size() < 2) {
    fail<InputError>("{}: a tenth of {} {} is too little to test on", training.name, all,
                     request.unit);
  }
  return text_dataset(std::move(symbols), std::move(text));
}

std::unique_ptr<SequenceDataset> open_ptb(const std::string& what, const SequenceRequest& request) {
  check_there(what, "ptb");
  const auto file = [&](const char* part) {
    fs::path path = fs::path(what) / (std::string("ptb.") + part + ".txt");
    if (!present(path)) {
      fail<InputError>(
          "{}: no such file; ptb takes a folder with ptb.train.txt, ptb.valid.txt and "
          "ptb.test.txt",
          path.string());
    }
    return path;
  };
  const CutText training = read_text(file("train"), request.unit);
  std::vector<std::string> symbols = symbols_for(request, training.symbols);
  const CutText wanted =
      request.split == SequenceSplit::train
          ? training
          : read_text(file(request.split == SequenceSplit::test ? "test" : "valid"), request.unit);
  std::vector<std::int64_t> text = numbered(wanted, 0, wanted.symbols.size(), symbols);
  return text_dataset(std::move(symbols), std::move(text));
}

}  // namespace

void register_dataset_text(DatasetRegistry& registry);
void register_dataset_text(DatasetRegistry& registry) {
  registry.add({.name = "text",
                .what = "a text in UTF-8, its last tenth to test; or TRAIN,TEST",
                .needs = "any file: text:FILE",
                .open_sequences = open_text});
  registry.add({.name = "ptb",
                .what = "the Penn Treebank's words, 929589 to train",
                .needs = "put ptb.train.txt, ptb.valid.txt and ptb.test.txt into a folder: ptb:DIR",
                .open_sequences = open_ptb});
}

}  // namespace striate

// From the start of the command to the first prediction of a saved cnn: whole processes, as a user
// waits for them.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sys/wait.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peers.h"
#include "striate/striate.h"

namespace striate::bench {
namespace {

namespace fs = std::filesystem;

// A cnn with first weights and a picture, in a folder that goes with the process.
class Scene : public Folder {
 public:
  Scene() {
    const ModelSize size = models().find("cnn").natural;
    ModelCard card{.model = "cnn"};
    for (std::int64_t i = 0; i < size.classes; ++i) card.classes.push_back(std::to_string(i));
    card.preprocessing = {.channels = size.channels,
                          .height = size.height,
                          .width = size.width,
                          .mean = {0.5},
                          .deviation = {0.25}};
    Weights weights = initialize(models().find("cnn").build(size), 1);
    Classifier(card, std::move(weights), make_cpu_device(1)).save(file("cnn.safetensors"));
    write_file(file("picture.png"), encode_png(Image(28, 28, 1)));
  }
};

int run(int argc, char** argv) {
  CLI::App app("From process start to the first prediction of a saved cnn.");
  bool as_json = false;
  int runs = 41;
  app.add_flag("--json", as_json, "one JSON object");
  app.add_option("--runs", runs, "processes to time")->check(CLI::Range(1, 10000));
  CLI11_PARSE(app, argc, argv);
  const fs::path command =
      fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "striate";
  const Scene scene;
  const std::string line = fmt::format("exec '{}' predict '{}' '{}' >/dev/null", command.string(),
                                       scene.file("cnn.safetensors"), scene.file("picture.png"));
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const int status = std::system(line.c_str());
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail<SystemError>("failed: {}", line);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    times.push_back(taken.count() * 1e3);
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  if (as_json) {
    fmt::print("{}\n",
               nlohmann::json{
                   {"median_ms", median}, {"least_ms", times.front()}, {"most_ms", times.back()}}
                   .dump());
  } else {
    fmt::print(
        "first prediction of a saved cnn, from the start of the process: median {:.1f} ms of "
        "{} runs, {:.1f} to {:.1f} (aim: 30 ms)\n",
        median, runs, times.front(), times.back());
  }
  return 0;
}

}  // namespace
}  // namespace striate::bench

int main(int argc, char** argv) { return striate::bench::run(argc, argv); }

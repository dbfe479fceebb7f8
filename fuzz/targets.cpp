#include "fuzz/targets.h"

#include <filesystem>
#include <unistd.h>

#include "striate/codec/csv.h"
#include "striate/codec/gzip.h"
#include "striate/codec/image_size.h"
#include "striate/codec/pickle.h"
#include "striate/codec/zip.h"
#include "striate/striate.h"

namespace striate::fuzz {
namespace {

namespace fs = std::filesystem;
using Input = std::span<const std::uint8_t>;

std::string_view text(Input bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A folder in memory, where there is one, for readers that take paths; gone with the process.
class Scratch {
 public:
  Scratch() {
    std::string name =
        fs::is_directory("/dev/shm") ? "/dev/shm/striate-fuzz-XXXXXX" : "/tmp/striate-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) fail<SystemError>("{}: cannot be made", name);
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }
  // Not write_file: nothing here need survive a power cut.
  fs::path put(const char* name, Input bytes) const {
    const fs::path file = path_ / name;
    std::FILE* out = std::fopen(file.c_str(), "wb");
    if (out == nullptr) fail<SystemError>("{}: cannot be written", file.string());
    if (!bytes.empty()) std::fwrite(bytes.data(), 1, bytes.size(), out);
    std::fclose(out);
    return file;
  }

 private:
  fs::path path_;
};

const Scratch& scratch() {
  static const Scratch folder;
  return folder;
}

void read_all(const Dataset& dataset) {
  for (std::int64_t i = 0; i < std::min<std::int64_t>(dataset.size(), 4); ++i) dataset.get(i);
}

template <void (*kRead)(Input)>
std::string refusal_of(Input bytes) {
  try {
    kRead(bytes);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

void image(Input bytes) {
  const Image picture = decode_image(bytes, "image");
  resize_bilinear(picture, 8, 8);
}

void gzip(Input bytes) { gunzip(bytes, "gzip", 1 << 20); }

void csv(Input bytes) {
  const CsvTable table = read_csv(bytes, "csv");
  double number = 0;
  for (const auto& row : table.rows) {
    for (const std::string& cell : row) csv_number(cell, table.separator, number);
  }
}

void zip(Input bytes) {
  const ZipArchive archive(bytes, "zip");
  for (const auto& entry : archive.entries()) archive.read(entry);
}

void pickle(Input bytes) {
  constexpr std::string_view kGlobals[] = {"collections.OrderedDict", "_codecs.encode"};
  read_pickle(bytes, "pickle", kGlobals);
}

// The first byte says which of the two files the others are.
void idx(Input bytes) {
  if (bytes.empty()) return;
  const std::uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9};
  const std::uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 1, 3};
  const Input rest = bytes.subspan(1);
  const bool first = bytes[0] % 2 == 0;
  const fs::path path = scratch().put("images-idx3", first ? rest : Input(images));
  scratch().put("labels-idx1", first ? Input(labels) : rest);
  read_all(*open_dataset("mnist:" + path.string(), Split::train));
}

void cifar(Input bytes) {
  const fs::path path = scratch().put("batch.bin", bytes);
  read_all(*open_dataset("cifar10:" + path.string(), Split::test));
}

void safetensors(Input bytes) {
  const SafeTensors file = read_safetensors(bytes, "safetensors");
  model_card(file.metadata, "safetensors");
}

void pytorch(Input bytes) { read_pytorch(bytes, "pytorch"); }

// A trained model: the metadata name a network, which is built to hold the weights.
void classifier(Input bytes) {
  static const std::shared_ptr<const Device> device = make_cpu_device(1);
  Classifier::load(scratch().put("model.safetensors", bytes), device);
}

// A network of sequences, which its metadata describe.
void sequence_model(Input bytes) {
  static const std::shared_ptr<const Device> device = make_cpu_device(1);
  SequenceModel::load(scratch().put("sequence.safetensors", bytes), device);
}

void checkpoint(Input bytes) { load_checkpoint(scratch().put("c.safetensors", bytes)); }

void metrics(Input bytes) {
  scratch().put("metrics.jsonl", bytes);
  read_metrics(scratch().path() / "metrics.jsonl");
  RunFolder(scratch().path()).keep_metrics(3);
}

// What models with elements outside the file find there.
constexpr std::uint8_t kSixteen[16] = {};

void onnx(Input bytes) {
  static const fs::path beside = scratch().put("data", Input(kSixteen));
  OnnxModel model = load_onnx(scratch().put("model.onnx", bytes));
  summarize(model.graph);
}

void onnx_tensor(Input bytes) { read_onnx_tensor(bytes, "tensor"); }

void darknet(Input bytes) { summarize(read_darknet(text(bytes), "darknet").graph); }

// Weights for the network of the corpus.
void darknet_weights(Input bytes) {
  static const Graph graph =
      read_darknet(
          "[net]\nheight=4\nwidth=4\nchannels=1\n[convolutional]\nfilters=2\nsize=1\n"
          "batch_normalize=1\nactivation=linear\n[connected]\noutput=2\n"
          "activation=linear\n",
          "network")
          .graph;
  read_darknet_weights(bytes, graph, "weights");
}

void npy(Input bytes) { read_npy_tensor(bytes, "array"); }

void chain(Input bytes) { summarize(read_chain(text(bytes)).graph); }

void mask(Input bytes) { decode_numbers(bytes, "mask"); }

void settings(Input bytes) {
  TrainingSettings read;
  read_toml(text(bytes), "settings", read);
  check(read.train);
  Augmentation::parse(read.augment);
}

void read_and_mend(const fs::path& path, const AnnotationOptions& options = {}) {
  Annotations all = read_annotations(path, options);
  mend(all, BadBoxes::clip);
}

void annotations_xml(Input bytes) { read_and_mend(scratch().put("boxes.xml", bytes)); }
void annotations_json(Input bytes) { read_and_mend(scratch().put("boxes.json", bytes)); }
void annotations_csv(Input bytes) { read_and_mend(scratch().put("boxes.csv", bytes)); }

// The first byte says what the others are: the names of YOLO's classes, its labels, or plain lines.
void annotations_text(Input bytes) {
  if (bytes.empty()) return;
  const Input rest = bytes.subspan(1);
  static const fs::path sizes = [] {
    const std::string_view content = R"({"images": [{"id": 1, "file_name": "a", "width": 20,
                                         "height": 10}]})";
    return scratch().put("sizes.json",
                         {reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  }();
  const fs::path folder = scratch().path() / "labels";
  fs::remove_all(folder);
  fs::create_directory(folder);
  constexpr std::uint8_t kTwo[] = {'a', '\n', 'b', '\n'};
  if (bytes[0] % 3 == 0) scratch().put("labels/data.yaml", rest);
  if (bytes[0] % 3 == 1) scratch().put("labels/classes.txt", kTwo);
  scratch().put("labels/a.txt", bytes[0] % 3 == 0 ? Input() : rest);
  read_and_mend(folder, {.sizes = sizes});
}

void head_of_image(Input bytes) { image_size(bytes, "image"); }

constexpr Target kTargets[] = {
    {"image", refusal_of<image>},
    {"csv", refusal_of<csv>},
    {"gzip", refusal_of<gzip>},
    {"zip", refusal_of<zip>},
    {"pickle", refusal_of<pickle>},
    {"pytorch", refusal_of<pytorch>},
    {"idx", refusal_of<idx>},
    {"cifar", refusal_of<cifar>},
    {"safetensors", refusal_of<safetensors>},
    {"classifier", refusal_of<classifier>},
    {"sequence_model", refusal_of<sequence_model>},
    {"checkpoint", refusal_of<checkpoint>},
    {"metrics", refusal_of<metrics>},
    {"onnx", refusal_of<onnx>},
    {"onnx_tensor", refusal_of<onnx_tensor>},
    {"darknet", refusal_of<darknet>},
    {"darknet_weights", refusal_of<darknet_weights>},
    {"npy", refusal_of<npy>},
    {"chain", refusal_of<chain>},
    {"mask", refusal_of<mask>},
    {"settings", refusal_of<settings>},
    {"annotations_xml", refusal_of<annotations_xml>},
    {"annotations_json", refusal_of<annotations_json>},
    {"annotations_csv", refusal_of<annotations_csv>},
    {"annotations_text", refusal_of<annotations_text>},
    {"image_size", refusal_of<head_of_image>},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

}  // namespace striate::fuzz

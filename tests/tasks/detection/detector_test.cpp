#include "striate/tasks/detection/detector.h"

#include <gmock/gmock.h>

#include "striate/base/error.h"
#include "striate/formats/safetensors.h"
#include "striate/models/registry.h"
#include "striate/tasks/networks.h"
#include "testing/temporary_folder.h"

namespace striate {
namespace {

using ::testing::HasSubstr;

template <class Body>
std::string refusal(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Detectors, AreTheModelsOfTheirTask) {
  for (const DetectorRow& row : detectors().rows()) {
    if (row.name == "darknet") continue;  // any .cfg file with answers of one
    const ModelRow& model = models().find(row.name);
    EXPECT_EQ(model.task, "detection") << row.name;
    EXPECT_TRUE(model.build_detector) << row.name;
  }
  EXPECT_EQ(refusal([] { detectors().find("yoloo"); }),
            "yoloo is no detector; did you mean \"yolo\"?");
}

TEST(Detectors, DefinitionsComeBack) {
  const DetectorNetwork network{.backbone = "alexnet", .grid = 13, .boxes = 3};
  const DetectorNetwork again = read_detector_network(to_definition(network), "f");
  EXPECT_EQ(again.backbone, "alexnet");
  EXPECT_EQ(again.grid, 13);
  // A file may be older than a setting.
  EXPECT_EQ(to_definition(read_detector_network("{}", "f")), to_definition(DetectorNetwork{}));
  const Network described =
      network_of({.model = "yolo", .definition = to_definition({.grid = 4, .boxes = 1})});
  const Graph graph = described.row.build({.height = 64, .width = 64, .classes = 2});
  EXPECT_EQ(infer_shapes(graph).at("logits").shape, Shape({1, 7, 4, 4}));
}

TEST(Detectors, SayWhatAFileIsNot) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/model.safetensors";
  SafeTensors file{
      .metadata = {
          {"model", "cnn"},
          {"classes", "[\"a\"]"},
          {"preprocessing", R"({"channels":1,"height":28,"width":28,"mean":[0],"deviation":[1],)"
                            R"("resize":0,"order":"rgb"})"}}};
  file.tensors["x"] = Tensor(DType::f32, {1});
  save_safetensors(path, file);
  EXPECT_THAT(refusal([&] { load_detector(path, make_cpu_device(1)); }),
              HasSubstr("cnn is no detector"));
  file.metadata = {};
  save_safetensors(path, file);
  EXPECT_THAT(refusal([&] { load_detector(path, make_cpu_device(1)); }),
              HasSubstr("it does not say which model"));
}

}  // namespace
}  // namespace striate

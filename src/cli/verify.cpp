#include <map>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "striate/formats/onnx_cases.h"

namespace striate {
namespace {

struct Arguments {
  std::vector<std::string> folders;
  DeviceOptions run;
};

void verify_command(const Arguments& arguments) {
  const std::shared_ptr<const Device> device = make_device(arguments.run);
  std::vector<OnnxCase> cases;
  for (const std::string& folder : arguments.folders) {
    for (OnnxCase& found : find_onnx_cases(folder)) cases.push_back(std::move(found));
  }
  std::map<Verdict, std::int64_t> count;
  Json lines = Json::array();
  Table table({{"verdict"}, {"case"}, {"why"}});
  {
    Progress progress("verify", static_cast<std::int64_t>(cases.size()), "cases");
    for (const OnnxCase& test : cases) {
      const OnnxCaseResult result = run_onnx_case(test, device);
      ++count[result.verdict];
      const std::string verdict(name_of(result.verdict));
      table.add({verdict, test.name, result.why});
      lines.push_back({{"case", test.name}, {"verdict", verdict}, {"why", result.why}});
      progress.advance_to(static_cast<std::int64_t>(lines.size()));
    }
  }
  if (arguments.run.json) {
    print(Json{{"cases", std::move(lines)},
               {"pass", count[Verdict::pass]},
               {"fail", count[Verdict::fail]},
               {"unsupported", count[Verdict::unsupported]}});
  } else {
    print(fmt::format("{}\n{} cases: {} pass, {} fail, {} unsupported\n", table.str(), cases.size(),
                      count[Verdict::pass], count[Verdict::fail], count[Verdict::unsupported]));
  }
  if (count[Verdict::fail] > 0) throw CLI::RuntimeError(1);
}

void set_up(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("DIR", arguments->folders, "folders of ONNX test cases, searched to the bottom")
      ->required();
  add_options(app, arguments->run);
  app.callback([arguments] { verify_command(*arguments); });
}

}  // namespace

void register_command_verify(CommandRegistry& registry);
void register_command_verify(CommandRegistry& registry) {
  registry.add({.name = "verify",
                .doc = "run ONNX test cases and compare; exit code 1 where one fails",
                .example = "striate verify /usr/share/libonnx-testdata/data/node",
                .set_up = set_up});
}

}  // namespace striate

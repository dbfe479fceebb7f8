#include "striate/nn/model_card.h"

#include <type_traits>

#include <nlohmann/json.hpp>

#include "striate/base/error.h"

namespace striate {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxClasses = 1000000;

Json parsed(const std::string& text, std::string_view key, std::string_view file) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) fail<InputError>("{}: metadata \"{}\" is not JSON", file, key);
  return json;
}

}  // namespace

Metadata to_metadata(const ModelCard& card) {
  Json preprocessing;
  card.preprocessing.fields([&](std::string_view name, const auto& field, std::string_view) {
    preprocessing[std::string(name)] = field;
  });
  constexpr auto kReplace = Json::error_handler_t::replace;  // class names may be any bytes
  Metadata metadata{{"model", card.model},
                    {"classes", Json(card.classes).dump(-1, ' ', false, kReplace)}};
  // What reads no pictures has none.
  if (card.preprocessing.height > 0 || !card.preprocessing.mean.empty()) {
    metadata["preprocessing"] = preprocessing.dump();
  }
  if (!card.symbols.empty()) {
    metadata["symbols"] = Json(card.symbols).dump(-1, ' ', false, kReplace);
  }
  if (!card.definition.empty()) metadata["definition"] = card.definition;
  if (card.convolutional) metadata["convolutional"] = "true";
  return metadata;
}

ModelCard model_card(const Metadata& metadata, std::string_view file) {
  ModelCard card;
  const auto model = metadata.find("model");
  if (model != metadata.end()) card.model = model->second;
  const auto definition = metadata.find("definition");
  if (definition != metadata.end()) card.definition = definition->second;
  const auto convolutional = metadata.find("convolutional");
  card.convolutional = convolutional != metadata.end() && convolutional->second == "true";
  try {
    const auto classes = metadata.find("classes");
    if (classes != metadata.end()) {
      parsed(classes->second, "classes", file).get_to(card.classes);
      if (card.classes.size() > kMaxClasses) fail<InputError>("{}: too many classes", file);
    }
    const auto symbols = metadata.find("symbols");
    if (symbols != metadata.end()) {
      parsed(symbols->second, "symbols", file).get_to(card.symbols);
      if (card.symbols.size() > kMaxClasses) fail<InputError>("{}: too many symbols", file);
    }
    const auto preprocessing = metadata.find("preprocessing");
    if (preprocessing != metadata.end()) {
      const Json json = parsed(preprocessing->second, "preprocessing", file);
      card.preprocessing.fields([&](std::string_view name, auto& field, std::string_view) {
        // Files of the first version have none.
        if ((name == "resize" || name == "order") && !json.contains(std::string(name))) return;
        json.at(std::string(name)).get_to(field);
      });
      check(card.preprocessing);
    }
  } catch (const Json::exception& error) {
    fail<InputError>("{}: its metadata cannot be meant: {}", file, error.what());
  } catch (const InputError& error) {
    const std::string message = error.what();
    if (message.starts_with(file)) throw;
    fail<InputError>("{}: {}", file, message);
  }
  return card;
}

}  // namespace striate

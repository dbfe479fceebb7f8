#include "testing/paths.h"

namespace striate {

const char* const kSourceFolder = STRIATE_SOURCE_DIR;
const char* const kCommand = STRIATE_COMMAND;

}  // namespace striate
